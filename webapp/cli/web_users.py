"""`flask --app webapp webuser create / set / list`."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from webapp.audit.actor import Actor
from webapp.cli.command import answers, instant, json_option, project_option, say, show
from webapp.cli.passwords import given_or_new, password_option
from webapp.database import write_transaction
from webapp.errors import Invalid, NotFound
from webapp.extensions import db
from webapp.people.models import Membership, WebUser
from webapp.people.operations import (
    add_member,
    create_web_user,
    get_web_user,
    set_web_user_password,
)
from webapp.projects.models import Role
from webapp.projects.operations import get_project


@click.group("webuser")
def web_user_group() -> None:
    """Web users: who signs in to the web site."""


@web_user_group.command("create")
@click.argument("email")
@project_option
@click.option("--role", required=True, help="admin, editor or viewer.")
@password_option
@json_option
@with_appcontext
@answers
def create(email: str, project_name: str, role: str, password: str | None, as_json: bool) -> None:
    """Make a web user with a role in a project.

    EMAIL is what they sign in with. Without --password a password is made, and printed this once.
    Somebody who is a web user already is only added to the project, and keeps their password.
    """
    by = Actor.command_line()
    known = _is_known(email)
    if known and password is not None:
        raise Invalid(f"{email} is a web user already, and keeps their password: leave it out.")
    secret, made = given_or_new(password)
    with write_transaction() as session:
        project = get_project(session, project_name)
        if known:
            user = get_web_user(session, email)
        else:
            user = create_web_user(session, email, secret, by=by)
        add_member(session, project, user, role, by=by)
    document = {
        "id": user.user_id,
        "username": user.email,
        "project": project_name,
        "role": role,
        "created": not known,
    }
    lines = [f"{user.email}: {role} of {project_name}"]
    if made and not known:
        document["password"] = secret
        lines.append(f"password: {secret}")
    show(document, lines, as_json=as_json)
    if known:
        say(f"{user.email} was a web user already, and was added to “{project_name}”.")


@web_user_group.command("set")
@click.argument("email")
@password_option
@json_option
@with_appcontext
@answers
def set_web_user(email: str, password: str | None, as_json: bool) -> None:
    """Give a web user another password. All their sessions end."""
    if password is None:
        raise Invalid("Say what to change: --password -.")
    with write_transaction() as session:
        user = get_web_user(session, email)
        set_web_user_password(session, user, password, by=Actor.command_line())
    document = {"id": user.user_id, "username": user.email, "active": user.active}
    show(document, [f"{user.email} has a new password."], as_json=as_json)


@web_user_group.command("list")
@project_option
@json_option
@with_appcontext
@answers
def list_web_users(project_name: str, as_json: bool) -> None:
    """List the web users of a project and their roles."""
    session = db.session()
    project = get_project(session, project_name)
    rows = session.execute(
        select(WebUser, Role.name)
        .join(Membership, Membership.web_user_id == WebUser.id)
        .join(Role, Role.id == Membership.role_id)
        .where(Membership.project_id == project.id)
        .order_by(WebUser.email)
    ).all()
    documents = [
        {
            "id": user.user_id,
            "username": user.email,
            "role": role,
            "active": user.active,
            "created_on": instant(user.created_on),
        }
        for user, role in rows
    ]
    lines = [
        f"{user.email}  {role}  {'active' if user.active else 'inactive'}" for user, role in rows
    ]
    show({"web_users": documents}, lines, as_json=as_json)


def _is_known(email: str) -> bool:
    try:
        get_web_user(db.session(), email)
    except NotFound:
        return False
    return True
