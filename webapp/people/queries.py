"""Lists of mobile workers, groups, levels and locations (SPEC U10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from webapp.people.models import MobileWorker
from webapp.people.sharing_models import Assignment, Group, GroupMember, Level, Location


def workers_of(
    project_id: int,
    *,
    search: str = "",
    active: bool | None = None,
    group: Group | None = None,
    location: Location | None = None,
) -> Select[MobileWorker]:
    """The mobile workers of a project by username: with all words of `search` in their username or
    name, in a group, assigned to a location (not below it)."""
    conditions: list[ColumnElement[bool]] = [MobileWorker.project_id == project_id]
    if active is not None:
        conditions.append(MobileWorker.active == active)
    for word in search.lower().split():
        texts = (MobileWorker.username, MobileWorker.first_name, MobileWorker.last_name)
        conditions.append(
            or_(*(func.lower(text).contains(word, autoescape=True) for text in texts))
        )
    if group is not None:
        members = select(GroupMember.worker).where(
            GroupMember.project_id == project_id, GroupMember.group == group.id
        )
        conditions.append(MobileWorker.id.in_(members))
    if location is not None:
        assigned = select(Assignment.worker).where(
            Assignment.project_id == project_id, Assignment.location == location.id
        )
        conditions.append(MobileWorker.id.in_(assigned))
    return select(MobileWorker).where(*conditions).order_by(MobileWorker.username)


@dataclass(frozen=True, slots=True)
class Belongs:
    """What a worker belongs to, by name: groups that are not deleted, and locations, archived ones
    too."""

    groups: list[Group] = field(default_factory=list)
    locations: list[Location] = field(default_factory=list)


def belongings(
    session: Session, project_id: int, workers: Collection[MobileWorker]
) -> dict[int, Belongs]:
    """What each of some workers (a page of them) belongs to, by their keys. Two queries."""
    found = {worker.id: Belongs() for worker in workers}
    groups = session.execute(
        select(GroupMember.worker, Group)
        .join(Group, (Group.project_id == GroupMember.project_id) & (Group.id == GroupMember.group))
        .where(
            GroupMember.project_id == project_id,
            GroupMember.worker.in_(found),
            ~Group.deleted,
        )
        .order_by(Group.name)
    )
    for worker, group in groups:
        found[worker].groups.append(group)
    locations = session.execute(
        select(Assignment.worker, Location)
        .join(
            Location,
            (Location.project_id == Assignment.project_id) & (Location.id == Assignment.location),
        )
        .where(Assignment.project_id == project_id, Assignment.worker.in_(found))
        .order_by(Location.name, Location.site_code)
    )
    for worker, location in locations:
        found[worker].locations.append(location)
    return found


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group with the number of its members, and of those of them who are active."""

    group: Group
    members: int
    active: int


def groups_of(session: Session, project_id: int, *, deleted: bool = False) -> list[GroupRow]:
    """The groups of a project by name: those that are not deleted, or those that are. One query."""
    counted = (
        select(
            GroupMember.group,
            func.count().label("members"),
            func.count().filter(MobileWorker.active).label("active"),
        )
        .join(
            MobileWorker,
            (MobileWorker.project_id == GroupMember.project_id)
            & (MobileWorker.id == GroupMember.worker),
        )
        .where(GroupMember.project_id == project_id)
        .group_by(GroupMember.group)
        .subquery()
    )
    rows = session.execute(
        select(Group, func.coalesce(counted.c.members, 0), func.coalesce(counted.c.active, 0))
        .outerjoin(counted, counted.c.group == Group.id)
        .where(Group.project_id == project_id, Group.deleted == deleted)
    ).all()
    found = [GroupRow(*row) for row in rows]
    return sorted(found, key=lambda row: (row.group.name.casefold(), row.group.name))


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A level with the number of its locations that are not archived, and of those that are."""

    level: Level
    locations: int
    archived: int


def levels_of(session: Session, project_id: int) -> list[LevelRow]:
    """The levels of a project by name. One query."""
    rows = session.execute(
        select(
            Level,
            func.count(Location.id).filter(~Location.archived),
            func.count(Location.id).filter(Location.archived),
        )
        .outerjoin(
            Location, (Location.project_id == Level.project_id) & (Location.level_id == Level.id)
        )
        .where(Level.project_id == project_id)
        .group_by(Level.id)
    ).all()
    found = [LevelRow(*row) for row in rows]
    return sorted(found, key=lambda row: (row.level.name.casefold(), row.level.name))


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A location at its place in the tree: how deep it lies (0 at the top), its level, and how many
    active workers are assigned to it. `path`: what is above it, from the top, and itself."""

    location: Location
    level: Level
    depth: int
    workers: int
    path: tuple[Location, ...]


def tree_of(session: Session, project_id: int, *, archived: bool = False) -> list[TreeRow]:
    """The locations of a project from the top down, siblings by name, each before what is below it:
    those that are not archived, or all. Two queries."""
    found = select(Location, Level).join(
        Level, (Level.project_id == Location.project_id) & (Level.id == Location.level_id)
    )
    found = found.where(Location.project_id == project_id)
    if not archived:
        found = found.where(~Location.archived)
    rows = session.execute(found).all()
    workers = _assigned(session, project_id)
    below: dict[int | None, list[tuple[Location, Level]]] = defaultdict(list)
    shown = {location.id for location, _level in rows}
    for location, level in rows:
        # What lies below an archived one that is not shown stands at the top.
        place = location.parent_id if location.parent_id in shown else None
        below[place].append((location, level))
    for siblings in below.values():
        siblings.sort(key=lambda row: (row[0].name.casefold(), row[0].site_code))
    return list(_in_order(below, workers))


def _in_order(
    below: dict[int | None, list[tuple[Location, Level]]], workers: dict[int, int]
) -> Iterator[TreeRow]:
    waiting: list[tuple[Location, Level, tuple[Location, ...]]] = [
        (*row, ()) for row in reversed(below[None])
    ]
    while waiting:
        location, level, above = waiting.pop()
        path = (*above, location)
        yield TreeRow(location, level, len(above), workers.get(location.id, 0), path)
        waiting += [(*row, path) for row in reversed(below.get(location.id, ()))]


def _assigned(session: Session, project_id: int) -> dict[int, int]:
    """How many active workers are assigned to each location."""
    rows = session.execute(
        select(Assignment.location, func.count())
        .join(
            MobileWorker,
            (MobileWorker.project_id == Assignment.project_id)
            & (MobileWorker.id == Assignment.worker),
        )
        .where(Assignment.project_id == project_id, MobileWorker.active)
        .group_by(Assignment.location)
    )
    return {row[0]: row[1] for row in rows}
