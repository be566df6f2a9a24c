"""Who sends: HTTP Basic and API keys, checked before the body is read (SPEC S2, I1, X1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, NoReturn

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import Unauthorized

from webapp.clock import now, to_datetime
from webapp.errors import NotAllowed, NotFound, TooMany
from webapp.extensions import db
from webapp.people.accounts import (
    KeyHolder,
    check_key,
    check_web_user,
    check_worker,
    is_worker_name,
    member_of,
    split_worker_name,
)
from webapp.people.kinds import UserKind
from webapp.people.passwords import password_checks
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.submissions.receive import Sender

REALM = "Casekeeper"
#: What is in the way of a key that may not write.
THIS_KEY = "and this key can only read"

#: No header of credentials is longer.
_LONGEST = 4_000


class Challenge(Unauthorized):
    """401 with what to send. Written by hand: Werkzeug leaves the quotes out, which the standard
    asks for and some apps need."""

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """The usual ones and the challenge."""
        challenge = f'Basic realm="{REALM}", charset="UTF-8"'
        return [*super().get_headers(*args, **kwargs), ("WWW-Authenticate", challenge)]


class CallerKind(StrEnum):
    """What kind of account calls."""

    WORKER = "worker"
    WEB_USER = "web_user"


@dataclass(frozen=True, slots=True)
class Caller:
    """An account that proved who it is, in the project that it asked for."""

    project_id: int
    kind: CallerKind
    user_id: str
    username: str
    #: A worker has none of the rights: what workers may do is theirs by kind.
    rights: frozenset[Right] = frozenset()
    #: By a key that is limited to reading.
    read_only: bool = False
    #: The key of `mobile_worker`, of a worker.
    worker: int | None = None
    #: Only where deactivated workers are let in, to be told so.
    deactivated: bool = False

    def needs(self, right: Right) -> None:
        """Raise `NotAllowed` unless the caller has the right."""
        if right not in self.rights:
            raise NotAllowed(right.label)


def may_submit(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Call the view with `project_id` and `sender` if the request may send forms to the project in
    its address.

    A mobile worker of the project always may; a web user needs *Edit data*; a key must not be
    limited to reading; and nobody at all may where the project says so (`anonymous_allowed`).
    Answers 401 with a challenge, 403 with the right that lacks, 404, or 429. A deactivated worker
    hears of it in the 401, after the right password only. The session cookie counts for nothing
    here.
    """

    @wraps(view)
    def guarded(project_name: str, **parts: Any) -> ResponseReturnValue:
        session = db.session()
        if not request.headers.get("Authorization"):
            project_id = anonymous_allowed(session, project_name, counts=request.method == "POST")
            if project_id is None:
                _challenge("Send the name and password of a mobile worker or a web user.")
            return view(project_id=project_id, sender=Sender(), **parts)
        caller = authenticated(session, project_name, deactivated_too=True)
        if caller.deactivated:
            _challenge("This account is deactivated. Please contact your supervisor.")
        if caller.kind is not CallerKind.WORKER:
            caller.needs(Right.EDIT_DATA)
        if caller.read_only:
            raise NotAllowed(Right.EDIT_DATA.label, THIS_KEY)
        kind = UserKind.MOBILE if caller.kind is CallerKind.WORKER else UserKind.WEB
        sender = Sender(caller.user_id, caller.username, kind)
        return view(project_id=caller.project_id, sender=sender, **parts)

    guarded.needs = Right.EDIT_DATA  # type: ignore[attr-defined]  # read by the test of all routes
    guarded.machine = True  # type: ignore[attr-defined]  # no session cookie, no redirect
    return guarded


def anonymous_allowed(session: Session, project_name: str, *, counts: bool) -> int | None:
    """The key of the project if it takes forms from nobody in particular, else None (SPEC S2).

    With `counts` it uses up one of the day's quota (calendar day in UTC), and raises `TooMany` when
    there is none left. One query.
    """
    row = session.execute(
        select(Project.id, Project.anonymous_submissions, Project.anonymous_quota).where(
            Project.name == project_name
        )
    ).one_or_none()
    if row is None or not row.anonymous_submissions:
        return None
    if counts:
        moment = to_datetime(now())
        throttle = password_checks().throttle
        what = f"anonymous:{row.id}"
        if not throttle.take_of_day(what, moment.date().isoformat(), row.anonymous_quota):
            into_the_day = moment.hour * 3600 + moment.minute * 60 + moment.second
            raise TooMany(
                "This project takes no more forms without a name and password today.",
                86_400 - into_the_day,
            )
    return int(row.id)


def authenticated(session: Session, project_name: str, *, deactivated_too: bool = False) -> Caller:
    """The account whose credentials the request carries, in a project; a deactivated worker only
    where that is wanted.

    Raises `Unauthorized` with a challenge when they are missing, unreadable or wrong, `NotFound`
    when the account has nothing to do with the project (or there is none), `TooMany` after too many
    failures. One query for a mobile worker, two for a web user, plus what the password costs.
    """
    scheme, _space, rest = request.headers.get("Authorization", "").strip().partition(" ")
    name, secret = _name_and_secret(scheme.lower(), rest.strip())
    address = request.remote_addr or ""
    if scheme.lower() == "apikey":
        return _as_member(session, project_name, check_key(session, name, secret))
    if not is_worker_name(name):
        holder = check_web_user(session, name, secret, address=address)
        return _as_member(session, project_name, holder)
    username, of_project = split_worker_name(name, project_name)
    worker = check_worker(
        session, of_project, username, secret, address=address, deactivated_too=deactivated_too
    )
    if worker is None:
        _wrong()
    if worker.project_name != project_name:
        _no_project(project_name)
    return Caller(
        worker.project_id,
        CallerKind.WORKER,
        worker.user_id,
        worker.username,
        worker=worker.key,
        deactivated=not worker.active,
    )


def _as_member(session: Session, project_name: str, holder: KeyHolder | None) -> Caller:
    if holder is None:
        _wrong()
    member = member_of(session, holder.web_user_id, project_name)
    if member is None or holder.project_id not in (None, member.project.id):
        _no_project(project_name)
    if holder.by_key and Right.API_ACCESS not in member.rights:
        raise NotAllowed(Right.API_ACCESS.label)
    return Caller(
        member.project.id,
        CallerKind.WEB_USER,
        holder.user_id,
        holder.email,
        member.rights,
        holder.read_only,
    )


def _name_and_secret(scheme: str, rest: str) -> tuple[str, str]:
    if scheme not in {"basic", "apikey"} or len(rest) > _LONGEST:
        _challenge("Send HTTP Basic, or ApiKey with user:key.")
    try:
        # Headers come as Latin-1 whatever they are; names in them are UTF-8.
        raw = (
            rest.encode("latin-1") if scheme == "apikey" else base64.b64decode(rest, validate=True)
        )
        name, colon, secret = raw.decode().partition(":")
    except (binascii.Error, ValueError):
        _challenge("The Authorization header cannot be read.")
    if not colon or "\0" in name + secret:
        _challenge("The Authorization header cannot be read.")
    return name, secret


def _wrong() -> NoReturn:
    # One sentence for all of it: an unknown name and a wrong password, of whichever account.
    _challenge("The name or the password is not right.")


def _no_project(project_name: str) -> NoReturn:
    raise NotFound(f"There is no project “{project_name}”.")


def _challenge(sentence: str) -> NoReturn:
    raise Challenge(sentence)
