"""Whose a form is, from the user id that it carries (SPEC S2, U6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import literal, select, union_all
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


def whose(session: Session, project_id: int, user_id: str, username: str, *, own: bool) -> Whose:
    """Who `user_id` is in a project; `username` is what the form itself says, used for strangers.

    `own` tells a form that the server wrote: only such a one can be the system's. One query.
    """
    if own and user_id == SYSTEM:
        return Whose(SYSTEM, UserKind.SYSTEM)
    workers = select(MobileWorker.username, literal(UserKind.MOBILE.value)).where(
        MobileWorker.project_id == project_id, MobileWorker.user_id == user_id
    )
    web_users = (
        select(WebUser.email, literal(UserKind.WEB.value))
        .join(Membership, Membership.web_user_id == WebUser.id)
        .where(Membership.project_id == project_id, WebUser.user_id == user_id)
    )
    found = session.execute(union_all(workers, web_users)).first()
    if found is not None:
        return Whose(found[0], UserKind(found[1]))
    known_as_admin = "admin" in (user_id, username)
    return Whose(username, UserKind.ADMIN if known_as_admin else UserKind.UNKNOWN)
