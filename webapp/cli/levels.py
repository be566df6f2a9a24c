"""`flask --app webapp level create / set / delete / list`."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from webapp.audit.actor import Actor
from webapp.cli.command import answers, json_option, project_option, say, show
from webapp.cli.phones import changing, dry_run_option
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.people import levels
from webapp.people.queries import levels_of
from webapp.people.sharing_models import Level
from webapp.projects.operations import get_project

level_group = AppGroup("level", help="Levels of the organization tree, as district or clinic.")

owns_option = click.option(
    "--owns-cases/--no-owns-cases",
    default=None,
    help="Whether its locations own cases, which all who are assigned to them share.",
)
views_option = click.option(
    "--views-child-data/--no-views-child-data",
    default=None,
    help="Whether who is assigned to one also has the cases of all locations below.",
)


@level_group.command("create")
@click.argument("name")
@project_option
@owns_option
@views_option
@json_option
@with_appcontext
@answers
def create(
    name: str,
    project_name: str,
    owns_cases: bool | None,
    views_child_data: bool | None,
    as_json: bool,
) -> None:
    """Make a level."""
    with write_transaction() as session:
        level = levels.create_level(
            session,
            get_project(session, project_name).id,
            name,
            owns_cases=bool(owns_cases),
            views_child_data=bool(views_child_data),
            by=Actor.command_line(),
        )
    _show(level, project_name, as_json)


@level_group.command("set")
@click.argument("name")
@project_option
@click.option("--name", "new_name", metavar="NEW", help="Call it so from now on.")
@owns_option
@views_option
@dry_run_option
@json_option
@with_appcontext
@answers
def set_level(  # noqa: PLR0917  # what can be said of a level
    name: str,
    project_name: str,
    new_name: str | None,
    owns_cases: bool | None,
    views_child_data: bool | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Change a level: what is named here; all else stays."""
    if new_name is None and owns_cases is None and views_child_data is None:
        raise Invalid("Say what to change: --owns-cases, --views-child-data, --name NEW, …")
    with changing(project_name, dry_run=dry_run) as change:
        level = levels.get_level(change.session, change.project.id, name)
        changed = levels.set_level(
            change.session,
            level,
            name=new_name,
            owns_cases=owns_cases,
            views_child_data=views_child_data,
            by=Actor.command_line(),
        )
    _show(level, project_name, as_json, **change.document)
    if not changed:
        say("It was so already.")


@level_group.command("delete")
@click.argument("name")
@project_option
@json_option
@with_appcontext
@answers
def delete(name: str, project_name: str, as_json: bool) -> None:
    """Delete a level that has no locations."""
    with write_transaction() as session:
        level = levels.get_level(session, get_project(session, project_name).id, name)
        document = _document(level, project_name) | {"deleted": True}
        levels.delete_level(session, level, by=Actor.command_line())
    show(document, [f"“{document['name']}” was deleted."], as_json=as_json)


@level_group.command("list")
@project_option
@json_option
@with_appcontext
@answers
def list_levels(project_name: str, as_json: bool) -> None:
    """List the levels of a project, by name, with the number of their locations."""
    session = db.session()
    rows = levels_of(session, get_project(session, project_name).id)
    show(
        {
            "levels": [
                _document(row.level, project_name)
                | {"locations": row.locations, "archived_locations": row.archived}
                for row in rows
            ]
        },
        [
            f"{row.level.name}  {'owns cases' if row.level.owns_cases else 'owns none'}"
            f"  {'views child data' if row.level.views_child_data else 'views its own'}"
            f"  {row.locations} locations"
            for row in rows
        ],
        as_json=as_json,
    )


def _show(level: Level, project_name: str, as_json: bool, **more: Any) -> None:
    document = _document(level, project_name)
    lines = [f"{key}: {value}" for key, value in document.items()]
    show(document | more, lines, as_json=as_json)


def _document(level: Level, project_name: str) -> dict[str, Any]:
    return {
        "id": level.id,
        "name": level.name,
        "project": project_name,
        "owns_cases": level.owns_cases,
        "views_child_data": level.views_child_data,
    }
