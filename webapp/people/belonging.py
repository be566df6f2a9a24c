"""What a mobile worker belongs to: groups, and assigned locations (SPEC C1, C7)."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.database import insert_new
from webapp.errors import Refused
from webapp.people.models import MobileWorker
from webapp.people.sharing_models import Assignment, Group, GroupMember, Location
from webapp.people.turns import hold_people


def set_groups(
    session: Session, worker: MobileWorker, groups: Collection[Group], *, by: Actor
) -> bool:
    """Put a worker into exactly these groups of the project; whether that is a change. Groups that
    are deleted are left alone; raises `Refused` for one of those that is given."""
    hold_people(session, worker.project_id, *groups)
    for group in groups:
        if group.deleted:
            raise Refused(_("The group “%(name)s” is deleted.", name=group.name))
    there = {
        group.id: group
        for group in session.scalars(
            select(Group)
            .join(
                GroupMember,
                (GroupMember.project_id == Group.project_id) & (GroupMember.group == Group.id),
            )
            .where(
                Group.project_id == worker.project_id,
                GroupMember.worker == worker.id,
                ~Group.deleted,
            )
        )
    }
    wanted = {group.id: group for group in groups}
    if there.keys() == wanted.keys():
        return False
    session.execute(
        delete(GroupMember)
        .where(
            GroupMember.project_id == worker.project_id,
            GroupMember.worker == worker.id,
            GroupMember.group.in_(there.keys() - wanted.keys()),
        )
        .execution_options(synchronize_session=False)
    )
    new = [
        {"project_id": worker.project_id, "group": key, "worker": worker.id}
        for key in sorted(wanted.keys() - there.keys())
    ]
    insert_new(session, GroupMember, new)
    before, after = (sorted(group.name for group in some.values()) for some in (there, wanted))
    _record(session, worker, by, "groups", before, after)
    return True


def set_locations(
    session: Session, worker: MobileWorker, locations: Collection[Location], *, by: Actor
) -> bool:
    """Assign a worker to exactly these locations of the project; whether that is a change. Raises
    `Refused` for one that is archived, unless they are assigned to it already."""
    hold_people(session, worker.project_id, *locations)
    there = {
        location.id: location
        for location in session.scalars(
            select(Location)
            .join(
                Assignment,
                (Assignment.project_id == Location.project_id)
                & (Assignment.location == Location.id),
            )
            .where(Location.project_id == worker.project_id, Assignment.worker == worker.id)
            .execution_options(populate_existing=True)
        )
    }
    wanted = {location.id: location for location in locations}
    for key in wanted.keys() - there.keys():
        if wanted[key].archived:
            raise Refused(
                _(
                    "“%(name)s” is archived: nobody can be assigned to it.",
                    name=wanted[key].name,
                )
            )
    if there.keys() == wanted.keys():
        return False
    session.execute(
        delete(Assignment)
        .where(
            Assignment.project_id == worker.project_id,
            Assignment.worker == worker.id,
            Assignment.location.in_(there.keys() - wanted.keys()),
        )
        .execution_options(synchronize_session=False)
    )
    new = [
        {"project_id": worker.project_id, "worker": worker.id, "location": key}
        for key in sorted(wanted.keys() - there.keys())
    ]
    insert_new(session, Assignment, new)
    before, after = (sorted(one.site_code for one in some.values()) for some in (there, wanted))
    _record(session, worker, by, "locations", before, after)
    return True


def _record(  # noqa: PLR0917  # what an event has
    session: Session,
    worker: MobileWorker,
    by: Actor,
    what: str,
    before: list[str],
    after: list[str],
) -> None:
    record(
        session,
        project_id=worker.project_id,
        tag=Tag.WORKER_SET,
        subject=f"worker:{worker.username}",
        by=by,
        before={what: before},
        after={what: after},
    )
