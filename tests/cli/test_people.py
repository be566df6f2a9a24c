"""worker, group, level, location and casetype on the command line (SPEC L1, §5)."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.cli.conftest import Command, Ran
from tests.factories import group, location, mobile_worker
from tests.forms import case_block, form, open_case, send
from webapp.audit.models import AuditEvent
from webapp.dictionary.models import Sharing
from webapp.dictionary.queries import sharing_of
from webapp.projects.models import Project


def names(things: list[dict[str, str]]) -> list[str]:
    return [one["name"] for one in things]


def test_an_organization_is_set_up(run: Command, session: Session, project: Project):
    here = ("--project", project.name, "--json")
    district = run("level", "create", "District", "--views-child-data", *here).json
    assert (district["name"], district["owns_cases"], district["views_child_data"]) == (
        "District", False, True
    )  # fmt: skip
    clinic = run("level", "create", "Clinic", "--owns-cases", *here).json
    assert clinic["id"] != district["id"]
    assert run("level", "create", "Clinic", *here).code == 1
    north = run("location", "create", "North", "--level", "District", *here).json
    assert (north["name"], north["site_code"], north["parent"]) == ("North", "north", None)
    for name, parent in (("First", "north"), ("Second", "North"), ("Third", north["id"])):
        made = run("location", "create", name, "--level", "Clinic", "--parent", parent, *here)
        assert (made.code, made.json["parent"]) == (0, north["id"]), made.err
    worker = ("--location", "first", "--location", "North")
    amina = run("worker", "create", "amina", *worker, *here).json
    assert names(amina["locations"]) == ["First", "North"]
    assert names(amina["owner_set"]) == ["amina", "First", "Second", "Third"]
    assert amina["sharing_owner"] is None
    assert "shares with: 3, and it must be" in run("worker", "show", "amina", *here[:2]).out
    south = run("location", "create", "South", "--level", "District", *here).json
    assert (
        run("location", "move", "first", "--parent", "South", *here).json["parent"] == (south["id"])
    )
    assert run("location", "move", "South", "--parent", "first", *here).code == 1
    assert "there already" in run("location", "move", "South", "--top", *here).err
    assert run("location", "move", "South", *here).code == 1
    archived = run("location", "archive", "South", *here)
    assert (archived.json["archived"], archived.json["site_codes"]) == (
        True, ["first", "south"]
    )  # fmt: skip
    assert "archived already" in run("location", "archive", "South", *here).err
    assert run("worker", "create", "biko", "--location", "South", *here).code == 1
    listed = run("location", "list", *here[:2]).out.splitlines()
    assert listed == [
        "North  north  District  1 workers",
        "  Second  second  Clinic  0 workers",
        "  Third  third  Clinic  0 workers",
    ]
    everything = run("location", "list", "--archived", *here).json["locations"]
    assert {one["site_code"]: one["archived"] for one in everything}["first"] is True
    assert run("location", "unarchive", "South", *here).json["site_codes"] == ["first", "south"]
    levels = run("level", "list", *here).json["levels"]
    assert [(one["name"], one["locations"]) for one in levels] == [("Clinic", 3), ("District", 2)]
    assert run("level", "delete", "Clinic", *here).code == 1
    assert run("level", "set", "District", "--name", "County", *here).json["name"] == "County"
    session.rollback()  # what the commands committed is to be seen
    sources = session.scalars(
        select(AuditEvent.source).where(
            AuditEvent.project_id == project.id, AuditEvent.tag.startswith("location.")
        )
    )
    assert set(sources) == {"command line"}


def test_groups_and_who_is_in_them(run: Command, session: Session, project: Project):
    here = ("--project", project.name, "--json")
    made = run("group", "create", "Promoters", "--case-sharing", *here).json
    assert (made["name"], made["case_sharing"], made["members"]) == ("Promoters", True, [])
    assert run("group", "create", "Promoters", *here).code == 1
    for name in ("amina", "biko"):
        mobile_worker(project, name)
    added = run("group", "add", "Promoters", "amina", "biko", "amina", *here)
    assert [one["username"] for one in added.json["members"]] == ["amina", "biko"]
    assert [one["username"] for one in added.json["phones"]] == ["amina", "biko"]
    assert run("group", "add", made["id"], "biko", *here).err == "In it already: biko.\n"
    assert run("group", "add", "Promoters", "biko", "nobody", *here).code == 1
    removed = run("group", "remove", "Promoters", "biko", *here)
    assert [one["username"] for one in removed.json["members"]] == ["amina"]
    amina = run("worker", "show", "amina", *here).json
    assert (names(amina["groups"]), amina["sharing_owner"]["name"]) == (["Promoters"], "Promoters")
    assert (
        run("group", "set", "Promoters", "--no-case-sharing", *here).json["case_sharing"] is False
    )
    assert run("worker", "show", "amina", *here).json["sharing_owner"] is None
    assert "nobody, and it must be" in run("worker", "show", "amina", *here[:2]).out
    assert run("group", "set", "Promoters", *here).code == 1
    assert "so already" in run("group", "set", "Promoters", "--no-case-sharing", *here).err
    listed = run("group", "list", *here).json["groups"]
    assert [(one["name"], one["members"]) for one in listed] == [("Promoters", 1)]
    assert "Promoters  no sharing  1 members" in run("group", "list", *here[:2]).out
    assert run("group", "delete", "Promoters", *here).json["deleted"] is True
    assert run("group", "show", "Promoters", *here).code == 1


def test_a_workers_groups_and_names_are_replaced(run: Command, session: Session, project: Project):
    for name in ("A", "B", "C"):
        group(project, name=name)
    here = ("--project", project.name, "--json")
    run("worker", "create", "amina", "--group", "A", "--group", "B", "--first-name", "Amina", *here)
    changed = run("worker", "set", "amina", "--group", "C", "--last-name", "Were", *here).json
    assert names(changed["groups"]) == ["C"]
    assert (changed["first_name"], changed["last_name"]) == ("Amina", "Were")
    assert "so already" in run("worker", "set", "amina", "--group", "C", *here).err
    assert run("worker", "set", "amina", "--group", "D", *here).code == 1
    assert run("worker", "set", "amina", "--group", "C", "--no-groups", *here).code == 1
    assert run("worker", "set", "amina", "--no-groups", *here).json["groups"] == []
    assert run("worker", "create", "biko", "--group", "D", *here).code == 1
    assert run("worker", "show", "biko", *here).code == 1


def test_whose_phones_change_is_said_also_before(run: Command, session: Session, project: Project):
    amina, biko, _ = (mobile_worker(project, name) for name in ("amina", "biko", "chebet"))
    team, clinic = group(project, amina, name="Team"), location(project, None, biko, name="Clinic")
    for number, owner in enumerate([team.group_id, clinic.location_id, clinic.location_id]):
        opens = {"case_type": "visit", "case_name": "", "owner_id": owner}
        send(session, project.id, form(case_block(f"case-{number}", create=opens)))
    here = ("--project", project.name, "--json")

    def phones(ran: Ran) -> list[tuple[object, ...]]:
        keys = ("username", "loses", "receives", "sharing_owners", "can_sync")
        return [tuple(one[key] for key in keys) for one in ran.json["phones"]]

    asked = run("location", "archive", "Clinic", "--dry-run", *here)
    assert phones(asked) == [("biko", 2, 0, 0, True)]
    assert asked.err.splitlines() == [
        "The phone of biko loses 2 cases and gets 0; it shares with 0, not with one.",
        "Nothing was changed.",
        "To be archived: clinic.",
    ]
    assert (asked.json["dry_run"], asked.json["archived"]) == (True, False)
    did = run("location", "archive", "Clinic", *here)
    assert (phones(did), did.json["archived"]) == (phones(asked), True)
    assert phones(run("location", "unarchive", "Clinic", *here)) == [("biko", 0, 2, 1, True)]
    moved = run("worker", "set", "chebet", "--location", "Clinic", "--group", "Team", *here)
    assert phones(moved) == [("chebet", 0, 3, 2, True)]
    assert phones(run("group", "add", "Team", "biko", "--dry-run", *here)) == [
        ("biko", 0, 1, 2, True)
    ]
    off = run("group", "set", "Team", "--no-case-sharing", "--dry-run", *here)
    assert phones(off) == [("amina", 1, 0, 0, True), ("chebet", 1, 0, 1, True)]
    assert phones(run("worker", "set", "amina", "--inactive", *here)) == [("amina", 0, 0, 0, False)]
    same = run("worker", "set", "biko", "--first-name", "Biko", "--dry-run", *here)
    assert (phones(same), same.json["first_name"]) == ([], "")
    assert same.err == "No phone would change; nothing was changed.\n"


@pytest.mark.parametrize("known", [True, False])
def test_whose_new_cases_of_a_type_are(
    run: Command, session: Session, project: Project, known: bool
):
    if known:
        open_case(session, project.id, "a", case_type="visit")
    here = ("--project", project.name, "--json")
    ran = run("casetype", "set", "visit", "--sharing", "shared", *here)
    assert (ran.json["name"], ran.json["sharing"]) == ("visit", "shared")
    assert ("was added" in ran.err) is not known
    session.rollback()
    assert sharing_of(session, project.id, ["visit"]) == {"visit": Sharing.SHARED}
    assert "so already" in run("casetype", "set", "visit", "--sharing", "shared", *here).err
    assert "visit  shared" in run("casetype", "list", *here[:2]).out
    assert run("casetype", "set", "visit", "--sharing", "theirs", *here).code == 2


@pytest.mark.parametrize(
    "command",
    ["group", "group create", "group set", "group add", "group remove", "group delete",
     "group show", "group list", "level", "level create", "level set", "level delete", "level list",
     "location", "location create", "location set", "location move", "location archive",
     "location unarchive", "location list", "casetype", "casetype set", "casetype list"],
)  # fmt: skip
def test_each_command_has_help(run: Command, command: str):
    ran = run(*command.split(), "--help")
    assert ran.code == 0
    assert "Usage:" in ran.out
