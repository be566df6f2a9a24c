"""`flask --app webapp key create / list / revoke`."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from webapp.audit.actor import Actor
from webapp.cli.command import answers, instant, json_option, project_option, say, show
from webapp.database import write_transaction
from webapp.errors import Invalid, NotFound
from webapp.extensions import db
from webapp.people.accounts import member_of
from webapp.people.keys import create_key, revoke_key
from webapp.people.models import ApiKey
from webapp.people.operations import get_web_user
from webapp.projects.models import Project
from webapp.projects.operations import get_project
from webapp.projects.rights import Right


@click.group("key")
def key_group() -> None:
    """API keys: they stand for a web user in the APIs."""


@key_group.command("create")
@click.argument("email")
@project_option
@click.option("--read-only", is_flag=True, help="The key cannot change anything.")
@json_option
@with_appcontext
@answers
def create(email: str, project_name: str, read_only: bool, as_json: bool) -> None:
    """Make a key for a web user, for one project. It is printed this once."""
    with write_transaction() as session:
        project = get_project(session, project_name)
        user = get_web_user(session, email)
        member = member_of(session, user.id, project_name)
        if member is None:
            raise Invalid(f"{user.email} is no member of “{project_name}”, so no key would work.")
        if Right.API_ACCESS not in member.rights:
            raise Invalid(
                f"{user.email} is {member.role} of “{project_name}”, a role without"
                f" {Right.API_ACCESS.label}, so no key would work."
            )
        key, row = create_key(
            session, user, project=project, read_only=read_only, by=Actor.command_line()
        )
    document = _document(row, user.email, project_name) | {"key": key}
    show(document, [f"{user.email}:{key}"], as_json=as_json)
    say("Keep it: nobody can see it again. Send it as the header “Authorization: ApiKey …”.")


@key_group.command("list")
@click.argument("email")
@json_option
@with_appcontext
@answers
def list_keys(email: str, as_json: bool) -> None:
    """List the keys of a web user, without what makes them work."""
    session = db.session()
    user = get_web_user(session, email)
    keys = session.scalars(select(ApiKey).where(ApiKey.web_user_id == user.id).order_by(ApiKey.id))
    names = {row.id: row.name for row in session.execute(select(Project.id, Project.name))}
    documents = [_document(key, user.email, names.get(key.project_id or 0)) for key in keys]
    lines = [
        f"{document['id']}  {document['hint']}…"
        f"  {'read only' if document['read_only'] else 'read and write'}"
        f"  {'revoked' if document['revoked_on'] else 'valid'}"
        f"  {document['project'] or 'all projects'}  {document['created_on']}"
        for document in documents
    ]
    show({"keys": documents}, lines, as_json=as_json)


@key_group.command("revoke")
@click.argument("email")
@click.argument("key_id", metavar="ID", type=click.IntRange(1, 2**31 - 1))
@json_option
@with_appcontext
@answers
def revoke(email: str, key_id: int, as_json: bool) -> None:
    """Make a key of a web user worthless, for good."""
    with write_transaction() as session:
        user = get_web_user(session, email)
        key = session.get(ApiKey, key_id)
        if key is None or key.web_user_id != user.id:
            raise NotFound(f"{user.email} has no key {key_id}.")
        revoke_key(session, key, by=Actor.command_line())
        project = session.get(Project, key.project_id) if key.project_id else None
        document = _document(key, user.email, project.name if project else None)
    show(document, [f"Key {key_id} is revoked."], as_json=as_json)


def _document(key: ApiKey, email: str, project_name: str | None) -> dict[str, Any]:
    return {
        "id": key.id,
        "username": email,
        "project": project_name,
        "hint": key.hint,
        "read_only": key.read_only,
        "created_on": instant(key.created_on),
        "revoked_on": instant(key.revoked_on),
    }
