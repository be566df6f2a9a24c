"""The brake over HTTP: the number is confirmed, held runs are decided (SPEC R22, I7)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests import factories
from tests.api.callers import Caller, calling, rule
from tests.forms import open_case
from tests.rules.nights import at, night_at, project_at, rule_at, work_at
from webapp.clock import pretend
from webapp.projects.models import Project

NOON = at("2026-03-10T12:00:00")
NIGHT = at("2026-03-11T00:00:10")


@pytest.fixture
def careful(session: Session) -> Project:
    """Four of five patients are stale, and the brake holds from two on."""
    project = project_at(NOON, brake_cases=1, brake_percent=10, daily_limit=3)
    with pretend(NOON):
        for number in range(5):
            open_case(session, project.id, f"c{number}", status="stale" if number else "fresh")
    return project


@pytest.fixture
def caller(client: FlaskClient, careful: Project) -> Caller:
    return calling(client, careful)


STALE = [{"kind": "property", "property": "status", "operator": "equals", "value": "stale"}]


def test_over_the_brake_the_number_is_confirmed(session: Session, careful: Project, caller: Caller):
    made = caller.post("rules/v1/", rule(criteria=STALE, state="inactive")).get_json()
    path = f"rules/v1/{made['id']}/"
    preview = caller.post(f"{path}preview/").get_json()
    assert preview["brake"] == {"cases": 1, "percent": 10, "holds": True}
    assert preview["limit"] == {"daily": 3, "used": 0, "left": 3, "cuts": True}
    for body in (None, {}, {"confirm_changes": None}, {"confirm_changes": 5}):
        answer = caller.post(f"{path}runs/", body)
        assert answer.status_code == 409
        document = answer.get_json()
        assert (document["confirm_changes"], document["open_cases"]) == (4, 5)
        assert "4 of 5 open cases" in document["error"]
    assert caller.get("runs/v1/").get_json()["meta"]["total_count"] == 0
    answer = caller.post(f"{path}runs/", {"confirm_changes": 4})
    assert answer.status_code == 202
    work_at(NIGHT, session, careful)
    run = caller.get(f"runs/v1/{answer.get_json()['id']}/").get_json()
    assert (run["state"], run["changed"], run["left"]) == ("stopped", 3, 1)
    assert "limit of 3" in run["problem"]


def test_a_held_run_is_approved_or_rejected(session: Session, careful: Project, caller: Caller):
    for name in ("one", "two"):
        rule_at(NOON, careful, name=name)
    one, two = night_at(NIGHT, session, careful)
    document = caller.get(f"runs/v1/{one.id}/").get_json()
    assert (document["state"], document["would_change"], document["decision"]) == ("held", 4, None)
    assert document["slot"] == "2026-03-11T00:00:00.000000Z"
    assert document["held_on"]
    listed = caller.get("runs/v1/?state=held").get_json()
    assert [run["id"] for run in listed["objects"]] == [two.id, one.id]
    rejected = caller.post(f"runs/v1/{two.id}/reject/", {"reason": "no"})
    assert rejected.status_code == 200
    assert rejected.get_json()["state"] == "rejected"
    assert rejected.get_json()["decision"]["reason"] == "no"
    answer = caller.post(f"runs/v1/{one.id}/approve/", {"reason": "I looked"})
    assert (answer.status_code, answer.get_json()["state"]) == (202, "queued")
    for verb in ("approve", "reject"):
        again = caller.post(f"runs/v1/{one.id}/{verb}/")
        assert again.status_code == 409
        assert "does not wait" in again.get_json()["error"]


def test_a_viewer_decides_nothing(
    client: FlaskClient, session: Session, careful: Project, caller: Caller
):
    rule_at(NOON, careful)
    (run,) = night_at(NIGHT, session, careful)
    stranger = calling(client, factories.project())
    stranger.project = careful
    for verb in ("approve", "reject"):
        assert (
            calling(client, careful, "viewer").post(f"runs/v1/{run.id}/{verb}/").status_code == 403
        )
        assert stranger.post(f"runs/v1/{run.id}/{verb}/").status_code == 404
    assert caller.get(f"runs/v1/{run.id}/").get_json()["state"] == "held"


def test_next_run_is_the_next_slot(session: Session, careful: Project, caller: Caller):
    made = caller.post("rules/v1/", rule(state="active")).get_json()
    assert made["next_run"].endswith("T00:00:00.000000Z")
    by_hand = rule(name="By hand", state="active", schedule={"every": "hand"})
    assert caller.post("rules/v1/", by_hand).get_json()["next_run"] is None
    assert caller.post("rules/v1/", rule(state="inactive")).get_json()["next_run"] is None


def test_what_ends_a_waiting_run_names_it(session: Session, careful: Project, caller: Caller):
    paths = [f"rules/v1/{rule_at(NOON, careful, name=name).rule_id}/" for name in "abc"]
    held = night_at(NIGHT, session, careful)
    same = caller.get(paths[0]).get_json()
    assert "Casekeeper-Ended-Runs" not in caller.put(paths[0], same).headers
    answers = (
        caller.put(paths[0], same | {"description": "x"}),
        caller.post(f"{paths[1]}deactivate/"),
        caller.delete(paths[2]),
    )
    named = [one.headers["Casekeeper-Ended-Runs"] for one in answers]
    assert named == [str(run.id) for run in held]
