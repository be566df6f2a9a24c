"""The members of a project: web users with a role in it (SPEC X1).

Nobody can give or take more than they have: whoever manages people without being an administrator
would become one otherwise. Nobody changes their own membership, so a project is never left alone:
who changes members come one after the other, each with the rights that are left to them by then.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.database import lock_name
from webapp.errors import InvalidEntry, NotAllowed, NotFound, Refused
from webapp.people.models import Membership, WebUser
from webapp.people.operations import add_member, create_web_user, get_role
from webapp.people.passwords import new_password
from webapp.projects.models import Project, Role
from webapp.projects.rights import Right


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member of a project, with the role there."""

    user: WebUser
    role: Role


def members_of(session: Session, project_id: int) -> list[MemberRow]:
    """The members of a project by their addresses. One query."""
    rows = session.execute(
        select(WebUser, Role)
        .join(Membership, Membership.web_user_id == WebUser.id)
        .join(Role, (Role.project_id == Membership.project_id) & (Role.id == Membership.role_id))
        .where(Membership.project_id == project_id)
        .order_by(WebUser.email)
    )
    return [MemberRow(user, role) for user, role in rows]


def roles_of(session: Session, project_id: int) -> list[Role]:
    """The roles of a project, those with most rights first. One query."""
    roles = session.scalars(select(Role).where(Role.project_id == project_id))
    return sorted(roles, key=lambda role: (-len(role.rights), role.name))


def get_member(session: Session, project_id: int, user_id: str) -> MemberRow:
    """A member of a project by their user id. Raises `NotFound`. One query."""
    found = next(
        (row for row in members_of(session, project_id) if row.user.user_id == user_id), None
    )
    if found is None:
        raise NotFound(_("There is no such web user in this project."))
    return found


def may_give(role: Role, rights: frozenset[Right]) -> bool:
    """Whether somebody with these rights may give a role, or change who has it."""
    return {Right(right) for right in role.rights} <= rights


def invite(
    session: Session, project: Project, email: str, role: str, *, by: Actor
) -> tuple[WebUser, str | None]:
    """Make somebody a member: the web user, and the password that was made for them; None for one
    who has an account already, and keeps theirs. Raises `InvalidEntry`, `Refused` for a role that
    `by` may not give, and `NotAllowed` where they may manage people no longer."""
    _check(get_role(session, project, role), _held_rights(session, project, by))
    user = session.scalar(select(WebUser).where(WebUser.email == email.strip().lower()))
    password = None
    if user is None:
        password = new_password()
        user = create_web_user(session, email, password, by=by)
    elif session.get(Membership, (project.id, user.id)) is not None:
        raise InvalidEntry("email", _("%(email)s is a member already.", email=user.email))
    add_member(session, project, user, role, by=by)
    return user, password


def set_role(session: Session, project: Project, user_id: str, role: str, *, by: Actor) -> bool:
    """Give a member another role; whether that is a change. Raises `NotFound`, `NotAllowed` and
    `Refused` as `invite`, and `Refused` for a member who has more rights, and for oneself."""
    rights = _held_rights(session, project, by)
    member, membership = _changeable(session, project, user_id, by, rights)
    wanted = get_role(session, project, role)
    _check(wanted, rights)
    if wanted.id == membership.role_id:
        return False
    membership.role_id = wanted.id
    _record(session, Tag.MEMBER_SET, project, member, by, after=wanted.name)
    return True


def remove_member(session: Session, project: Project, user_id: str, *, by: Actor) -> None:
    """Take a member out of a project: from the next request on they do not see it. Their account
    stays, and what they did. Raises what `set_role` does."""
    rights = _held_rights(session, project, by)
    member, membership = _changeable(session, project, user_id, by, rights)
    session.delete(membership)
    _record(session, Tag.MEMBER_REMOVE, project, member, by)


def _held_rights(session: Session, project: Project, by: Actor) -> frozenset[Right]:
    """What somebody may do in a project, and nobody changes that until the commit. Those that the
    request began with are not enough: two who take each other out would both go."""
    lock_name(session, "members", project.id)
    stored = session.scalar(
        select(Role.rights)
        .join(
            Membership, (Membership.project_id == Role.project_id) & (Membership.role_id == Role.id)
        )
        .join(WebUser, WebUser.id == Membership.web_user_id)
        .where(Role.project_id == project.id, WebUser.user_id == by.user_id, WebUser.active)
    )
    rights = frozenset(Right(right) for right in stored or ())
    if Right.MANAGE_PEOPLE not in rights:
        raise NotAllowed(Right.MANAGE_PEOPLE.label)
    return rights


def _changeable(
    session: Session, project: Project, user_id: str, by: Actor, rights: frozenset[Right]
) -> tuple[MemberRow, Membership]:
    member = get_member(session, project.id, user_id)
    if member.user.user_id == by.user_id:
        raise Refused(_("Nobody can change what they are themselves. Ask somebody else to."))
    _check(member.role, rights)
    return member, session.get_one(Membership, (project.id, member.user.id))


def _check(role: Role, rights: frozenset[Right]) -> None:
    if not may_give(role, rights):
        raise Refused(
            _(
                "The role “%(name)s” has rights that you do not have yourself, so you can neither"
                " give nor take it.",
                name=role.name,
            )
        )


def _record(
    session: Session,
    tag: Tag,
    project: Project,
    member: MemberRow,
    by: Actor,
    *,
    after: str | None = None,
) -> None:
    record(
        session,
        project_id=project.id,
        tag=tag,
        subject=f"web_user:{member.user.email}",
        by=by,
        before={"role": member.role.name},
        after=None if after is None else {"role": after},
    )
