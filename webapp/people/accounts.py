"""Who is asking: from credentials to an account, and from an account to its rights in a project."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from webapp.database import read_alone
from webapp.people.keys import hash_of
from webapp.people.models import ApiKey, Membership, MobileWorker, WebUser
from webapp.people.passwords import password_checks
from webapp.projects.models import Project, Role
from webapp.projects.rights import Right

#: What apps add to a worker's name: `amina@demo.commcarehq.org`.
_DOMAIN = re.compile(r"(?P<name>[^@]+)@(?P<project>[^@]+)\.commcarehq\.org")


@dataclass(frozen=True, slots=True)
class Worker:
    """A mobile worker whose password was right."""

    project_id: int
    project_name: str
    user_id: str
    username: str
    #: The key of `mobile_worker`.
    key: int
    #: Whether they may do anything at all.
    active: bool = True


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A web user, and the limits of the key that stood for them (none with a password)."""

    web_user_id: int
    user_id: str
    email: str
    read_only: bool = False
    #: The only project that the key is for.
    project_id: int | None = None
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """What a web user is in a project."""

    project: Project
    role: str
    rights: frozenset[Right]


def split_worker_name(typed: str, project_name: str) -> tuple[str, str]:
    """The username and the project that a typed name means: `amina`, in the project asked for, or
    `amina@other.commcarehq.org`. Any case will do."""
    lower = typed.strip().lower()
    with_domain = _DOMAIN.fullmatch(lower)
    if with_domain is None:
        return lower, project_name
    return with_domain["name"], with_domain["project"]


def is_worker_name(typed: str) -> bool:
    """Whether a typed name can only be a mobile worker's: those of web users are e-mail
    addresses."""
    return "@" not in typed or _DOMAIN.fullmatch(typed.strip().lower()) is not None


_WORKER = (
    select(
        MobileWorker.id,
        MobileWorker.project_id,
        MobileWorker.user_id,
        MobileWorker.username,
        MobileWorker.password_hash,
        MobileWorker.active,
    )
    .join(Project, Project.id == MobileWorker.project_id)
    .where(Project.name == bindparam("project"), MobileWorker.username == bindparam("username"))
)


def check_worker(
    session: Session,
    project_name: str,
    username: str,
    password: str,
    *,
    address: str,
    deactivated_too: bool = False,
) -> Worker | None:
    """The active mobile worker with this password, or None; a deactivated one only where that is
    wanted. One query, and what `PasswordChecks.right` costs and raises."""
    found = read_alone(session, _WORKER, {"project": project_name, "username": username})
    row = found[0] if found else None
    account = f"worker:{project_name}:{username}"
    stored = None if row is None else row.password_hash
    right = password_checks().right(account, password, stored, address)
    if row is None or not right or not (row.active or deactivated_too):
        return None
    return Worker(
        row.project_id, project_name, row.user_id, row.username, row.id, active=row.active
    )


def first_worker(session: Session, project_id: int) -> str | None:
    """The name of the oldest mobile worker who may send forms, if there is any. One query."""
    return session.scalar(
        select(MobileWorker.username)
        .where(MobileWorker.project_id == project_id, MobileWorker.active)
        .order_by(MobileWorker.id)
        .limit(1)
    )


def check_web_user(
    session: Session, email: str, password: str, *, address: str
) -> KeyHolder | None:
    """The active web user with this password, or None. Costs and raises as `check_worker`."""
    email = email.strip().lower()
    row = session.execute(
        select(
            WebUser.id, WebUser.user_id, WebUser.email, WebUser.password_hash, WebUser.active
        ).where(WebUser.email == email)
    ).one_or_none()
    stored = None if row is None else row.password_hash
    right = password_checks().right(f"web:{email}", password, stored, address)
    if row is None or not right or not row.active:
        return None
    return KeyHolder(row.id, row.user_id, row.email)


def check_key(session: Session, email: str, key: str) -> KeyHolder | None:
    """The active web user whose key this is, or None. One query. Failures are not counted: a key
    has 256 random bits."""
    row = session.execute(
        select(WebUser.id, WebUser.user_id, WebUser.email, ApiKey.read_only, ApiKey.project_id)
        .join(WebUser, WebUser.id == ApiKey.web_user_id)
        .where(
            ApiKey.key_hash == hash_of(key),
            ApiKey.revoked_on.is_(None),
            WebUser.email == email.strip().lower(),
            WebUser.active,
        )
    ).one_or_none()
    if row is None:
        return None
    return KeyHolder(row.id, row.user_id, row.email, row.read_only, row.project_id, by_key=True)


def member_of(session: Session, web_user_id: int, project_name: str) -> Member | None:
    """What a web user is in a project; None when they are no member, or there is no such project:
    the two cannot be told apart from outside. One query."""
    row = session.execute(
        select(Project, Role.name, Role.rights)
        .join(Membership, Membership.project_id == Project.id)
        .join(Role, (Role.project_id == Membership.project_id) & (Role.id == Membership.role_id))
        .where(Project.name == project_name, Membership.web_user_id == web_user_id)
    ).one_or_none()
    if row is None:
        return None
    return Member(row[0], row[1], frozenset(Right(right) for right in row[2]))


def memberships_of(session: Session, web_user_id: int) -> list[Member]:
    """All that a web user is a member of, by the projects' titles. One query."""
    rows = session.execute(
        select(Project, Role.name, Role.rights)
        .join(Membership, Membership.project_id == Project.id)
        .join(Role, (Role.project_id == Membership.project_id) & (Role.id == Membership.role_id))
        .where(Membership.web_user_id == web_user_id)
        .order_by(Project.title, Project.name)
    )
    return [
        Member(project, role, frozenset(Right(right) for right in rights))
        for project, role, rights in rows
    ]
