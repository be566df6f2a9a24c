"""`flask --app webapp worker create / set / show / list`."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from webapp.audit.actor import Actor
from webapp.cli.command import answers, instant, json_option, project_option, say, show
from webapp.cli.passwords import given_or_new, password_option
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.people import operations
from webapp.people.models import MobileWorker
from webapp.projects.operations import get_project


@click.group("worker")
def worker_group() -> None:
    """Mobile workers: who sends forms from a phone."""


@worker_group.command("create")
@click.argument("username")
@project_option
@password_option
@json_option
@with_appcontext
@answers
def create(username: str, project_name: str, password: str | None, as_json: bool) -> None:
    """Make a mobile worker.

    USERNAME is what they sign in with on the phone. Without --password a password is made, and
    printed this once.
    """
    secret, made = given_or_new(password)
    with write_transaction() as session:
        project = get_project(session, project_name)
        worker = operations.create_worker(
            session, project, username, secret, by=Actor.command_line()
        )
    document, lines = _document(worker, project_name), _lines(worker, project_name)
    if made:
        document["password"] = secret
        lines.append(f"password: {secret}")
    show(document, lines, as_json=as_json)


@worker_group.command("set")
@click.argument("username")
@project_option
@click.option("--active/--inactive", default=None, help="Whether they may send forms.")
@password_option
@json_option
@with_appcontext
@answers
def set_worker(
    username: str, project_name: str, active: bool | None, password: str | None, as_json: bool
) -> None:
    """Change a mobile worker: what is named here; all else stays."""
    if active is None and password is None:
        raise Invalid("Say what to change: --active, --inactive or --password -.")
    with write_transaction() as session:
        project = get_project(session, project_name)
        worker = operations.get_worker(session, project, username)
        changed = operations.set_worker(
            session, worker, active=active, password=password, by=Actor.command_line()
        )
    show(_document(worker, project_name), _lines(worker, project_name), as_json=as_json)
    if not changed:
        say("It was so already.")


@worker_group.command("show")
@click.argument("username")
@project_option
@json_option
@with_appcontext
@answers
def show_worker(username: str, project_name: str, as_json: bool) -> None:
    """Show a mobile worker."""
    session = db.session()
    worker = operations.get_worker(session, get_project(session, project_name), username)
    show(_document(worker, project_name), _lines(worker, project_name), as_json=as_json)


@worker_group.command("list")
@project_option
@json_option
@with_appcontext
@answers
def list_workers(project_name: str, as_json: bool) -> None:
    """List the mobile workers of a project, by name."""
    session = db.session()
    project = get_project(session, project_name)
    workers = session.scalars(
        select(MobileWorker)
        .where(MobileWorker.project_id == project.id)
        .order_by(MobileWorker.username)
    ).all()
    show(
        {"workers": [_document(worker, project_name) for worker in workers]},
        [
            f"{worker.username}  {'active' if worker.active else 'inactive'}  {worker.user_id}"
            for worker in workers
        ],
        as_json=as_json,
    )


def _document(worker: MobileWorker, project_name: str) -> dict[str, Any]:
    return {
        "id": worker.user_id,
        "username": worker.username,
        "project": project_name,
        "active": worker.active,
        "created_on": instant(worker.created_on),
    }


def _lines(worker: MobileWorker, project_name: str) -> list[str]:
    return [f"{key}: {value}" for key, value in _document(worker, project_name).items()]
