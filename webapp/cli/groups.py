"""`flask --app webapp group create / set / add / remove / delete / show / list`."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cli.command import answers, instant, json_option, project_option, say, show
from webapp.cli.phones import changing, dry_run_option
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.people import groups
from webapp.people.models import MobileWorker
from webapp.people.operations import get_worker
from webapp.people.queries import groups_of, workers_of
from webapp.people.sharing_models import Group
from webapp.projects.models import Project
from webapp.projects.operations import get_project

group_group = AppGroup("group", help="Groups of mobile workers, which may share cases.")

sharing_option = click.option(
    "--case-sharing/--no-case-sharing", default=None, help="Whether its members share its cases."
)
reporting_option = click.option(
    "--reporting/--no-reporting", default=None, help="Whether lists can be filtered by it."
)


@group_group.command("create")
@click.argument("name")
@project_option
@sharing_option
@reporting_option
@json_option
@with_appcontext
@answers
def create(
    name: str,
    project_name: str,
    case_sharing: bool | None,
    reporting: bool | None,
    as_json: bool,
) -> None:
    """Make a group without members."""
    with write_transaction() as session:
        group = groups.create_group(
            session,
            get_project(session, project_name).id,
            name,
            case_sharing=bool(case_sharing),
            reporting=reporting is not False,
            by=Actor.command_line(),
        )
    _show(group, project_name, as_json)


@group_group.command("set")
@click.argument("name")
@project_option
@click.option("--name", "new_name", metavar="NEW", help="Call it so from now on.")
@sharing_option
@reporting_option
@dry_run_option
@json_option
@with_appcontext
@answers
def set_group(  # noqa: PLR0917  # what can be said of a group
    name: str,
    project_name: str,
    new_name: str | None,
    case_sharing: bool | None,
    reporting: bool | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Change a group, NAME or id: what is named here; all else stays.

    Switching case sharing rewrites no case: it decides whose phones carry what the group owns.
    """
    if new_name is None and case_sharing is None and reporting is None:
        raise Invalid("Say what to change: --case-sharing, --no-case-sharing, --name NEW, …")
    with changing(project_name, dry_run=dry_run) as change:
        group = groups.get_group(change.session, change.project.id, name)
        changed = groups.set_group(
            change.session,
            group,
            name=new_name,
            case_sharing=case_sharing,
            reporting=reporting,
            by=Actor.command_line(),
        )
    _show(group, project_name, as_json, **change.document)
    if not changed:
        say("It was so already.")


@group_group.command("add")
@click.argument("name")
@click.argument("usernames", metavar="USERNAME…", nargs=-1, required=True)
@project_option
@dry_run_option
@json_option
@with_appcontext
@answers
def add(
    name: str, usernames: tuple[str, ...], project_name: str, dry_run: bool, as_json: bool
) -> None:
    """Put mobile workers into a group, NAME or id. All of them, or, if one is unknown, none."""
    with changing(project_name, dry_run=dry_run) as change:
        group = groups.get_group(change.session, change.project.id, name)
        workers = _workers(change.session, change.project, usernames)
        added = groups.add_members(change.session, group, workers, by=Actor.command_line())
    _show(group, project_name, as_json, **change.document)
    _say_who_was_so(workers, added, "in it")


@group_group.command("remove")
@click.argument("name")
@click.argument("usernames", metavar="USERNAME…", nargs=-1, required=True)
@project_option
@dry_run_option
@json_option
@with_appcontext
@answers
def remove(
    name: str, usernames: tuple[str, ...], project_name: str, dry_run: bool, as_json: bool
) -> None:
    """Take mobile workers out of a group, NAME or id."""
    with changing(project_name, dry_run=dry_run) as change:
        group = groups.get_group(change.session, change.project.id, name)
        workers = _workers(change.session, change.project, usernames)
        removed = groups.remove_members(change.session, group, workers, by=Actor.command_line())
    _show(group, project_name, as_json, **change.document)
    _say_who_was_so(workers, removed, "not in it")


@group_group.command("delete")
@click.argument("name")
@project_option
@dry_run_option
@json_option
@with_appcontext
@answers
def delete(name: str, project_name: str, dry_run: bool, as_json: bool) -> None:
    """Delete a group, NAME or id: it counts nowhere then. Cases keep it as their owner."""
    with changing(project_name, dry_run=dry_run) as change:
        group = groups.get_group(change.session, change.project.id, name)
        groups.delete_group(change.session, group, by=Actor.command_line())
    document = _document(group, project_name) | {"deleted": group.deleted} | change.document
    said = "was deleted" if group.deleted else "would be deleted"
    show(document, [f"“{group.name}” {said}."], as_json=as_json)


@group_group.command("show")
@click.argument("name")
@project_option
@json_option
@with_appcontext
@answers
def show_group(name: str, project_name: str, as_json: bool) -> None:
    """Show a group, NAME or id, with its members."""
    session = db.session()
    group = groups.get_group(session, get_project(session, project_name).id, name)
    _show(group, project_name, as_json)


@group_group.command("list")
@project_option
@json_option
@with_appcontext
@answers
def list_groups(project_name: str, as_json: bool) -> None:
    """List the groups of a project, by name, with the number of their members."""
    session = db.session()
    rows = groups_of(session, get_project(session, project_name).id)
    show(
        {
            "groups": [
                _document(row.group, project_name)
                | {"members": row.members, "active_members": row.active}
                for row in rows
            ]
        },
        [
            f"{row.group.name}  {'shares cases' if row.group.case_sharing else 'no sharing'}"
            f"  {row.members} members  {row.group.group_id}"
            for row in rows
        ],
        as_json=as_json,
    )


def _workers(session: Session, project: Project, names: tuple[str, ...]) -> list[MobileWorker]:
    return [get_worker(session, project, name) for name in dict.fromkeys(names)]


def _say_who_was_so(asked: list[MobileWorker], changed: list[MobileWorker], how: str) -> None:
    same = ", ".join(worker.username for worker in asked if worker not in changed)
    if same:
        say(f"{how.capitalize()} already: {same}.")


def _show(group: Group, project_name: str, as_json: bool, **more: Any) -> None:
    session = db.session()
    members = session.scalars(workers_of(group.project_id, group=group)).all()
    document = _document(group, project_name)
    lines = [f"{key}: {value}" for key, value in document.items()]
    lines.append(f"members: {', '.join(worker.username for worker in members) or 'none'}")
    document["members"] = [
        {"id": worker.user_id, "username": worker.username, "active": worker.active}
        for worker in members
    ]
    show(document | more, lines, as_json=as_json)


def _document(group: Group, project_name: str) -> dict[str, Any]:
    return {
        "id": group.group_id,
        "name": group.name,
        "project": project_name,
        "case_sharing": group.case_sharing,
        "reporting": group.reporting,
        "created_on": instant(group.created_on),
    }
