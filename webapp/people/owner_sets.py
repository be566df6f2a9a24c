"""Owner sets: whose cases the phone of a mobile worker carries (SPEC C1, C2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import CompoundSelect, Select, Subquery, literal, select, union
from sqlalchemy.orm import Session, aliased

from webapp.people.models import MobileWorker
from webapp.people.sharing_models import Assignment, Group, GroupMember, Level, Location

#: What the phone's app says, word for word, to whoever has not exactly one sharing owner.
WRONG_SHARING = (
    "The case sharing settings for your user are incorrect. This user must be in exactly one case"
    " sharing group. Please contact your supervisor."
)


class OwnerKind(StrEnum):
    """What shares cases with a worker."""

    GROUP = "group"
    LOCATION = "location"


@dataclass(frozen=True, slots=True)
class SharingOwner:
    """A group or a location whose cases a worker shares."""

    owner_id: str
    name: str
    kind: OwnerKind


@dataclass(frozen=True, slots=True)
class OwnerSet:
    """A worker's own id, and what shares cases with them, groups before locations, by name."""

    user_id: str
    sharing: tuple[SharingOwner, ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        """The owner set of SPEC C1."""
        return frozenset({self.user_id, *(one.owner_id for one in self.sharing)})

    @property
    def one(self) -> SharingOwner | None:
        """The one to whom the worker's shared cases go; None where that is not exactly one (C2)."""
        return self.sharing[0] if len(self.sharing) == 1 else None


def owner_set(session: Session, worker: MobileWorker) -> OwnerSet:
    """The owner set of one worker, active or not. One query."""
    found = sharing_owners(worker.project_id, worker=worker.id)
    rows = session.execute(
        select(found.c.owner_id, found.c.name, found.c.kind).order_by(
            found.c.kind, found.c.name, found.c.owner_id
        )
    )
    return OwnerSet(
        worker.user_id,
        tuple(SharingOwner(owner_id, name, OwnerKind(kind)) for owner_id, name, kind in rows),
    )


def owner_set_of(session: Session, project_id: int, user_id: str) -> OwnerSet:
    """The owner set of whoever has this id: nothing is shared with somebody who is no mobile worker
    of the project. Two queries."""
    worker = session.scalar(
        select(MobileWorker).where(
            MobileWorker.project_id == project_id, MobileWorker.user_id == user_id
        )
    )
    return OwnerSet(user_id) if worker is None else owner_set(session, worker)


def owners_carried(session: Session, project_id: int, owner_ids: Collection[str]) -> frozenset[str]:
    """Those of these ids that some active worker has in their owner set. One query."""
    if not owner_ids:
        return frozenset()
    carried = owners_on_phones(project_id).subquery()
    wanted = select(carried.c.owner_id).where(carried.c.owner_id.in_(owner_ids))
    return frozenset(session.scalars(wanted))


def owners_on_phones(project_id: int) -> CompoundSelect[Any]:
    """`owner_id`: all that is in the owner sets of active workers, each once."""
    shared = sharing_owners(project_id)
    active = (MobileWorker.project_id == project_id, MobileWorker.active)
    return union(
        select(MobileWorker.user_id.label("owner_id")).where(*active),
        select(shared.c.owner_id)
        .join(MobileWorker, MobileWorker.id == shared.c.worker)
        .where(*active),
    )


def sharing_owners(project_id: int, *, worker: int | None = None) -> Subquery:
    """Which groups and locations share cases with which workers of a project, or with one of them:
    `worker` (key of `mobile_worker`), `owner_id`, `name`, `kind`; each pair once. A worker's own id
    is not among them.

    Costs what the workers asked for are in: their groups, their locations, and all that is below
    those that view child data.
    """
    groups = (
        select(
            GroupMember.worker,
            Group.group_id.label("owner_id"),
            Group.name,
            literal(OwnerKind.GROUP.value).label("kind"),
        )
        .join(Group, (Group.project_id == GroupMember.project_id) & (Group.id == GroupMember.group))
        .where(GroupMember.project_id == project_id, Group.case_sharing, ~Group.deleted)
    )
    if worker is not None:
        groups = groups.where(GroupMember.worker == worker)
    reached = _reached(project_id, worker)
    locations = (
        select(
            reached.c.worker,
            Location.location_id.label("owner_id"),
            Location.name,
            literal(OwnerKind.LOCATION.value).label("kind"),
        )
        .join(Location, Location.id == reached.c.location)
        .join(Level, Level.id == Location.level_id)
        .where(
            Location.project_id == project_id,
            Level.project_id == project_id,
            ~Location.archived,
            Level.owns_cases,
        )
    )
    return union(groups, locations).subquery("sharing_owners")


def _reached(project_id: int, worker: int | None) -> Subquery:
    """`worker`, `location`: those assigned that are not archived, and all below those of them whose
    level views child data. A location that is archived hides nothing below it."""
    assigned: Select[int, int, bool] = (
        select(
            Assignment.worker,
            Assignment.location,
            Level.views_child_data.label("further"),
        )
        .join(Location, Location.id == Assignment.location)
        .join(Level, Level.id == Location.level_id)
        .where(
            Assignment.project_id == project_id,
            Location.project_id == project_id,
            Level.project_id == project_id,
            ~Location.archived,
        )
    )
    if worker is not None:
        assigned = assigned.where(Assignment.worker == worker)
    reached = assigned.cte("reached", recursive=True)
    child = aliased(Location, name="child")
    # Only a level of the worker's own locations opens what is below, so it is handed down.
    below = (
        select(reached.c.worker, child.id, reached.c.further)
        .join(child, child.parent_id == reached.c.location)
        .where(child.project_id == project_id, reached.c.further)
    )
    whole = reached.union(below)
    return select(whole.c.worker, whole.c.location).distinct().subquery("reached_once")
