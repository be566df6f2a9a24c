"""`flask --app webapp location create / set / move / archive / unarchive / list`."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cli.command import (
    answers,
    instant,
    json_option,
    project_option,
    reason_option,
    say,
    show,
)
from webapp.cli.phones import changing, dry_run_option
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.people import locations
from webapp.people.levels import get_level
from webapp.people.queries import tree_of
from webapp.people.sharing_models import Location
from webapp.projects.operations import get_project

location_group = AppGroup("location", help="Locations: the tree of an organization.")


@location_group.command("create")
@click.argument("name")
@project_option
@click.option("--level", "level_name", metavar="L", required=True, help="Its level, by name.")
@click.option("--parent", metavar="P", help="What it lies below; without it, at the top.")
@click.option("--site-code", metavar="CODE", default="", help="Made from the name if not given.")
@json_option
@with_appcontext
@answers
def create(  # noqa: PLR0917  # what can be said of a location
    name: str,
    project_name: str,
    level_name: str,
    parent: str | None,
    site_code: str,
    as_json: bool,
) -> None:
    """Make a location. P is a site code, an id, or a name that only one location has."""
    with write_transaction() as session:
        project_id = get_project(session, project_name).id
        location = locations.create_location(
            session,
            project_id,
            name,
            get_level(session, project_id, level_name),
            parent=_named(session, project_id, parent),
            site_code=site_code,
            by=Actor.command_line(),
        )
    _show(location, project_name, as_json)


@location_group.command("set")
@click.argument("name")
@project_option
@click.option("--name", "new_name", metavar="NEW", help="Call it so from now on.")
@click.option("--level", "level_name", metavar="L", help="Its level, by name.")
@click.option("--site-code", metavar="CODE")
@dry_run_option
@json_option
@with_appcontext
@answers
def set_location(  # noqa: PLR0917  # what can be said of a location
    name: str,
    project_name: str,
    new_name: str | None,
    level_name: str | None,
    site_code: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Change a location (site code, id or name): what is named here; all else stays."""
    if new_name is None and level_name is None and site_code is None:
        raise Invalid("Say what to change: --name NEW, --level L or --site-code CODE.")
    with changing(project_name, dry_run=dry_run) as change:
        session, project_id = change.session, change.project.id
        location = locations.get_location(session, project_id, name)
        changed = locations.set_location(
            session,
            location,
            name=new_name,
            site_code=site_code,
            level=None if level_name is None else get_level(session, project_id, level_name),
            by=Actor.command_line(),
        )
    _show(location, project_name, as_json, **change.document)
    if not changed:
        say("It was so already.")


@location_group.command("move")
@click.argument("name")
@project_option
@click.option("--parent", metavar="P", help="What it is to lie below.")
@click.option("--top", is_flag=True, help="Put it at the top of the tree.")
@dry_run_option
@json_option
@with_appcontext
@answers
def move(  # noqa: PLR0917  # what can be said of it
    name: str, project_name: str, parent: str | None, top: bool, dry_run: bool, as_json: bool
) -> None:
    """Put a location (site code, id or name), with all below it, below another one."""
    if (parent is None) != top:
        raise Invalid("Say where to: --parent P, or --top.")
    with changing(project_name, dry_run=dry_run) as change:
        session, project_id = change.session, change.project.id
        location = locations.get_location(session, project_id, name)
        changed = locations.move_location(
            session, location, _named(session, project_id, parent), by=Actor.command_line()
        )
    _show(location, project_name, as_json, **change.document)
    if not changed:
        say("It was there already.")


@location_group.command("archive")
@click.argument("name")
@project_option
@reason_option
@dry_run_option
@json_option
@with_appcontext
@answers
def archive(name: str, project_name: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Archive a location (site code, id or name) with everything below it: they count nowhere
    then. Cases and workers keep them, for “location unarchive”."""
    with changing(project_name, dry_run=dry_run) as change:
        location = locations.get_location(change.session, change.project.id, name)
        codes = locations.archive_location(
            change.session, location, by=Actor.command_line(), reason=reason
        )
    _show(location, project_name, as_json, site_codes=codes, **change.document)
    done = "To be archived" if dry_run else "Archived"
    say(f"{done}: {', '.join(codes)}." if codes else "It was archived already.")


@location_group.command("unarchive")
@click.argument("name")
@project_option
@reason_option
@dry_run_option
@json_option
@with_appcontext
@answers
def unarchive(name: str, project_name: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Bring back an archived location (site code, id or name), with what was archived with it."""
    with changing(project_name, dry_run=dry_run) as change:
        location = locations.get_location(change.session, change.project.id, name)
        codes = locations.unarchive_location(
            change.session, location, by=Actor.command_line(), reason=reason
        )
    _show(location, project_name, as_json, site_codes=codes, **change.document)
    done = "To be brought back" if dry_run else "Brought back"
    say(f"{done}: {', '.join(codes)}." if codes else "It was not archived.")


@location_group.command("list")
@project_option
@click.option("--archived", is_flag=True, help="Archived ones too.")
@json_option
@with_appcontext
@answers
def list_locations(project_name: str, archived: bool, as_json: bool) -> None:
    """List the locations of a project as the tree that they are, with their active workers."""
    session = db.session()
    project_id = get_project(session, project_name).id
    rows = tree_of(session, project_id, archived=archived)
    ids = {row.location.id: row.location.location_id for row in rows}
    documents = [
        _document(row.location, project_name)
        | {
            "level": row.level.name,
            "parent": ids.get(row.location.parent_id or 0),
            "depth": row.depth,
            "workers": row.workers,
        }
        for row in rows
    ]
    lines = [
        f"{'  ' * row.depth}{row.location.name}  {row.location.site_code}  {row.level.name}"
        f"  {row.workers} workers{'  archived' if row.location.archived else ''}"
        for row in rows
    ]
    show({"locations": documents}, lines, as_json=as_json)


def _named(session: Session, project_id: int, name: str | None) -> Location | None:
    return None if name is None else locations.get_location(session, project_id, name)


def _show(location: Location, project_name: str, as_json: bool, **more: Any) -> None:
    above = (
        db.session().get(Location, location.parent_id) if location.parent_id is not None else None
    )
    document = _document(location, project_name) | {
        "level": location.level.name,
        "parent": above.location_id if above else None,
    }
    lines = [f"{key}: {value}" for key, value in document.items() if key != "parent"]
    lines.append(f"below: {above.name} ({above.site_code})" if above else "at the top")
    show(document | more, lines, as_json=as_json)


def _document(location: Location, project_name: str) -> dict[str, Any]:
    return {
        "id": location.location_id,
        "name": location.name,
        "site_code": location.site_code,
        "project": project_name,
        "archived": location.archived,
        "created_on": instant(location.created_on),
    }
