"""`flask --app webapp submit`: forms through the same code as the receiver (SPEC L1)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cli.command import answers, json_option, progress, project_option, say, show
from webapp.config import Settings
from webapp.database import write_transaction
from webapp.errors import Busy, NotFound, Refused
from webapp.extensions import db
from webapp.people.models import Membership, MobileWorker, WebUser
from webapp.projects.operations import get_project
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
@click.option("--as", "username", metavar="USERNAME", required=True, help="Who sends them.")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@json_option
@with_appcontext
@answers
def submit(project_name: str, username: str, files: tuple[str, ...], as_json: bool) -> None:
    """Send forms to a project as the receiver would get them; - is standard input.

    Each file is one form, in a transaction of its own, in the order given. The exit status is 1
    when any of them was not processed.
    """
    project_id = get_project(db.session(), project_name).id
    sender = _sender(db.session(), project_id, username)
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


def _sender(session: Session, project_id: int, username: str) -> Sender:
    """The mobile worker or web user of a project with this name. Raises `NotFound`, `Refused`."""
    name = username.strip().lower()
    worker = session.scalar(
        select(MobileWorker).where(
            MobileWorker.project_id == project_id, MobileWorker.username == name
        )
    )
    user = session.scalar(
        select(WebUser)
        .join(Membership, Membership.web_user_id == WebUser.id)
        .where(Membership.project_id == project_id, WebUser.email == name)
    )
    found = worker or user
    if found is None:
        raise NotFound(f"There is no mobile worker or web user “{username}” in this project.")
    if not found.active:
        raise Refused(f"“{username}” is deactivated.")
    return Sender(found.user_id, name)


def _send(project_id: int, sender: Sender, file: str) -> dict[str, Any]:
    document: dict[str, Any] = {"file": file, "id": None, "outcome": None, "problem": None}
    settings: Settings = current_app.extensions["settings"]
    try:
        xml = _read(file, settings.max_xml)
        with write_transaction() as session:
            received = receive(session, project_id, Arrival(read(xml), sender))
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
