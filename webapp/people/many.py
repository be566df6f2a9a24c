"""Making and changing many mobile workers at once, as an import does: what `operations` and
`belonging` do for one, with the same events, in some statements for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask_babel import gettext as _
from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import now
from webapp.database import insert_new
from webapp.errors import InvalidEntry, Refused
from webapp.people.models import MobileWorker
from webapp.people.passwords import NOBODY_KNOWS, PasswordHash
from webapp.people.queries import belongings
from webapp.people.sharing_models import Assignment, Group, GroupMember, Location
from webapp.people.turns import hold_people
from webapp.projects.models import Project

T = TypeVar("T")

#: So many workers are asked for by one statement.
SOME = 1_000


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of one worker: `worker` is None for one that is made; None elsewhere says
    nothing. Names, user data and username were checked (`webapp.people.names`,
    `operations.checked_username`)."""

    username: str
    worker: MobileWorker | None = None
    password: PasswordHash | None = None
    active: bool | None = None
    first_name: str | None = None
    last_name: str | None = None
    user_data: dict[str, str] | None = None
    groups: Sequence[Group] | None = None
    locations: Sequence[Location] | None = None

    def of_them(self) -> dict[str, Any]:
        """What is said of themselves, by the names of columns."""
        names = ("active", "first_name", "last_name", "user_data")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def set_many(session: Session, project: Project, said: Sequence[Said], *, by: Actor) -> None:
    """Make and change workers. Raises `InvalidEntry` for a username that is taken by now, and
    `Refused` for a group that is deleted or a location that is archived. About ten statements, and
    two for each thousand workers."""
    _hold(session, project, said)
    keys = _make(session, project, [one for one in said if one.worker is None], by)
    for one in said:
        if one.worker is not None:
            keys[one.username] = one.worker.id
            _change(session, one, one.worker, by)
    _belong(session, project, said, keys, by)


def _hold(session: Session, project: Project, said: Sequence[Said]) -> None:
    """Nobody else changes what is changed here, or what it refers to, until the commit; it is read
    as it is now."""
    hold_people(session, project.id)
    workers = {one.worker.id for one in said if one.worker is not None}
    groups = {group.id for one in said for group in one.groups or ()}
    places = {place.id for one in said for place in one.locations or ()}
    for table, keys in ((MobileWorker, workers), (Group, groups), (Location, places)):
        for some in _batches(sorted(keys)):
            found = select(table).where(table.project_id == project.id, table.id.in_(some))
            session.scalars(found.execution_options(populate_existing=True)).all()
    for one in said:
        for group in one.groups or ():
            if group.deleted:
                raise Refused(_("The group “%(name)s” is deleted.", name=group.name))


def _make(session: Session, project: Project, new: Sequence[Said], by: Actor) -> dict[str, int]:
    """The keys of new workers by their usernames."""
    empty = {"first_name": "", "last_name": "", "user_data": {}, "active": True}
    rows = [
        {
            "project_id": project.id,
            "user_id": uuid.uuid4().hex,
            "username": one.username,
            "password_hash": one.password or NOBODY_KNOWS,
            "created_on": now(),
            **empty,
            **one.of_them(),
        }
        for one in new
    ]
    made = insert_new(session, MobileWorker, rows, returning=("id", "username"))
    keys = {row.username: row.id for row in made}
    for one in new:
        if one.username not in keys:
            raise InvalidEntry(
                "username",
                _("There is a mobile worker “%(name)s” already.", name=one.username),
            )
        active = one.active is not False
        after = {name: value for name, value in one.of_them().items() if value}
        after.pop("active", None)
        _record(
            session, Tag.WORKER_CREATE, project, one, by, after={"username": one.username} | after
        )
        if not active:
            _record(session, Tag.WORKER_SET, project, one, by, {"active": True}, {"active": False})
    return keys


def _change(session: Session, one: Said, worker: MobileWorker, by: Actor) -> None:
    after = {name: value for name, value in one.of_them().items() if value != getattr(worker, name)}
    before = {name: getattr(worker, name) for name in after}
    for name, value in after.items():
        setattr(worker, name, value)
    if one.password is not None:
        worker.password_hash = one.password
        after["password"] = "changed"  # noqa: S105  # that it was, not what it is
    if after:
        _record(session, Tag.WORKER_SET, worker.project, one, by, before, after)


def _belong(
    session: Session, project: Project, said: Sequence[Said], keys: dict[str, int], by: Actor
) -> None:
    """Put workers into groups, and assign them to locations."""
    known = [one.worker for one in said if one.worker is not None]
    now_in = {}
    for some in _batches(known):
        now_in.update(belongings(session, project.id, some))
    gone: dict[type[GroupMember | Assignment], list[dict[str, int]]] = {
        GroupMember: [],
        Assignment: [],
    }
    come: dict[type[GroupMember | Assignment], list[dict[str, int]]] = {
        GroupMember: [],
        Assignment: [],
    }
    for one in said:
        worker = keys[one.username]
        there = now_in.get(worker)
        if one.groups is not None:
            groups = there.groups if there else []
            _note(gone[GroupMember], "group", worker, groups, but=one.groups)
            _note(come[GroupMember], "group", worker, one.groups, but=groups)
            names = [sorted(group.name for group in some) for some in (groups, one.groups)]
            _record_change(session, project, one, by, "groups", names)
        if one.locations is not None:
            places = there.locations if there else []
            for place in one.locations:
                if place.archived and place not in places:
                    raise Refused(
                        _("“%(name)s” is archived: nobody can be assigned to it.", name=place.name)
                    )
            _note(gone[Assignment], "location", worker, places, but=one.locations)
            _note(come[Assignment], "location", worker, one.locations, but=places)
            names = [sorted(place.site_code for place in some) for some in (places, one.locations)]
            _record_change(session, project, one, by, "locations", names)
    _take_out(session, project, gone[GroupMember], GroupMember.group, GroupMember.worker)
    _take_out(session, project, gone[Assignment], Assignment.location, Assignment.worker)
    for table, rows in come.items():
        insert_new(session, table, [{"project_id": project.id, **row} for row in rows])


def _note(
    rows: list[dict[str, int]],
    column: str,
    worker: int,
    some: Iterable[Group | Location],
    *,
    but: Collection[Group | Location],
) -> None:
    left_out = {one.id for one in but}
    rows += [{column: one.id, "worker": worker} for one in some if one.id not in left_out]


def _take_out(
    session: Session, project: Project, rows: list[dict[str, int]], column: Any, worker: Any
) -> None:
    if not rows:
        return
    statement = delete(column.class_.__table__).where(
        column.class_.project_id == project.id,
        column == bindparam("its_key"),
        worker == bindparam("its_worker"),
    )
    values = [{"its_key": row[column.key], "its_worker": row["worker"]} for row in rows]
    session.connection().execute(statement, values)


def _record_change(  # noqa: PLR0917  # what an event has
    session: Session, project: Project, one: Said, by: Actor, what: str, names: list[list[str]]
) -> None:
    before, after = names
    if before != after:
        _record(session, Tag.WORKER_SET, project, one, by, {what: before}, {what: after})


def _record(  # noqa: PLR0917  # what an event has
    session: Session,
    tag: Tag,
    project: Project,
    one: Said,
    by: Actor,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    record(
        session,
        project_id=project.id,
        tag=tag,
        subject=f"worker:{one.username}",
        by=by,
        before=before,
        after=after,
    )


def _batches(some: Sequence[T]) -> Iterable[Sequence[T]]:
    return (some[start : start + SOME] for start in range(0, len(some), SOME))
