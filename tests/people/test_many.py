"""Many workers at once are made and changed as one is: the same rows, the same events."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from webapp.audit.models import AuditEvent
from webapp.database import write_transaction
from webapp.errors import InvalidEntry, Refused
from webapp.people.belonging import set_groups, set_locations
from webapp.people.groups import delete_group, get_group
from webapp.people.locations import archive_location, get_location
from webapp.people.many import Said, set_many
from webapp.people.models import MobileWorker
from webapp.people.operations import create_worker, get_worker, set_worker
from webapp.people.passwords import PasswordHash
from webapp.people.queries import belongings, workers_of
from webapp.projects.models import Project


@pytest.fixture
def projects(session: Session) -> list[Project]:
    """Two that are alike: Amina in a group and at a place, another of each."""
    made = []
    for _number in range(2):
        project = factories.project()
        amina = factories.mobile_worker(project, "amina")
        factories.group(project, amina, name="Team A")
        factories.group(project, name="Team B")
        level = factories.level(project)
        factories.location(project, level, amina, name="North")
        factories.location(project, level, name="South")
        made.append(project)
    return made


def wanted(session: Session, project: Project) -> list[dict[str, Any]]:
    team = get_group(session, project.id, "Team B")
    place = get_location(session, project.id, "south")
    return [
        {"username": "zoe", "active": False, "groups": [team], "first_name": "Zoe"},
        {"username": "amina", "user_data": {"cadre": "nurse"}, "groups": [team]},
        {"username": "bea", "password": PasswordHash("hash"), "locations": [place]},
        {"username": "amadou"},
    ]


def one_by_one(session: Session, project: Project, said: list[dict[str, Any]]) -> None:
    by = factories.actor()
    for one in said:
        of_them = dict(one)
        username, groups = of_them.pop("username"), of_them.pop("groups", None)
        places, active = of_them.pop("locations", None), of_them.pop("active", None)
        if username == "amina":
            worker = get_worker(session, project, username)
            set_worker(session, worker, by=by, **of_them)
        else:
            password = of_them.pop("password", None)
            worker = create_worker(session, project, username, password, by=by, **of_them)
            set_worker(session, worker, active=active, by=by)
        if groups is not None:
            set_groups(session, worker, groups, by=by)
        if places is not None:
            set_locations(session, worker, places, by=by)


def state(session: Session, project: Project) -> list[object]:
    workers = session.scalars(workers_of(project.id)).all()
    belongs = belongings(session, project.id, workers)
    rows = [
        (
            *(one.username, one.active, one.full_name, one.user_data),
            one.password_hash if one.password_hash == "hash" else "",
            [group.name for group in belongs[one.id].groups],
            [place.name for place in belongs[one.id].locations],
        )
        for one in workers
    ]
    events = session.scalars(
        select(AuditEvent).where(
            AuditEvent.project_id == project.id, AuditEvent.tag.startswith("worker.")
        )
    )
    said = [(one.subject, one.tag, one.before, one.after) for one in events]
    return [rows, sorted(said, key=repr)]


def test_many_are_made_and_changed_as_one_is(session: Session, projects: list[Project]):
    alone, together = projects
    with write_transaction():
        one_by_one(session, alone, wanted(session, alone))
    with write_transaction():
        amina = get_worker(session, together, "amina")
        said = [
            Said(**one, worker=amina if one["username"] == "amina" else None)
            for one in wanted(session, together)
        ]
        set_many(session, together, said, by=factories.actor())
    assert state(session, together) == state(session, alone)
    assert len(session.scalars(workers_of(together.id)).all()) == 4


def test_what_somebody_else_did_meanwhile_is_not_undone(session: Session, projects: list[Project]):
    project, by = projects[0], factories.actor()
    team = get_group(session, project.id, "Team A")
    place = get_location(session, project.id, "south")
    with write_transaction():
        delete_group(session, team, by=by)
        archive_location(session, place, by=by)
    before = state(session, project)
    for said, error, sentence in (
        (Said("amina"), InvalidEntry, "There is a mobile worker “amina” already."),
        (Said("zoe", groups=[team]), Refused, "The group “Team A” is deleted."),
        (Said("zoe", locations=[place]), Refused, "“South” is archived"),
    ):
        with pytest.raises(error, match=sentence), write_transaction():
            set_many(session, project, [Said("new"), said], by=by)
    assert state(session, project) == before
    assert session.scalar(select(MobileWorker.id).where(MobileWorker.username == "new")) is None
