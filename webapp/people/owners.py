"""Owners of cases by id and by name: mobile workers, web users, groups and locations (SPEC §1)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from webapp.audit.models import AuditEvent
from webapp.audit.tags import Tag
from webapp.people.models import Membership, MobileWorker, WebUser
from webapp.people.sharing_models import Group, GroupMember, Level, Location


class OwnerIs(StrEnum):
    """What can own cases."""

    WORKER = "worker"
    WEB_USER = "web_user"
    GROUP = "group"
    LOCATION = "location"


class Standing(StrEnum):
    """Whether cases reach people through an owner, and if not, why."""

    ACTIVE = "active"
    #: A worker or web user who cannot sign in.
    DEACTIVATED = "deactivated"
    #: A web user who was taken out of the project: what they did and own still has their name.
    LEFT = "left"
    #: A group.
    DELETED = "deleted"
    #: A location.
    ARCHIVED = "archived"
    #: A group with case sharing off, or a location whose level owns no cases.
    NOT_SHARING = "not_sharing"


@dataclass(frozen=True, slots=True)
class Owner:
    """One by id and name. `code` is the site code of a location, "" for others."""

    owner_id: str
    name: str
    kind: OwnerIs
    standing: Standing
    code: str = ""

    @property
    def active(self) -> bool:
        """Whether the cases that are given to it reach somebody, if there are people in it."""
        return self.standing is Standing.ACTIVE


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of owner: all as rows of `Owner`, the column of the id, which of them are offered,
    which are meant by a name before those that count no more, and who is called so."""

    rows: Select[Any]
    owner_id: Any
    offered: ColumnElement[bool]
    counts: ColumnElement[bool]
    called: Callable[[str], ColumnElement[bool]]


def find_owners(session: Session, project_id: int, text: str) -> list[Owner]:
    """The owners of a project that are called so, in any case: workers and web users by name,
    groups that share cases by theirs, locations that are not archived by site code or name; by a
    site code it is one. Where none is, the owner of this id, whatever became of it; and where there
    is none either, groups and locations of this name that count no more. Several may have a name.
    Two queries at most."""
    kinds = _kinds(project_id).values()
    found = _found(session, (one.rows.where(one.counts, one.called(text)) for one in kinds))
    if not found and text:
        ways = (one.rows.where(or_(one.owner_id == text, one.called(text))) for one in kinds)
        found = _found(session, ways)
        by_id = [one for one in found if one.owner_id == text]
        there = [one for one in found if one.standing is Standing.NOT_SHARING]
        found = by_id or there or found
    by_code = [one for one in found if one.code and one.code == text.lower()]
    if by_code and all(one.kind is OwnerIs.LOCATION for one in found):
        return by_code
    return sorted(found, key=lambda one: (one.kind, one.code, one.owner_id))


def _found(session: Session, ways: Iterable[Select[Any]]) -> list[Owner]:
    return [_owner(row) for row in session.execute(union_all(*ways))]


def find_locations(session: Session, project_id: int, text: str) -> list[Owner]:
    """The locations of this site code; where there is none, those that are called so, in any case,
    or have this id, archived or not. Two queries at most."""
    kind = _kinds(project_id)[OwnerIs.LOCATION]
    ways = (
        Location.site_code == text.lower(),
        or_(_is(Location.name, text), Location.location_id == text),
    )
    for one in ways:
        found = [_owner(row) for row in session.execute(kind.rows.where(one))]
        if found:
            return found
    return []


def locations_like(session: Session, project_id: int, text: str, most: int) -> list[Owner]:
    """The first locations by name whose name or site code has a text in it, in any case, without
    those that are archived. One query."""
    kind = _kinds(project_id)[OwnerIs.LOCATION]
    rows = kind.rows.where(
        ~Location.archived,
        or_(
            Location.name.icontains(text, autoescape=True),
            Location.site_code.icontains(text, autoescape=True),
        ),
    )
    return [_owner(row) for row in session.execute(rows.order_by("name", "code").limit(most))]


def groups_by_name(session: Session, project_id: int, most: int) -> list[Owner]:
    """The first groups by name that reports offer, whether they share cases or not. One query."""
    rows = _kinds(project_id)[OwnerIs.GROUP].rows.where(~Group.deleted, Group.reporting)
    return [_owner(row) for row in session.execute(rows.order_by("name").limit(most))]


def workers_in(project_id: int, group_id: str) -> Select[Any]:
    """The ids of the workers in a group, active or not."""
    return (
        select(MobileWorker.user_id)
        .join(GroupMember, GroupMember.worker == MobileWorker.id)
        .join(Group, Group.id == GroupMember.group)
        .where(
            MobileWorker.project_id == project_id,
            GroupMember.project_id == project_id,
            Group.project_id == project_id,
            Group.group_id == group_id,
        )
    )


