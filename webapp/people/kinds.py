"""Whose a form is, from the user id that it carries (SPEC S2, U6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import bindparam, literal, select, union_all
from sqlalchemy.orm import Session

from webapp.people.models import Membership, MobileWorker, WebUser

#: The server's own user: rules act as it.
SYSTEM = "system"


class UserKind(StrEnum):
    """The kinds of users that Submit History tells apart."""

    MOBILE = "mobile"
    WEB = "web"
    ADMIN = "admin"
    SYSTEM = "system"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Whose:
    """A user of a form: the name by which people know them, and their kind."""

    username: str
    kind: UserKind


_KNOWN = union_all(
    select(MobileWorker.username, literal(UserKind.MOBILE.value)).where(
        MobileWorker.project_id == bindparam("of"), MobileWorker.user_id == bindparam("user")
    ),
    select(WebUser.email, literal(UserKind.WEB.value))
    .join(Membership, Membership.web_user_id == WebUser.id)
    .where(Membership.project_id == bindparam("of"), WebUser.user_id == bindparam("user")),
)


def whose(session: Session, project_id: int, user_id: str, username: str, *, own: bool) -> Whose:
    """Who `user_id` is in a project; `username` is what the form itself says, used for strangers.

    `own` tells a form that the server wrote: only such a one can be the system's. One query.
    """
    if own and user_id == SYSTEM:
        return Whose(SYSTEM, UserKind.SYSTEM)
    found = session.connection().execute(_KNOWN, {"of": project_id, "user": user_id}).first()
    if found is not None:
        return Whose(found[0], UserKind(found[1]))
    known_as_admin = "admin" in (user_id, username)
    return Whose(username, UserKind.ADMIN if known_as_admin else UserKind.UNKNOWN)
