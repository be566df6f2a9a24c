"""Archiving and restoring forms over HTTP (SPEC I6)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.api.callers import Caller, calling, with_key
from tests.api.test_runs_v1 import do_the_work
from tests.factories import project as make_project
from tests.forms import case_block, form, new_id, open_case, send
from tests.history.bulk import in_state
from webapp.projects.models import Project
from webapp.submissions.archive import OPENED_CASE, WHY_NOT
from webapp.submissions.bulk import UNKNOWN
from webapp.submissions.models import State

PATH = "form/v1/bulk-action/"


@pytest.fixture
def caller(client: FlaskClient, project: Project) -> Caller:
    return calling(client, project)


def asked(caller: Caller, action: str, ids: list[str]) -> dict[str, Any]:
    """Ask for it; how far it is then."""
    answer = caller.post(PATH, {"action": action, "form_ids": ids})
    assert answer.status_code == 202
    made = answer.get_json()
    assert set(made) == {"id", "status_url"}
    assert made["status_url"].endswith(caller.url(f"{PATH}{made['id']}/"))
    return seen(caller, made["id"])


def seen(caller: Caller, number: int) -> dict[str, Any]:
    answer = caller.get(f"{PATH}{number}/")
    assert answer.status_code == 200
    return answer.get_json()


def test_archive_and_unarchive(session: Session, project: Project, caller: Caller):
    opener = open_case(session, project.id, "a").submission_id
    send(session, project.id, form(case_block("a", update={"x": "1"})))
    plain = [open_case(session, project.id, new_id()).submission_id for _ in range(2)]
    first = asked(caller, "archive", [*plain, opener, "nobody", plain[0]])
    number = first["id"]
    assert first == {
        "id": number,
        "action": "archive",
        "status": "queued",
        "requested": 4,
        "processed": 0,
        "succeeded": 0,
        "skipped": {},
    }
    do_the_work(session, project)
    assert seen(caller, number) == first | {
        "status": "finished",
        "processed": 4,
        "succeeded": 2,
        "skipped": {OPENED_CASE: [opener], UNKNOWN: ["nobody"]},
    }
    assert in_state(session, project, State.ARCHIVED) == plain
    back = asked(caller, "unarchive", [*plain, opener])
    do_the_work(session, project)
    found = seen(caller, back["id"])
    assert (found["action"], found["succeeded"]) == ("unarchive", 2)
    assert found["skipped"] == {WHY_NOT[State.NORMAL]: [opener]}
    assert in_state(session, project, State.ARCHIVED) == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"action", "form_ids"}),
        ({"action": "delete", "form_ids": ["a"]}, {"action"}),
        ({"action": ["archive"], "form_ids": ["a"]}, {"action"}),
        ({"action": "archive", "form_ids": []}, {"form_ids"}),
        ({"action": "archive", "form_ids": "a"}, {"form_ids"}),
        ({"action": "archive", "form_ids": ["a"] * 5001}, {"form_ids"}),
        (
            {"action": "archive", "form_ids": ["a", 7, "b c", "d\0", "e" * 256, ""]},
            {f"form_ids[{place}]" for place in (1, 2, 3, 4, 5)},
        ),
        ({"action": "archive", "form_ids": ["a"], "reason": "x"}, {"reason"}),
        ([], set()),
        (b"{", set()),
    ],
)
def test_what_is_wrong_is_named(caller: Caller, body: Any, fields: set[str]):
    answer = caller.post(PATH, body)
    assert answer.status_code == 400
    assert set(answer.get_json()["fields"]) == fields


def test_who_may(client: FlaskClient, session: Session, project: Project, caller: Caller):
    body = {"action": "archive", "form_ids": ["a"]}
    number = asked(caller, "archive", ["a"])["id"]
    assert Caller(client, project).post(PATH, body).status_code == 401
    assert calling(client, project, "viewer").post(PATH, body).status_code == 403
    assert with_key(client, project).post(PATH, body).status_code == 202
    reading = with_key(client, project, read_only=True)
    assert reading.post(PATH, body).status_code == 403
    assert reading.get(f"{PATH}{number}/").status_code == 200
    other = calling(client, make_project())
    assert other.get(f"{PATH}{number}/").status_code == 404
    assert caller.get(f"{PATH}999999999999/").status_code == 404
    assert caller.post(f"{PATH}?colour=red", body).status_code == 400
