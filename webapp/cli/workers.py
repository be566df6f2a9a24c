"""`flask --app webapp worker create / set / show / list`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cli.belonging import (
    belonging_document,
    belonging_lines,
    belonging_options,
    groups_named,
    locations_named,
)
from webapp.cli.command import answers, instant, json_option, project_option, say, show
from webapp.cli.passwords import given_or_new, password_option
from webapp.cli.phones import changing, dry_run_option
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.people import operations
from webapp.people.belonging import set_groups, set_locations
from webapp.people.models import MobileWorker
from webapp.people.queries import workers_of
from webapp.projects.operations import get_project


@click.group("worker")
def worker_group() -> None:
    """Mobile workers: who sends forms from a phone."""


first_name_option = click.option("--first-name", metavar="NAME", help="As people call them.")
last_name_option = click.option("--last-name", metavar="NAME", help="As people call them.")


@worker_group.command("create")
@click.argument("username")
@project_option
@first_name_option
@last_name_option
@belonging_options
@password_option
@json_option
@with_appcontext
@answers
def create(  # noqa: PLR0917  # what can be said of a worker
    username: str,
    project_name: str,
    first_name: str | None,
    last_name: str | None,
    group_names: tuple[str, ...],
    location_names: tuple[str, ...],
    password: str | None,
    as_json: bool,
) -> None:
    """Make a mobile worker.

    USERNAME is what they sign in with on the phone. Without --password a password is made, and
    printed this once.
    """
    secret, made = given_or_new(password)
    by = Actor.command_line()
    with write_transaction() as session:
        project = get_project(session, project_name)
        groups = groups_named(session, project.id, group_names)
        locations = locations_named(session, project.id, location_names)
        worker = operations.create_worker(
            session,
            project,
            username,
            secret,
            first_name=first_name or "",
            last_name=last_name or "",
            by=by,
        )
        set_groups(session, worker, groups, by=by)
        set_locations(session, worker, locations, by=by)
    _show(worker, project_name, as_json, password=secret if made else None)


@worker_group.command("set")
@click.argument("username")
@project_option
@click.option("--active/--inactive", default=None, help="Whether they may send forms.")
@first_name_option
@last_name_option
@belonging_options
@click.option("--no-groups", is_flag=True, help="Take them out of all groups.")
@click.option("--no-locations", is_flag=True, help="Assign them to no location.")
@password_option
@dry_run_option
@json_option
@with_appcontext
@answers
def set_worker(  # noqa: PLR0917  # what can be said of a worker
    username: str,
    project_name: str,
    active: bool | None,
    first_name: str | None,
    last_name: str | None,
    group_names: tuple[str, ...],
    location_names: tuple[str, ...],
    no_groups: bool,
    no_locations: bool,
    password: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Change a mobile worker: what is named here; all else stays.

    The groups that are named take the place of those they are in, and so do the locations.
    """
    if (group_names and no_groups) or (location_names and no_locations):
        raise Invalid("Name groups or say --no-groups, and locations or --no-locations; not both.")
    in_groups, at_locations = bool(group_names or no_groups), bool(location_names or no_locations)
    said = (active, password, first_name, last_name)
    if all(one is None for one in said) and not in_groups and not at_locations:
        raise Invalid("Say what to change: --active, --inactive, --group G, --location L, …")
    by = Actor.command_line()
    with changing(project_name, dry_run=dry_run) as change:
        session, project = change.session, change.project
        worker = operations.get_worker(session, project, username)
        changed = operations.set_worker(
            session,
            worker,
            active=active,
            password=password,
            first_name=first_name,
            last_name=last_name,
            by=by,
        )
        if in_groups:
            groups = groups_named(session, project.id, group_names)
            changed |= set_groups(session, worker, groups, by=by)
        if at_locations:
            locations = locations_named(session, project.id, location_names)
            changed |= set_locations(session, worker, locations, by=by)
    _show(worker, project_name, as_json, **change.document)
    if not changed:
        say("It was so already.")


@worker_group.command("show")
@click.argument("username")
@project_option
@json_option
@with_appcontext
@answers
def show_worker(username: str, project_name: str, as_json: bool) -> None:
    """Show a mobile worker, with what they belong to and who shares cases with them."""
    session = db.session()
    worker = operations.get_worker(session, get_project(session, project_name), username)
    _show(worker, project_name, as_json)


@worker_group.command("list")
@project_option
@json_option
@with_appcontext
@answers
def list_workers(project_name: str, as_json: bool) -> None:
    """List the mobile workers of a project, by name."""
    session = db.session()
    workers = session.scalars(workers_of(get_project(session, project_name).id)).all()
    show(
        {"workers": [_document(worker, project_name) for worker in workers]},
        _rows(workers),
        as_json=as_json,
    )


def _rows(workers: Sequence[MobileWorker]) -> list[str]:
    return [
        f"{worker.username}  {'active' if worker.active else 'inactive'}  {worker.user_id}"
        for worker in workers
    ]


def _show(
    worker: MobileWorker,
    project_name: str,
    as_json: bool,
    *,
    password: str | None = None,
    **more: Any,
) -> None:
    session: Session = db.session()
    document, belonging = _document(worker, project_name), belonging_document(session, worker)
    lines = [f"{key}: {value}" for key, value in document.items() if value not in {"", None}]
    lines += belonging_lines(belonging)
    document |= belonging
    if password is not None:
        document["password"] = password
        lines.append(f"password: {password}")
    show(document | more, lines, as_json=as_json)


def _document(worker: MobileWorker, project_name: str) -> dict[str, Any]:
    return {
        "id": worker.user_id,
        "username": worker.username,
        "project": project_name,
        "active": worker.active,
        "first_name": worker.first_name,
        "last_name": worker.last_name,
        "created_on": instant(worker.created_on),
    }
