"""`sharing check` and `case reassign` on the command line (SPEC C5, C6)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.cli.conftest import Command
from tests.forms import open_case
from tests.people import scene
from tests.rules.running import case
from webapp.history.filters import UserType
from webapp.history.rows import user_type
from webapp.jobs.tasks import work
from webapp.people.owner_sets import WRONG_SHARING
from webapp.projects.models import Project
from webapp.submissions.models import Submission
from webapp.submissions.own import ASSIGN_XMLNS


def test_the_check_says_what_is_wrong_and_fails_then(
    session: Session, run: Command, project: Project
):
    here = ("--project", project.name)
    clean = run("sharing", "check", *here)
    assert (clean.code, clean.out) == (0, "Nothing is to be mended.\n")
    amina, beno = scene.workers(project, "amina", "beno")
    scene.group(project, "Team", amina)
    scene.group(project, "Empty")
    open_case(session, project.id, "c", owner_id="nobody-7")
    wrong = run("sharing", "check", *here)
    assert wrong.code == 1
    assert WRONG_SHARING in wrong.out
    assert "1 worker has not exactly one sharing owner." in wrong.out
    assert "The owner of 1 open case has no phone:" in wrong.out
    for line in ("  beno shares cases with: nobody", "  1 of nobody-7: nobody has this id"):
        assert line in wrong.out.splitlines()
    told = run("sharing", "check", *here, "--json").json
    assert told == {
        "clean": False,
        "uses_sharing": True,
        "shared_case_types": [],
        "phones_say": WRONG_SHARING,
        "workers": [{"id": beno.user_id, "username": "beno", "owners": []}],
        "lost_cases": [
            {"owner_id": "nobody-7", "name": None, "kind": None, "why": "nobody", "open_cases": 1}
        ],
        "empty_groups": [{"id": told["empty_groups"][0]["id"], "name": "Empty"}],
    }


def test_cases_are_reassigned_by_names(session: Session, run: Command, project: Project):
    here = ("--project", project.name)
    amina, beno = scene.workers(project, "amina", "beno")
    team = scene.group(project, "North Team", beno)
    for name, kind in (("a", "patient"), ("b", "patient"), ("c", "visit")):
        open_case(session, project.id, name, case_type=kind, owner_id=amina.user_id)
    asked = ("case", "reassign", *here, "--owner", "amina", "--to", "north team")
    dry = run(*asked, "--case-type", "patient", "--dry-run")
    assert dry.out == "2 cases would be reassigned.\n"
    assert "1 phone loses open cases at its next sync; most: amina with 2." in dry.err
    assert "1 phone receives open cases; most: beno with 2." in dry.err
    told = run(*asked, "--case-type", "patient", "--json").json
    assert (told["cases"], told["state"]) == (2, "queued")
    work(told["id"])
    assert case(session, project, "a").owner_id == team.group_id
    assert case(session, project, "c").owner_id == amina.user_id
    (written,) = session.scalars(
        select(Submission)
        .where(Submission.project_id == project.id, Submission.xmlns == ASSIGN_XMLNS)
        .limit(1)
    )
    assert (written.username, user_type(written, frozenset())) == (
        "command line",
        UserType.TERMINAL,
    )
    assert run(*asked, "--case-type", "patient").out == "0 cases would be reassigned.\n"
    scene.group(project, "amina")
    several = run(*asked)
    assert several.code == 1
    assert "Several owners are called" in several.err


def test_an_owner_who_would_leave_the_cases_to_nobody_is_refused(
    session: Session, run: Command, project: Project
):
    (chandra,) = scene.workers(project, "chandra")
    scene.deactivate(chandra)
    twice = scene.group(project, "Twice", sharing=False)
    open_case(session, project.id, "a", owner_id="-")
    asked = ("case", "reassign", "--project", project.name, "--owner", "-")
    for to, why in (
        ("Twice", "Case sharing is off for the group Twice"),
        ("chandra", "chandra is deactivated"),
        ("bella", "No user, group or location has this name or id"),
    ):
        refused = run(*asked, "--to", to)
        assert refused.code == 1
        assert why in refused.err
        assert "--anyway" in refused.err
        dry = run(*asked, "--to", to, "--dry-run", "--json")
        assert why in dry.json["doubt"]
    assert case(session, project, "a").owner_id == "-"
    job = run(*asked, "--to", "twice", "--anyway", "--json").json
    work(job["id"])
    assert case(session, project, "a").owner_id == twice.group_id
