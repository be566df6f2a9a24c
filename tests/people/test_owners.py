"""Owners of cases by id and by name (SPEC §1)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tests import factories
from tests.people import scene
from webapp.database import write_transaction
from webapp.people.owners import (
    OwnerIs,
    Standing,
    find_locations,
    find_owners,
    locations_like,
    names_of_owners,
    offered_owners,
    owners_of,
)
from webapp.projects.models import Project


def found(session: Session, project: Project, text: str) -> list[str]:
    return [one.owner_id for one in find_owners(session, project.id, text)]


def test_owners_are_found_by_name_and_by_id(session: Session, project: Project):
    (amina,) = scene.workers(project, "amina")
    officer = factories.web_user(project, "viewer")
    team = scene.group(project, "North Team", amina)
    talk = scene.group(project, "Talk", amina, sharing=False)
    gone = scene.group(project, "North Team", deleted=True)
    scene.group(project, "Talk", deleted=True)  # a former one
    closed = scene.group(project, "West", deleted=True)
    clinics = scene.level(project)
    old = scene.location(project, "Old", clinics, archived=True)
    north = scene.location(project, "North", clinics)
    for text, owner in (
        ("AMINA", amina.user_id),
        (officer.email.upper(), officer.user_id),
        ("north team", team.group_id),
        ("North", north.location_id),
        ("talk", talk.group_id),  # which is said of it, and not that nobody is called so
        ("West", closed.group_id),
        ("Old", old.location_id),
        (talk.group_id, talk.group_id),
        (gone.group_id, gone.group_id),
        (amina.user_id, amina.user_id),
        ("nobody", None),
        ("", None),
    ):
        assert found(session, project, text) == ([owner] if owner else []), text
    assert found(session, factories.project(), "amina") == []


def test_several_of_a_name_are_all_told_and_a_site_code_is_one(session: Session, project: Project):
    clinics = scene.level(project)
    one = scene.location(project, "Clinic 1", clinics)
    other = scene.location(project, "Clinic-1 b", clinics)
    with write_transaction():
        other.name = "clinic 1"
    team = scene.group(project, "Clinic 1")
    assert set(found(session, project, "CLINIC 1")) == {
        one.location_id,
        other.location_id,
        team.group_id,
    }
    assert found(session, project, "clinic-1") == [one.location_id]
    assert [row.code for row in find_locations(session, project.id, "clinic-1-b")] == ["clinic-1-b"]
    assert len(find_locations(session, project.id, "Clinic 1")) == 2


def test_what_became_of_an_owner_is_told(session: Session, project: Project):
    amina, beno = scene.workers(project, "amina", "beno")
    scene.deactivate(beno)
    owning, other = scene.level(project), scene.level(project, owns=False)
    told = {
        amina.user_id: Standing.ACTIVE,
        beno.user_id: Standing.DEACTIVATED,
        scene.group(project, "a").group_id: Standing.ACTIVE,
        scene.group(project, "b", sharing=False).group_id: Standing.NOT_SHARING,
        scene.group(project, "c", deleted=True).group_id: Standing.DELETED,
        scene.location(project, "d", owning).location_id: Standing.ACTIVE,
        scene.location(project, "e", other).location_id: Standing.NOT_SHARING,
        scene.location(project, "f", owning, archived=True).location_id: Standing.ARCHIVED,
    }
    known = owners_of(session, project.id, [*told, "nobody", ""])
    assert {key: one.standing for key, one in known.items()} == told
    assert names_of_owners(session, project.id, told)[amina.user_id] == "amina"
    assert owners_of(session, project.id, []) == {}
    offered = {
        kind: [one.name for one in offered_owners(session, project.id, kind, 10)]
        for kind in OwnerIs
    }
    assert offered == {
        OwnerIs.WORKER: ["amina", "beno"],
        OwnerIs.WEB_USER: [],
        OwnerIs.GROUP: ["a"],
        OwnerIs.LOCATION: ["d"],
    }


def test_a_web_user_who_left_has_a_name_and_is_not_offered(session: Session, project: Project):
    left, stranger = scene.web_user_who_left(project), factories.web_user(factories.project())
    known = owners_of(session, project.id, [left.user_id, stranger.user_id])
    assert {key: (one.name, one.standing) for key, one in known.items()} == {
        left.user_id: (left.email, Standing.LEFT)
    }
    assert found(session, project, left.email) == [left.user_id]
    offered = offered_owners(session, project.id, OwnerIs.WEB_USER, 10)
    assert left.user_id not in {one.owner_id for one in offered}
    assert len(offered) == 1, "the one who took them out"
    assert owners_of(session, factories.project().id, [left.user_id]) == {}


def test_locations_are_offered_for_what_is_typed(session: Session, project: Project):
    clinics = scene.level(project)
    for name in ("North 1", "North 2", "South 50%"):
        scene.location(project, name, clinics)
    scene.location(project, "North old", clinics, archived=True)
    assert [one.name for one in locations_like(session, project.id, "NORTH", 10)] == [
        "North 1",
        "North 2",
    ]
    assert [one.name for one in locations_like(session, project.id, "%", 10)] == ["South 50%"]
    assert len(locations_like(session, project.id, "", 2)) == 2
