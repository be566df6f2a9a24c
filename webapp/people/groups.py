"""Making and changing groups of mobile workers (SPEC §5)."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import now
from webapp.database import insert_new
from webapp.errors import InvalidEntry, NotFound, Refused
from webapp.people.models import MobileWorker
from webapp.people.names import checked_name
from webapp.people.sharing_models import Group, GroupMember
from webapp.people.turns import hold_people


def create_group(
    session: Session,
    project_id: int,
    name: str,
    *,
    case_sharing: bool = False,
    reporting: bool = True,
    by: Actor,
    group_id: str | None = None,
) -> Group:
    """Make a group without members. Raises `InvalidEntry` for a name that cannot be, or is taken.

    `group_id` is a fresh one unless given (32 hexadecimal digits).
    """
    name = checked_name(name)
    _check_free(session, project_id, name)
    group = Group(
        project_id=project_id,
        group_id=group_id or uuid.uuid4().hex,
        name=name,
        case_sharing=case_sharing,
        reporting=reporting,
        deleted=False,
        created_on=now(),
    )
    session.add(group)
    session.flush()  # callers add members by its key
    said = {"name": name, "case_sharing": case_sharing, "reporting": reporting}
    _record(session, Tag.GROUP_CREATE, group, by, after=said)
    return group


def set_group(
    session: Session,
    group: Group,
    *,
    name: str | None = None,
    case_sharing: bool | None = None,
    reporting: bool | None = None,
    by: Actor,
) -> bool:
    """Change what is named of a group; whether anything changed. No case is rewritten (SPEC C6).
    Raises `InvalidEntry`, and `Refused` for a group that is deleted."""
    said: dict[str, Any] = {"case_sharing": case_sharing, "reporting": reporting}
    _hold(session, group)
    if name is not None:
        said["name"] = checked_name(name)
        _check_free(session, group.project_id, said["name"], but=group)
    after = {key: value for key, value in said.items() if value not in {None, getattr(group, key)}}
    before = {key: getattr(group, key) for key in after}
    for key, value in after.items():
        setattr(group, key, value)
    if after:
        _record(session, Tag.GROUP_SET, group, by, before=before, after=after)
    return bool(after)


def add_members(
    session: Session, group: Group, workers: Collection[MobileWorker], *, by: Actor
) -> list[MobileWorker]:
    """Put workers of the project into a group; those who were not in it, by username. Raises
    `Refused` for a group that is deleted."""
    _hold(session, group)
    rows = [_member(group, key) for key in sorted({worker.id for worker in workers})]
    new = {row.worker for row in insert_new(session, GroupMember, rows, returning=("worker",))}
    added = _by_name(worker for worker in set(workers) if worker.id in new)
    if added:
        _record(session, Tag.GROUP_ADD, group, by, after=_names(added))
    return added


def remove_members(
    session: Session, group: Group, workers: Collection[MobileWorker], *, by: Actor
) -> list[MobileWorker]:
    """Take workers out of a group; those who were in it, by username. Raises `Refused` for a group
    that is deleted."""
    _hold(session, group)
    gone = set(
        session.scalars(
            delete(GroupMember)
            .where(
                GroupMember.project_id == group.project_id,
                GroupMember.group == group.id,
                GroupMember.worker.in_({worker.id for worker in workers}),
            )
            .returning(GroupMember.worker)
            .execution_options(synchronize_session=False)
        )
    )
    removed = _by_name(worker for worker in set(workers) if worker.id in gone)
    if removed:
        _record(session, Tag.GROUP_REMOVE, group, by, before=_names(removed))
    return removed


def delete_group(session: Session, group: Group, *, by: Actor) -> bool:
    """Delete a group: from now on it counts nowhere, and its name is free. Who was in it is kept,
    for `undelete_group`. Whether that is a change."""
    hold_people(session, group.project_id, group)
    if group.deleted:
        return False
    group.deleted = True
    session.flush()  # its name is free for what the same transaction makes
    _record(session, Tag.GROUP_DELETE, group, by, before={"name": group.name})
    return True


def undelete_group(session: Session, group: Group, *, by: Actor) -> bool:
    """Bring back a deleted group with its members; whether that is a change. Raises `InvalidEntry`
    when its name is taken by now."""
    hold_people(session, group.project_id, group)
    if not group.deleted:
        return False
    _check_free(session, group.project_id, group.name)
    group.deleted = False
    _record(session, Tag.GROUP_UNDELETE, group, by, after={"name": group.name})
    return True


def get_group(
    session: Session, project_id: int, name_or_id: str, *, deleted: bool = False
) -> Group:
    """A group by its name or id; with `deleted` also one that is deleted, by its id. Raises
    `NotFound`. One query."""
    name = " ".join(name_or_id.split())
    known_as = ((Group.name == name) & ~Group.deleted) | (Group.group_id == name)
    found = select(Group).where(Group.project_id == project_id, known_as)
    if not deleted:
        found = found.where(~Group.deleted)
    # An id is nobody else's; a group may be called like another's.
    group = session.scalar(found.order_by((Group.group_id == name).desc()).limit(1))
    if group is None:
        raise NotFound(_("There is no group “%(name)s”.", name=name[:80]))
    return group


def _hold(session: Session, group: Group) -> None:
    hold_people(session, group.project_id, group)
    if group.deleted:
        raise Refused(_("The group “%(name)s” is deleted.", name=group.name))


def _check_free(session: Session, project_id: int, name: str, *, but: Group | None = None) -> None:
    hold_people(session, project_id)
    taken = select(Group.id).where(
        Group.project_id == project_id, Group.name == name, ~Group.deleted
    )
    if session.scalar(taken) not in {None, but and but.id}:
        raise InvalidEntry("name", _("There is a group “%(name)s” already.", name=name))


def _member(group: Group, worker: int) -> dict[str, int]:
    return {"project_id": group.project_id, "group": group.id, "worker": worker}


def _by_name(workers: Any) -> list[MobileWorker]:
    return sorted(workers, key=lambda worker: worker.username)


def _names(workers: Collection[MobileWorker]) -> dict[str, list[str]]:
    return {"members": [worker.username for worker in workers]}


def _record(
    session: Session,
    tag: Tag,
    group: Group,
    by: Actor,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    subject = f"group:{group.group_id}"
    record(
        session,
        project_id=group.project_id,
        tag=tag,
        subject=subject,
        by=by,
        before=before,
        after=after,
    )
