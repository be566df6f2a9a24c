"""Whose cases belong to a location: its own, and those of the workers assigned to it (SPEC R4).

Archived locations and deactivated workers count as others do: it is asked where cases belong, and
not who can see them; to hand over what somebody left behind is what it is asked for.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select, union_all
from sqlalchemy.orm import aliased

from webapp.people.models import MobileWorker
from webapp.people.sharing_models import Assignment, Location


def owners_within(project_id: int, location_id: str, *, below: bool) -> Select[Any]:
    """The ids of a location, and of the workers assigned to it; with `below` also of all locations
    below it, and of theirs. An id may stand there twice. It costs what is found."""
    within = _within(project_id, location_id, below=below)
    both = union_all(
        select(within.c.location_id.label("owner_id")),
        _workers(project_id, within).with_only_columns(MobileWorker.user_id.label("owner_id")),
    ).subquery()
    return select(both.c.owner_id)


def workers_within(project_id: int, location_id: str, *, below: bool) -> Select[Any]:
    """The ids of those workers alone."""
    within = _within(project_id, location_id, below=below)
    return _workers(project_id, within)


def _workers(project_id: int, within: Any) -> Select[Any]:
    return (
        select(MobileWorker.user_id)
        .join(Assignment, Assignment.worker == MobileWorker.id)
        .join(within, within.c.id == Assignment.location)
        .where(MobileWorker.project_id == project_id, Assignment.project_id == project_id)
    )


def _within(project_id: int, location_id: str, *, below: bool) -> Any:
    """`id`, `location_id`: the location, and with `below` the tree under it."""
    top = select(Location.id, Location.location_id).where(
        Location.project_id == project_id, Location.location_id == location_id
    )
    if not below:
        return top.subquery()
    # Without a name: a statement may ask about several locations.
    within = top.cte(recursive=True)
    child = aliased(Location)
    return within.union(
        select(child.id, child.location_id)
        .join(within, child.parent_id == within.c.id)
        .where(child.project_id == project_id)
    )
