"""`flask --app webapp casetype set / list`."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from webapp.audit.actor import Actor
from webapp.cli.command import answers, json_option, project_option, say, show
from webapp.database import write_transaction
from webapp.dictionary.models import CaseType, Sharing
from webapp.dictionary.operations import add_case_type, set_case_type
from webapp.dictionary.queries import get_case_type, list_case_types
from webapp.errors import NotFound
from webapp.extensions import db
from webapp.projects.operations import get_project

casetype_group = AppGroup("casetype", help="Case types, and who owns their new cases.")


@casetype_group.command("set")
@click.argument("name")
@project_option
@click.option(
    "--sharing",
    type=click.Choice([one.value for one in Sharing]),
    required=True,
    help="Who owns a case that is opened without an owner, or with one that an app sets by itself:"
    " as the form says; the worker's one sharing group or location; or the worker.",
)
@json_option
@with_appcontext
@answers
def set_type(name: str, project_name: str, sharing: str, as_json: bool) -> None:
    """Decide who owns the cases of a type that are opened from now on.

    Cases that are there keep their owners (“case reassign” gives them others). A type that no form
    has used yet is added to the data dictionary.
    """
    by = Actor.command_line()
    with write_transaction() as session:
        project_id = get_project(session, project_name).id
        try:
            get_case_type(session, project_id, name)
            is_new = False
        except NotFound:
            add_case_type(session, project_id, name, by=by)
            is_new = True
        said = {"sharing": Sharing(sharing)}
        changed = set_case_type(session, project_id, name, said, by=by)
        row = get_case_type(session, project_id, name)
    document = _document(row, project_name)
    show(document, [f"{name}: {sharing}"], as_json=as_json)
    if is_new:
        say(f"“{name}” was not in the data dictionary yet, and was added.")
    elif not changed:
        say("It was so already.")


@casetype_group.command("list")
@project_option
@json_option
@with_appcontext
@answers
def list_types(project_name: str, as_json: bool) -> None:
    """List the case types of a project, by name."""
    session = db.session()
    rows = list_case_types(session, get_project(session, project_name).id)
    show(
        {"case_types": [_document(row, project_name) for row in rows]},
        [f"{row.name}  {row.sharing.value}  {row.label}".rstrip() for row in rows],
        as_json=as_json,
    )


def _document(row: CaseType, project_name: str) -> dict[str, Any]:
    return {
        # A case type is known by its name.
        "id": row.name,
        "name": row.name,
        "label": row.label,
        "project": project_name,
        "sharing": row.sharing.value,
    }
