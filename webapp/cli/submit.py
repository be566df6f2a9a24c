"""`flask --app webapp submit`: forms through the same code as the receiver (SPEC L1)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp.cli.command import (
    answers,
    encodable,
    json_option,
    progress,
    project_option,
    say,
    show,
)
from webapp.config import Settings
from webapp.database import write_transaction
from webapp.errors import Busy, NotAllowed, NotFound, Refused
from webapp.extensions import db
from webapp.people.accounts import is_worker_name, member_of
from webapp.people.operations import get_web_user, get_worker
from webapp.projects.models import Project
from webapp.projects.operations import get_project
from webapp.projects.rights import Right
from webapp.submissions.receive import Arrival, Outcome, Sender, read, receive

_DONE = {Outcome.PROCESSED, Outcome.EDITED, Outcome.DUPLICATE}

_BECAME = {
    Outcome.PROCESSED: "processed",
    Outcome.EDITED: "processed, as an edit of the form that had its id",
    Outcome.DUPLICATE: "a duplicate, which changed nothing",
    Outcome.ERROR: "kept, but not applied",
    Outcome.UNPARSED: "kept, but it is no form",
}


@click.command("submit")
@project_option
@click.option(
    "--as",
    "username",
    metavar="USERNAME",
    required=True,
    help="In whose name.",
)
@click.argument("files", metavar="FILE…", type=click.Path(allow_dash=True), nargs=-1, required=True)
@json_option
@with_appcontext
@answers
def submit(project_name: str, username: str, files: tuple[str, ...], as_json: bool) -> None:
    """Send forms to a project, as if they came from a phone.

    Each FILE is one form, - is standard input. They are received one by one, in the order given.
    The exit status is 1 when any of them was not processed.
    """
    project = get_project(db.session(), project_name)
    project_id = project.id
    sender = _sender(db.session(), project, username)
    documents: list[dict[str, Any]] = []
    with progress(len(files), "Sending") as advance:
        for file in files:
            documents.append(_send(project_id, sender, file))
            advance(1)
    lines = [_line(document) for document in documents]
    show({"forms": documents}, lines, as_json=as_json)
    failed = sum(not document["processed"] for document in documents)
    if failed:
        say(f"{failed} of {len(files)} were not processed.")
        raise click.exceptions.Exit(1)


def _sender(session: Session, project: Project, username: str) -> Sender:
    """The account that sends, with the same rights as over HTTP. Raises `NotFound`, `Refused`,
    `NotAllowed`."""
    if is_worker_name(username):
        worker = get_worker(session, project, username)
        name, active, user_id = worker.username, worker.active, worker.user_id
    else:
        user = get_web_user(session, username)
        member = member_of(session, user.id, project.name)
        if member is None:
            raise NotFound(f"“{user.email}” is no member of “{project.name}”.")
        if Right.EDIT_DATA not in member.rights:
            raise NotAllowed(Right.EDIT_DATA.label)
        name, active, user_id = user.email, user.active, user.user_id
    if not active:
        raise Refused(f"“{name}” is deactivated.")
    return Sender(user_id, name)


def _send(project_id: int, sender: Sender, file: str) -> dict[str, Any]:
    document: dict[str, Any] = {"file": encodable(file), "id": None}
    document |= {"outcome": None, "problem": None}
    settings: Settings = current_app.extensions["settings"]
    try:
        xml = _read(file, settings.max_xml)
        with write_transaction() as session:
            received = receive(session, project_id, Arrival(read(xml), sender), last=True)
    except OSError as error:
        document["problem"] = f"It cannot be read: {error.strerror}."
    except (ValueError, Busy) as error:
        document["problem"] = str(error)
    else:
        document |= {
            "id": received.submission_id,
            "outcome": received.outcome.value,
            "problem": received.problem,
        }
    return document | {"processed": document["outcome"] in _DONE}


def _read(file: str, limit: int) -> bytes:
    """The bytes of a form. Raises `OSError`, or `ValueError` when it is larger than a form may
    be."""
    if file == "-":
        xml = sys.stdin.buffer.read(limit + 1)
    else:
        with Path(file).open("rb") as stream:
            xml = stream.read(limit + 1)
    if len(xml) > limit:
        raise ValueError(f"It is larger than the {limit:,} bytes that a form may have.")
    return xml


def _line(document: dict[str, Any]) -> str:
    outcome = document["outcome"]
    became = "not sent" if outcome is None else _BECAME[Outcome(outcome)]
    identity = f" ({document['id']})" if document["id"] else ""
    problem = f": {document['problem']}" if document["problem"] else ""
    return f"{document['file']}: {became}{identity}{problem}"
