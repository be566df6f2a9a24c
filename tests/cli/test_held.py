"""The brake on the command line: the number is confirmed, held runs are decided (SPEC R22, L1)."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.cli.conftest import Command
from tests.forms import open_case
from tests.rules.nights import at, night_at, project_at, rule_at, work_at
from webapp.clock import pretend
from webapp.projects.models import Project

NOON = at("2026-03-10T12:00:00")
NIGHT = at("2026-03-11T00:00:10")


@pytest.fixture
def careful(session: Session) -> Project:
    project = project_at(NOON, brake_cases=1, brake_percent=10)
    with pretend(NOON):
        for number in range(5):
            open_case(session, project.id, f"c{number}", status="stale" if number else "fresh")
    return project


def test_over_the_brake_the_number_is_confirmed(run: Command, session: Session, careful: Project):
    rule = rule_at(NOON, careful)
    here = ("--project", careful.name)
    for more in ((), ("--confirm-changes", "3")):
        ran = run("rules", "run", rule.rule_id, *here, *more)
        assert ran.code == 1
        assert "would change 4 of 5 open cases" in ran.err
        assert "Add --confirm-changes 4." in ran.err
    assert run("runs", "list", *here, "--json").json == {"runs": []}
    ran = run("rules", "run", rule.rule_id, *here, "--confirm-changes", "4", "--json")
    assert ran.code == 0
    work_at(NIGHT, session, careful)
    shown = run("runs", "show", str(ran.json["id"]), *here, "--json").json
    assert (shown["state"], shown["changed"]) == ("finished", 4)
    ran = run("rules", "run", *here, "--confirm-changes", "4")
    assert ran.code == 2
    assert "name it" in ran.err


def test_switching_off_says_which_run_ends(run: Command, session: Session, careful: Project):
    rule = rule_at(NOON, careful)
    (held,) = night_at(NIGHT, session, careful)
    ran = run("rules", "deactivate", rule.rule_id, "--project", careful.name, "--json")
    assert ran.json["rules"][0]["state"] == "inactive"
    assert ran.err.strip() == f"Run {held.id} waited for a decision, and ended without one."


def test_held_runs_are_decided(run: Command, session: Session, careful: Project):
    for name in ("one", "two"):
        rule_at(NOON, careful, name=name)
    one, two = night_at(NIGHT, session, careful)
    here = ("--project", careful.name)
    listed = run("runs", "list", *here, "--state", "held").out
    assert "held" in listed
    assert "of 4 that would" in listed
    ran = run("runs", "reject", str(two.id), *here, "--reason", "The sign is wrong")
    assert ran.code == 0
    assert "The sign is wrong" in ran.out
    ran = run("runs", "approve", str(one.id), *here, "--json")
    assert (ran.code, ran.json["state"]) == (0, "queued")
    ran = run("runs", "approve", str(one.id), *here)
    assert ran.code == 1
    assert "does not wait" in ran.err
