"""Making and changing web users, members and mobile workers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import now
from webapp.database import lock_name
from webapp.errors import Invalid, InvalidEntry, NotFound
from webapp.people.models import Membership, MobileWorker, WebUser
from webapp.people.names import check_user_data, checked_persons_name
from webapp.people.passwords import NOBODY_KNOWS, PasswordHash, hash_password
from webapp.people.turns import hold_people
from webapp.projects.models import Project, Role

#: Not all that the standard allows: no white space, quotes, or colon (which Basic cannot carry).
_EMAIL = re.compile(r"[^@\s:\"'<>(),;\\\x00-\x20\x7f]+@[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII)
_USERNAME = re.compile(r"[a-z0-9](?:[a-z0-9._+-]{0,78}[a-z0-9])?", re.ASCII)

#: The shortest passwords: a phone's are typed on a phone.
SHORTEST_WEB = 8
SHORTEST_WORKER = 6


def create_web_user(
    session: Session, email: str, password: str | None, *, by: Actor, user_id: str | None = None
) -> WebUser:
    """Make a web user, who is no member of anything yet. Raises `Invalid`.

    Without a password nobody can sign in as them until one is set; `user_id` is a fresh one unless
    given (32 hexadecimal digits).
    """
    email = email.strip().lower()
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        raise Invalid(f"“{email[:80]}” is no e-mail address. Write one like amina@example.org.")
    password_hash = _hash(password, SHORTEST_WEB)
    lock_name(session, "web user", email)
    if session.scalar(select(WebUser.id).where(WebUser.email == email)) is not None:
        raise Invalid(f"There is a web user “{email}” already.")
    user = WebUser(
        user_id=user_id or uuid.uuid4().hex,
        email=email,
        password_hash=password_hash,
        active=True,
        created_on=now(),
    )
    session.add(user)
    session.flush()  # callers add memberships by its key
    _record_web_user(session, Tag.WEB_USER_CREATE, user, by, after={"email": email})
    return user


def set_web_user_password(session: Session, user: WebUser, password: str, *, by: Actor) -> None:
    """Give a web user another password: all their sessions end. Raises `Invalid`."""
    user.password_hash = hash_password(password, shortest=SHORTEST_WEB)
    _record_web_user(session, Tag.WEB_USER_PASSWORD, user, by)


def set_web_user_active(session: Session, user: WebUser, active: bool, *, by: Actor) -> None:
    """Let a web user in, or no longer: sessions and keys end at once. What is so already is no
    change."""
    if user.active == active:
        return
    before = {"active": user.active}
    user.active = active
    _record_web_user(session, Tag.WEB_USER_SET, user, by, before=before, after={"active": active})


def add_member(
    session: Session, project: Project, user: WebUser, role: str, *, by: Actor
) -> Membership:
    """Give a web user a role in a project. Raises `NotFound` for an unknown role, `Invalid` when
    they have a role there."""
    found = get_role(session, project, role)
    lock_name(session, "member", project.id, user.id)
    if session.get(Membership, (project.id, user.id)) is not None:
        raise Invalid(f"{user.email} is a member of “{project.name}” already.")
    membership = Membership(
        project_id=project.id,
        web_user_id=user.id,
        role_id=found.id,
        told_of_runs=role == "admin",
    )
    session.add(membership)
    record(
        session,
        project_id=project.id,
        tag=Tag.MEMBER_ADD,
        subject=f"web_user:{user.email}",
        by=by,
        after={"role": role},
    )
    return membership


def create_worker(
    session: Session,
    project: Project,
    username: str,
    password: str | PasswordHash | None,
    *,
    first_name: str = "",
    last_name: str = "",
    user_data: Mapping[str, str] | None = None,
    by: Actor,
    user_id: str | None = None,
) -> MobileWorker:
    """Make a mobile worker. `username` may come with the project's domain. Raises `InvalidEntry`.

    Without a password nobody can sign in as them until one is set; `user_id` is a fresh one unless
    given (32 hexadecimal digits).
    """
    username = checked_username(project, username)
    said = _checked(first_name=first_name, last_name=last_name, user_data=user_data)
    said = {name: value for name, value in said.items() if value}
    password_hash = _hash(password, SHORTEST_WORKER)
    hold_people(session, project.id)
    taken = select(MobileWorker.id).where(
        MobileWorker.project_id == project.id, MobileWorker.username == username
    )
    if session.scalar(taken) is not None:
        raise InvalidEntry(
            "username", f"There is a mobile worker “{username}” in “{project.name}” already."
        )
    worker = MobileWorker(
        project_id=project.id,
        user_id=user_id or uuid.uuid4().hex,
        username=username,
        password_hash=password_hash,
        active=True,
        created_on=now(),
        **{"first_name": "", "last_name": "", "user_data": {}, **said},
    )
    session.add(worker)
    session.flush()  # callers show it, and put it into groups by its key
    _record_worker(session, Tag.WORKER_CREATE, worker, by, after={"username": username, **said})
    return worker


def checked_username(project: Project, username: str) -> str:
    """A worker's username in lower case, without the project's domain. Raises `InvalidEntry`."""
    username = username.strip().lower().removesuffix(f"@{project.name}.commcarehq.org")
    if not _USERNAME.fullmatch(username):
        raise InvalidEntry(
            "username",
            "A mobile worker's username has letters, digits, dots, hyphens, plus signs and"
            " underscores, at most 80, and begins and ends with a letter or digit.",
        )
    return username


def set_worker(
    session: Session,
    worker: MobileWorker,
    *,
    active: bool | None = None,
    password: str | PasswordHash | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
    user_data: Mapping[str, str] | None = None,
    by: Actor,
) -> bool:
    """Change what is named of a mobile worker (`user_data`: all of it); whether anything changed.
    Raises `InvalidEntry`. What they belong to is set by `webapp.people.belonging`."""
    said = _checked(first_name=first_name, last_name=last_name, user_data=user_data)
    password_hash = None if password is None else _hash(password, SHORTEST_WORKER)
    hold_people(session, worker.project_id, worker)
    said = {"active": active, **said}
    after = {
        name: value
        for name, value in said.items()
        if value is not None and value != getattr(worker, name)
    }
    before = {name: getattr(worker, name) for name in after}
    for name, value in after.items():
        setattr(worker, name, value)
    if password_hash is not None:
        worker.password_hash = password_hash
        after["password"] = "changed"  # noqa: S105  # that it was, not what it is
    if after:
        _record_worker(session, Tag.WORKER_SET, worker, by, before=before, after=after)
    return bool(after)


def get_web_user(session: Session, email: str) -> WebUser:
    """A web user by their e-mail address, in any case. Raises `NotFound`."""
    user = session.scalar(select(WebUser).where(WebUser.email == email.strip().lower()))
    if user is None:
        raise NotFound(f"There is no web user “{email}”.")
    return user


def get_worker(session: Session, project: Project, username: str) -> MobileWorker:
    """A mobile worker by their username, in any case, with or without domain. Raises
    `NotFound`."""
    name = username.strip().lower().removesuffix(f"@{project.name}.commcarehq.org")
    worker = session.scalar(
        select(MobileWorker).where(
            MobileWorker.project_id == project.id, MobileWorker.username == name
        )
    )
    if worker is None:
        raise NotFound(f"There is no mobile worker “{username}” in “{project.name}”.")
    return worker


def get_role(session: Session, project: Project, name: str) -> Role:
    """A project's role by its name. Raises `NotFound`, with those that there are."""
    roles = {
        role.name: role
        for role in session.scalars(select(Role).where(Role.project_id == project.id))
    }
    if name not in roles:
        known = ", ".join(sorted(roles))
        raise NotFound(f"There is no role “{name}” in “{project.name}”. There are: {known}.")
    return roles[name]


def _checked(
    *, first_name: str | None, last_name: str | None, user_data: Mapping[str, str] | None
) -> dict[str, Any]:
    """What is said of a worker, as it is kept; None stays None. Raises `InvalidEntry`."""
    if user_data is not None:
        check_user_data(user_data)
        user_data = dict(user_data)
    names = {"first_name": first_name, "last_name": last_name}
    kept = {key: name and checked_persons_name(name, key) for key, name in names.items()}
    return {**kept, "user_data": user_data}


def _hash(password: str | None, shortest: int) -> str:
    if password is None:
        return NOBODY_KNOWS
    if isinstance(password, PasswordHash):
        return password
    return hash_password(password, shortest=shortest)


def _record_web_user(
    session: Session,
    tag: Tag,
    user: WebUser,
    by: Actor,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    subject = f"web_user:{user.email}"
    record(session, project_id=None, tag=tag, subject=subject, by=by, before=before, after=after)


def _record_worker(
    session: Session,
    tag: Tag,
    worker: MobileWorker,
    by: Actor,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    record(
        session,
        project_id=worker.project_id,
        tag=tag,
        subject=f"worker:{worker.username}",
        by=by,
        before=before,
        after=after,
    )
