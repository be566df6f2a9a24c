"""How the programme's people belong together: the tree of places, and groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.clock import pretend
from webapp.demo import hours
from webapp.demo.office import actor
from webapp.demo.places import FACILITIES, SUB_COUNTY, place_id
from webapp.demo.programme import Programme
from webapp.demo.staff import MANAGER, Promoter
from webapp.people.belonging import set_locations
from webapp.people.first_start import WORKER
from webapp.people.groups import add_members, create_group
from webapp.people.levels import create_level
from webapp.people.locations import create_location
from webapp.people.models import MobileWorker
from webapp.people.sharing_models import Level, Location
from webapp.projects.models import Project

#: Who carries the ill by motorcycle shares that too, by number: with their facility that is two
#: sharing owners, and so one too many to open a shared case.
_RIDERS = {7, 13}

BY = actor(MANAGER)


def organize(session: Session, project: Project, programme: Programme) -> None:
    """Make levels, places and groups, and put the promoters where they belong. A project that has
    levels already is left as it is."""
    if session.scalar(select(Level.id).where(Level.project_id == project.id).limit(1)):
        return
    began = programme.first - timedelta(days=13)
    with pretend(hours.instant(began, 570)):
        places = _places(session, project.id)
    workers = {
        worker.user_id: worker
        for worker in session.scalars(
            select(MobileWorker).where(MobileWorker.project_id == project.id)
        )
    }
    trained: dict[str, list[Promoter]] = defaultdict(list)
    for one in programme.promoters:
        with pretend(hours.instant(one.begins - timedelta(days=2), 720 + one.number)):
            at = [places[name] for name in one.places]
            set_locations(session, workers[one.user_id], at, by=BY)
        trained[f"Trained in {one.begins:%B %Y}"].append(one)
    for name, people in trained.items():
        members = [workers[one.user_id] for one in people]
        _group(session, project, people[0].begins, name, members, case_sharing=False)
    riders = [workers[one.user_id] for one in programme.promoters if one.number in _RIDERS]
    _group(session, project, programme.last - timedelta(days=40), "Emergency transport", riders)
    _group(session, project, programme.last - timedelta(days=12), "Nutrition pilot", [])
    # Whoever tries it with a phone of their own sees what the hospital's people share.
    guest = next((one for one in workers.values() if one.username == WORKER), None)
    if guest is not None:
        set_locations(session, guest, [places[FACILITIES["Yala Township"]]], by=BY)


def _places(session: Session, project_id: int) -> dict[str, Location]:
    """The sub-county, its wards, and their facilities, by name."""
    sub_county = create_level(session, project_id, "Sub-county", views_child_data=True, by=BY)
    ward = create_level(session, project_id, "Ward", by=BY)
    facility = create_level(session, project_id, "Facility", owns_cases=True, by=BY)
    made: dict[str, Location] = {}

    def add(name: str, level: Level, below: str | None) -> None:
        made[name] = create_location(
            session,
            project_id,
            name,
            level,
            parent=made[below] if below else None,
            by=BY,
            location_id=place_id(name),
        )

    add(SUB_COUNTY, sub_county, None)
    for name, its_facility in FACILITIES.items():
        add(name, ward, SUB_COUNTY)
        add(its_facility, facility, name)
    return made


def _group(  # noqa: PLR0917  # what a group has
    session: Session,
    project: Project,
    day: date,
    name: str,
    members: Collection[MobileWorker],
    case_sharing: bool = True,
) -> None:
    with pretend(hours.instant(day, 600)):
        group = create_group(session, project.id, name, case_sharing=case_sharing, by=BY)
        add_members(session, group, members, by=BY)