def owners_of(session: Session, project_id: int, ids: Collection[str]) -> dict[str, Owner]:
    """The owners of these ids, by id, also those that count no more; an id that is nobody's is left
    out. One query; none without ids. For as many as a page shows."""
    wanted = {one for one in ids if one}
    if not wanted:
        return {}
    rows = union_all(
        *(one.rows.where(one.owner_id.in_(wanted)) for one in _kinds(project_id).values())
    )
    return {row.owner_id: _owner(row) for row in session.execute(rows)}


def names_of_owners(session: Session, project_id: int, ids: Collection[str]) -> dict[str, str]:
    """The names of those ids that are owners, or users, of the project. One query; none without
    ids."""
    return {key: one.name for key, one in owners_of(session, project_id, ids).items()}


def offered_owners(session: Session, project_id: int, kind: OwnerIs, most: int) -> list[Owner]:
    """The first of a kind by name: users active or not, groups that share cases, and locations
    that own some. One query."""
    one = _kinds(project_id)[kind]
    rows = one.rows.where(one.offered).order_by("name", "owner_id").limit(most)
    return [_owner(row) for row in session.execute(rows)]


def _owner(row: Any) -> Owner:
    return Owner(row.owner_id, row.name, OwnerIs(row.kind), Standing(row.standing), row.code)


#: How a standing stands in a query.
_ACTIVE, _NOT_SHARING = literal(Standing.ACTIVE.value), literal(Standing.NOT_SHARING.value)
_DEACTIVATED = literal(Standing.DEACTIVATED.value)


def _kinds(project_id: int) -> dict[OwnerIs, _Kind]:
    return {
        OwnerIs.WORKER: _workers(project_id),
        OwnerIs.WEB_USER: _web_users(project_id),
        OwnerIs.GROUP: _groups(project_id),
        OwnerIs.LOCATION: _locations(project_id),
    }


def _workers(project_id: int) -> _Kind:
    standing = case((MobileWorker.active, _ACTIVE), else_=_DEACTIVATED)
    rows = _rows(MobileWorker.user_id, MobileWorker.username, OwnerIs.WORKER, standing, literal(""))
    return _Kind(
        rows.where(MobileWorker.project_id == project_id),
        MobileWorker.user_id,
        offered=true(),
        counts=true(),
        called=lambda text: MobileWorker.username == text.lower(),
    )


def _web_users(project_id: int) -> _Kind:
    member = exists().where(
        Membership.project_id == project_id, Membership.web_user_id == WebUser.id
    )
    standing = case(
        (~member, literal(Standing.LEFT.value)), (WebUser.active, _ACTIVE), else_=_DEACTIVATED
    )
    rows = _rows(WebUser.user_id, WebUser.email, OwnerIs.WEB_USER, standing, literal(""))
    return _Kind(
        rows.where(or_(member, _was_member(project_id))),
        WebUser.user_id,
        offered=member,
        counts=true(),
        called=lambda text: WebUser.email == text.lower(),
    )


def _groups(project_id: int) -> _Kind:
    standing = case(
        (Group.deleted, literal(Standing.DELETED.value)),
        (Group.case_sharing, _ACTIVE),
        else_=_NOT_SHARING,
    )
    rows = _rows(Group.group_id, Group.name, OwnerIs.GROUP, standing, literal(""))
    shares = and_(Group.case_sharing, ~Group.deleted)
    return _Kind(
        rows.where(Group.project_id == project_id),
        Group.group_id,
        offered=shares,
        counts=shares,
        called=lambda text: _is(Group.name, text),
    )


def _locations(project_id: int) -> _Kind:
    standing = case(
        (Location.archived, literal(Standing.ARCHIVED.value)),
        (Level.owns_cases, _ACTIVE),
        else_=_NOT_SHARING,
    )
    rows = _rows(
        Location.location_id, Location.name, OwnerIs.LOCATION, standing, Location.site_code
    )
    of_level = and_(Level.project_id == Location.project_id, Level.id == Location.level_id)
    return _Kind(
        rows.join(Level, of_level).where(Location.project_id == project_id),
        Location.location_id,
        offered=and_(Level.owns_cases, ~Location.archived),
        counts=~Location.archived,
        called=lambda text: or_(Location.site_code == text.lower(), _is(Location.name, text)),
    )


def _was_member(project_id: int) -> ColumnElement[bool]:
    """Whether a web user was taken out of a project at some time: the audit log knows."""
    return exists().where(
        AuditEvent.project_id == project_id,
        AuditEvent.subject == literal("web_user:").concat(WebUser.email),
        AuditEvent.tag == Tag.MEMBER_REMOVE.value,
    )


def _rows(
    owner_id: Any, name: Any, kind: OwnerIs, standing: ColumnElement[str], code: Any
) -> Select[Any]:
    return select(
        owner_id.label("owner_id"),
        name.label("name"),
        literal(kind.value).label("kind"),
        standing.label("standing"),
        code.label("code"),
    )


def _is(name: Any, text: str) -> ColumnElement[bool]:
    """Whether a name reads so, in any case."""
    return func.lower(name) == text.lower()
