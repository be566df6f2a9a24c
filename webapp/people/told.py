"""Which members of a project are told by mail of runs that wait for a decision or have failed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.people.models import Membership, WebUser
from webapp.projects.models import Project, Role


@dataclass(frozen=True, slots=True)
class PersonToTell:
    """A member who can sign in, and whether they are told. `id` is their `user_id`."""

    id: str
    email: str
    role: str
    told: bool


def people_to_tell(session: Session, project_id: int) -> list[PersonToTell]:
    """The members of a project who can sign in, by their addresses. One query."""
    rows = session.execute(
        select(WebUser.user_id, WebUser.email, Role.name, Membership.told_of_runs)
        .join(Membership, Membership.web_user_id == WebUser.id)
        .join(Role, (Role.project_id == Membership.project_id) & (Role.id == Membership.role_id))
        .where(Membership.project_id == project_id, WebUser.active)
        .order_by(WebUser.email)
    )
    return [PersonToTell(*row) for row in rows]


def addresses_to_tell(session: Session, project_id: int) -> list[str]:
    """Where to write to. One query."""
    return [person.email for person in people_to_tell(session, project_id) if person.told]


def set_told(session: Session, project: Project, told: Collection[str], *, by: Actor) -> bool:
    """Tell just these of the members who can sign in, and return whether that is a change: `told`
    holds their `user_id`s. Who is none of them is passed over, for they may have left since the
    page was read."""
    members = session.scalars(
        select(Membership)
        .join(Membership.web_user)
        .where(Membership.project_id == project.id, WebUser.active)
        .order_by(WebUser.email)
        .options(contains_eager(Membership.web_user))
    ).all()
    before = [member.web_user.email for member in members if member.told_of_runs]
    for member in members:
        member.told_of_runs = member.web_user.user_id in told
    after = [member.web_user.email for member in members if member.told_of_runs]
    if before == after:
        return False
    record(
        session,
        project_id=project.id,
        tag=Tag.PROJECT_TELL,
        subject=f"project:{project.name}",
        by=by,
        before={"told": before},
        after={"told": after},
    )
    return True
