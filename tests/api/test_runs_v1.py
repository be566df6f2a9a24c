"""Runs over HTTP: queue, look, stop, resume, undo and redo (SPEC I7)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.api.callers import Caller, calling, rule
from tests.factories import project as make_project
from tests.forms import open_case
from webapp.cases.models import Case
from webapp.jobs.models import Job, JobState
from webapp.jobs.tasks import work
from webapp.projects.models import Project

NAMES = {
    "id", "rule_id", "rule_name", "rule_version", "trigger", "as_of", "state", "open_cases",
    "matched", "changed", "closed", "related_updates", "submissions", "unchanged", "skipped",
    "errors", "left", "queued_on", "started_on", "finished_on", "attempts", "error_cases",
}  # fmt: skip


@pytest.fixture
def caller(client: FlaskClient, project: Project) -> Caller:
    return calling(client, project)


@pytest.fixture
def rule_id(session: Session, project: Project, caller: Caller) -> str:
    """A rule that closes two of three patients."""
    for case_id, status in (("a", "completed"), ("b", "completed"), ("c", "open")):
        open_case(session, project.id, case_id, status=status)
    body = rule(criteria=rule()["criteria"][:1], state="inactive")
    made: str = caller.post("rules/v1/", body).get_json()["id"]
    return made


def do_the_work(session: Session, project: Project) -> None:
    """What a worker does, in this process, until nothing waits."""
    while True:
        session.rollback()
        waiting = select(Job.id).where(Job.project_id == project.id, Job.state == JobState.QUEUED)
        job_id = session.scalar(waiting.order_by(Job.id).limit(1))
        if job_id is None:
            return
        work(job_id)


def closed(session: Session, project: Project) -> set[str]:
    session.rollback()
    statement = select(Case.case_id).where(Case.project_id == project.id, Case.closed)
    return set(session.scalars(statement))


def queued(caller: Caller, rule_id: str, **body: Any) -> dict[str, Any]:
    """A run that was asked for."""
    answer = caller.post(f"rules/v1/{rule_id}/runs/", body or None)
    assert answer.status_code == 202, answer.text
    document: dict[str, Any] = answer.get_json()
    assert answer.headers["Location"].endswith(f"/api/runs/v1/{document['id']}/")
    return document


def test_a_run_from_the_request_to_its_end(
    session: Session, project: Project, caller: Caller, rule_id: str
):
    run = queued(caller, rule_id)
    assert set(run) >= NAMES
    assert (run["state"], run["trigger"], run["as_of"]) == ("queued", "api", None)
    assert (run["rule_id"], run["rule_version"]) == (rule_id, 1)
    assert run["queued_on"]
    assert (run["started_on"], run["finished_on"], run["attempts"]) == (None, None, 0)

    do_the_work(session, project)
    done = caller.get(f"runs/v1/{run['id']}/").get_json()
    counts = {name: done[name] for name in (
        "state", "open_cases", "matched", "changed", "closed", "related_updates", "submissions",
        "unchanged", "skipped", "errors", "left", "error_cases", "attempts",
    )}  # fmt: skip
    assert counts == {
        "state": "finished", "open_cases": 3, "matched": 2, "changed": 2, "closed": 2,
        "related_updates": 0, "submissions": 2, "unchanged": 0, "skipped": 0, "errors": 0,
        "left": 0, "error_cases": [], "attempts": 1,
    }  # fmt: skip
    assert run["queued_on"] <= done["started_on"] <= done["finished_on"]
    assert closed(session, project) == {"a", "b"}

    after = caller.get(f"rules/v1/{rule_id}/").get_json()
    assert after["last_run"]
    assert after["last_attempt"]


def test_preview_says_what_the_run_does(
    session: Session, project: Project, caller: Caller, rule_id: str
):
    said = caller.post(f"rules/v1/{rule_id}/preview/").get_json()
    run = queued(caller, rule_id)
    do_the_work(session, project)
    done = caller.get(f"runs/v1/{run['id']}/").get_json()
    assert (said["open_cases"], said["matched"]) == (done["open_cases"], done["matched"])
    assert (said["would_change"], said["would_close"]) == (done["changed"], done["closed"])
    assert said["submissions"] == done["submissions"]


def test_a_run_as_of_another_day_keeps_it(
    session: Session, project: Project, caller: Caller, rule_id: str
):
    run = queued(caller, rule_id, as_of="2020-01-01T12:00:00+02:00")
    assert run["as_of"] == "2020-01-01T10:00:00.000000Z"
    do_the_work(session, project)
    assert caller.get(f"runs/v1/{run['id']}/").get_json()["as_of"] == run["as_of"]


def test_cases_at_fault_are_named(session: Session, project: Project, caller: Caller):
    open_case(session, project.id, "good", title="short")
    open_case(session, project.id, "bad", title="x" * 300)
    made = caller.post("rules/v1/", rule(
        match="every_case", criteria=[], state="inactive",
        actions=[{"kind": "copy", "property": "name", "from": "title"}],
    ))  # fmt: skip
    run = queued(caller, made.get_json()["id"])
    do_the_work(session, project)
    done = caller.get(f"runs/v1/{run['id']}/").get_json()
    assert (done["state"], done["changed"], done["errors"]) == ("finished", 1, 1)
    (fault,) = done["error_cases"]
    assert fault["case_id"] == "bad"
    assert "255" in fault["message"]
    assert caller.get("runs/v1/").get_json()["objects"] == [done]


def test_a_draft_is_not_run(caller: Caller):
    draft = caller.post("rules/v1/", rule()).get_json()["id"]
    answer = caller.post(f"rules/v1/{draft}/runs/")
    assert answer.status_code == 409
    assert "draft" in answer.get_json()["error"]


def test_the_list_is_newest_first_and_comes_in_parts(
    client: FlaskClient, session: Session, project: Project, caller: Caller, rule_id: str
):
    other = caller.post("rules/v1/", rule(name="Other", state="inactive")).get_json()["id"]
    runs = [queued(caller, rule_id)["id"] for _ in range(3)] + [queued(caller, other)["id"]]
    listed = caller.get("runs/v1/").get_json()
    assert [run["id"] for run in listed["objects"]] == runs[::-1]
    assert all(set(run) >= NAMES for run in listed["objects"])
    assert listed["meta"]["total_count"] == 4
    part = caller.get("runs/v1/?limit=3").get_json()
    assert part["meta"]["next"] == "?limit=3&offset=3"
    rest = caller.get(f"runs/v1/{part['meta']['next']}").get_json()
    assert [run["id"] for run in part["objects"] + rest["objects"]] == runs[::-1]

    def ids(query: str) -> list[int]:
        return [run["id"] for run in caller.get(f"runs/v1/?{query}").get_json()["objects"]]

    assert ids(f"rule_id={other}") == runs[3:]
    assert ids("rule_id=nobody") == []
    assert ids("state=queued") == runs[::-1]
    assert ids("state=finished") == []
    assert ids(f"rule_id={rule_id}&state=queued&limit=1") == [runs[2]]
    there = calling(client, make_project())
    assert there.get("runs/v1/").get_json()["objects"] == []


def test_one_whose_rule_is_deleted_does_not_go_on(
    session: Session, project: Project, caller: Caller, rule_id: str
):
    run = caller.post(f"rules/v1/{rule_id}/runs/").get_json()["id"]
    assert caller.post(f"runs/v1/{run}/stop/").status_code == 200
    assert caller.delete(f"rules/v1/{rule_id}/").status_code == 204
    answer = caller.post(f"runs/v1/{run}/resume/")
    assert (answer.status_code, answer.get_json()["error"]) == (
        409, "The rule is deleted. Bring it back first, then this run can go on.",
    )  # fmt: skip


def test_stop_and_resume(session: Session, project: Project, caller: Caller, rule_id: str):
    run = queued(caller, rule_id)["id"]
    stopped = caller.post(f"runs/v1/{run}/stop/")
    assert (stopped.status_code, stopped.get_json()["state"]) == (200, "stopped")
    assert caller.post(f"runs/v1/{run}/stop/").status_code == 409
    resumed = caller.post(f"runs/v1/{run}/resume/")
    assert (resumed.status_code, resumed.get_json()["state"]) == (202, "queued")
    assert caller.post(f"runs/v1/{run}/resume/").status_code == 409
    do_the_work(session, project)
    assert caller.get(f"runs/v1/{run}/").get_json()["state"] == "finished"
    assert closed(session, project) == {"a", "b"}
    for verb in ("stop", "resume"):
        answer = caller.post(f"runs/v1/{run}/{verb}/")
        assert answer.status_code == 409
        assert answer.get_json()["error"]


def test_undo_and_redo(session: Session, project: Project, caller: Caller, rule_id: str):
    run = queued(caller, rule_id)["id"]
    do_the_work(session, project)
    answer = caller.post(f"runs/v1/{run}/undo/", {"reason": "too early"})
    assert answer.status_code == 202
    assert answer.get_json()["id"] == run
    assert answer.get_json()["undo"]["state"] == "queued"
    do_the_work(session, project)
    undone = caller.get(f"runs/v1/{run}/").get_json()
    assert (undone["undo"]["state"], undone["undo"]["succeeded"]) == ("finished", 2)
    assert undone["undone"] == undone["submissions"] == 2
    assert closed(session, project) == set()
    assert caller.post(f"runs/v1/{run}/redo/").status_code == 202
    do_the_work(session, project)
    assert closed(session, project) == {"a", "b"}
    assert caller.get(f"runs/v1/{run}/").get_json()["undone"] == 0
    assert caller.post(f"runs/v1/{run}/redo/").status_code == 409


def test_undo_takes_no_body_but_a_reason(caller: Caller, rule_id: str):
    run = queued(caller, rule_id)["id"]
    for body in ({"reason": 5}, {"reason": "a\0b"}, {"reason": "x" * 1001}, {"why": "x"}, [], b"{"):
        assert caller.post(f"runs/v1/{run}/undo/", body).status_code == 400
    for verb in ("stop", "resume", "redo"):
        assert caller.post(f"runs/v1/{run}/{verb}/", {"reason": "x"}).status_code == 400
    assert caller.post(f"runs/v1/{run}/stop/?colour=blue").status_code == 400


@pytest.mark.parametrize("run_id", ["7", "0", "-1", "x", "99999999999", str(2**63), "9" * 400])
def test_a_run_that_is_not_there(client: FlaskClient, caller: Caller, run_id: str, rule_id: str):
    queued(caller, rule_id)
    there = calling(client, make_project())
    for method, verb in (
        ("GET", ""), ("POST", "stop/"), ("POST", "resume/"), ("POST", "undo/"), ("POST", "redo/"),
    ):  # fmt: skip
        answer = there.send(method, f"runs/v1/{run_id}/{verb}", None)
        assert answer.status_code == 404
        assert answer.get_json()["error"]


def test_a_run_of_another_project_does_not_exist(client: FlaskClient, caller: Caller, rule_id: str):
    run = queued(caller, rule_id)["id"]
    there = calling(client, make_project())
    for method, verb in (
        ("GET", ""), ("POST", "stop/"), ("POST", "resume/"), ("POST", "undo/"), ("POST", "redo/"),
    ):  # fmt: skip
        assert there.send(method, f"runs/v1/{run}/{verb}", None).status_code == 404
    assert caller.get(f"runs/v1/{run}/").get_json()["state"] == "queued"
