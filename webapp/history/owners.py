"""Whom a case can be given to (SPEC U5)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.people.models import Membership, MobileWorker, WebUser


@dataclass(frozen=True, slots=True)
class Owner:
    """A user of the project by id and name; `active` where they can sign in."""

    user_id: str
    name: str
    active: bool


def find_owner(session: Session, project_id: int, text: str) -> Owner | None:
    """The user of a project with this name (in any case) or, if nobody is called so, with this id.
    Two queries at most."""
    name = text.lower()
    workers = session.execute(
        select(MobileWorker.user_id, MobileWorker.username, MobileWorker.active).where(
            MobileWorker.project_id == project_id,
            (MobileWorker.username == name) | (MobileWorker.user_id == text),
        )
    )
    found = [Owner(*row) for row in workers]
    web_users = session.execute(
        select(WebUser.user_id, WebUser.email, WebUser.active)
        .join(Membership, Membership.web_user_id == WebUser.id)
        .where(
            Membership.project_id == project_id,
            (WebUser.email == name) | (WebUser.user_id == text),
        )
    )
    found += [Owner(*row) for row in web_users]
    return next((one for one in found if one.name == name), found[0] if found else None)
