"""`flask --app webapp forms list / show / archive / restore / reprocess`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cases.models import Case
from webapp.cli.command import (
    answers,
    form_name,
    instant,
    json_option,
    limit_option,
    printable,
    progress,
    project_option,
    reason_option,
    say,
    show,
)
from webapp.database import write_transaction
from webapp.errors import Already, Busy, NotFound, Refused
from webapp.extensions import db
from webapp.history.calendar import Calendar
from webapp.history.filters import EVERYTHING
from webapp.history.search import matching
from webapp.projects.operations import get_project
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import attachments_of, get_submission, touches
from webapp.submissions.reprocess import reprocess


@click.group("forms")
def forms_group() -> None:
    """Look at forms, archive them, restore them, process them again."""


@forms_group.command("list")
@project_option
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in State), "any"]),
    default="any",
    show_default=True,
)
@click.option("--case", "case_id", metavar="ID", default="", help="Only those about this case.")
@limit_option
@json_option
@with_appcontext
@answers
def list_forms(project_name: str, state: str, case_id: str, limit: int, as_json: bool) -> None:
    """List forms, newest first."""
    session = db.session()
    project = get_project(session, project_name)
    wanted = replace(EVERYTHING, case=case_id, state=None if state == "any" else State(state))
    found = matching(project.id, wanted, Calendar.of(project))
    rows = session.scalars(found.order_by(Submission.received_on.desc()).limit(limit)).all()
    documents = [
        {
            "id": form.submission_id,
            "name": form.name,
            "xmlns": form.xmlns,
            "run": form.run_id,
            "state": form.state.value,
            "username": form.username,
            "received_on": instant(form.received_on),
            "problem": form.problem,
        }
        for form in rows
    ]
    show({"forms": documents}, map(_line, documents), as_json=as_json)


def _line(document: dict[str, Any]) -> str:
    about = document["problem"] or form_name(document) or document["xmlns"]
    return f"{document['received_on']}  {document['state']}  {document['id']}  {printable(about)}"


@forms_group.command("show")
@project_option
@click.argument("submission_id", metavar="ID")
@json_option
@with_appcontext
@answers
def show_form(project_name: str, submission_id: str, as_json: bool) -> None:
    """Show a form: its state, its sender, its cases."""
    session = db.session()
    project_id = get_project(session, project_name).id
    document = _document(session, get_submission(session, project_id, submission_id))
    show(document, list(_lines(document)), as_json=as_json)


@forms_group.command("archive")
@project_option
@click.argument("submission_ids", metavar="ID…", nargs=-1, required=True)
@reason_option
@json_option
@with_appcontext
@answers
def archive_forms(
    project_name: str, submission_ids: tuple[str, ...], reason: str, as_json: bool
) -> None:
    """Take the effect of forms away, newest first."""

    def one(session: Session, project_id: int, submission_id: str) -> str:
        changed = archive(
            session, project_id, submission_id, by=Actor.command_line(), reason=reason
        )
        return f"archived; cases changed: {changed}"

    _each(project_name, submission_ids, one, newest_first=True, as_json=as_json)


@forms_group.command("restore")
@project_option
@click.argument("submission_ids", metavar="ID…", nargs=-1, required=True)
@reason_option
@json_option
@with_appcontext
@answers
def restore_forms(
    project_name: str, submission_ids: tuple[str, ...], reason: str, as_json: bool
) -> None:
    """Bring archived forms back, oldest first."""

    def one(session: Session, project_id: int, submission_id: str) -> str:
        changed = restore(
            session, project_id, submission_id, by=Actor.command_line(), reason=reason
        )
        return f"restored; cases changed: {changed}"

    _each(project_name, submission_ids, one, newest_first=False, as_json=as_json)


@forms_group.command("reprocess")
@project_option
@click.argument("submission_ids", metavar="ID…", nargs=-1, required=True)
@json_option
@with_appcontext
@answers
def reprocess_forms(project_name: str, submission_ids: tuple[str, ...], as_json: bool) -> None:
    """Process forms in state error again, oldest first.

    That is for when the cause is gone: `forms list --state error` says what it was.
    """

    def one(session: Session, project_id: int, submission_id: str) -> str:
        row = get_submission(session, project_id, submission_id)
        problem = reprocess(session, project_id, submission_id, by=Actor.command_line())
        if problem is not None:
            raise _StillFailsError(problem)
        if row.submission_id != submission_id:
            return f"processed, as an edit of the form {row.submission_id}"
        return "processed"

    _each(project_name, submission_ids, one, newest_first=False, as_json=as_json)


class _StillFailsError(Exception):
    """Its new reason is kept, so the transaction is not to be rolled back."""


def _each(
    project_name: str,
    submission_ids: Sequence[str],
    operation: Callable[[Session, int, str], str],
    *,
    newest_first: bool,
    as_json: bool,
) -> None:
    """Do it to each form in a transaction of its own: one that cannot be done stops no other."""
    project_id = get_project(db.session(), project_name).id
    documents = []
    ordered = _in_order(project_id, submission_ids, newest_first)
    with progress(len(ordered), "Working") as advance:
        for submission_id in ordered:
            documents.append(_one(project_id, submission_id, operation))
            advance(1)
    lines = [f"{document['id']}: {document['message']}" for document in documents]
    show({"forms": documents}, lines, as_json=as_json)
    failed = sum(not document["done"] for document in documents)
    if failed:
        say(f"{failed} of {len(documents)} could not be done.")
        raise click.exceptions.Exit(1)


def _one(
    project_id: int, submission_id: str, operation: Callable[[Session, int, str], str]
) -> dict[str, Any]:
    document: dict[str, Any] = {"id": submission_id, "done": False, "in_the_way": []}
    still_fails: str | None = None
    message = ""
    try:
        with write_transaction() as session:
            try:
                message = operation(session, project_id, submission_id)
            except _StillFailsError as error:
                still_fails = str(error)
    except Already as error:
        return document | {"done": True, "message": error.message}
    except Refused as error:
        document["in_the_way"] = list(error.in_the_way)
        in_the_way = f" In the way: {', '.join(error.in_the_way)}." if error.in_the_way else ""
        return document | {"message": error.message + in_the_way}
    except (NotFound, Busy) as error:
        return document | {"message": error.message}
    if still_fails is not None:
        return document | {"message": f"It still cannot be applied: {still_fails}"}
    return document | {"done": True, "message": message}


def _in_order(project_id: int, submission_ids: Sequence[str], newest_first: bool) -> list[str]:
    """Each id once, in the order of arrival; unknown ones stand at the end."""
    known = {
        submission_id: received_on
        for submission_id in dict.fromkeys(submission_ids)
        if (
            received_on := db.session.scalar(
                select(Submission.received_on).where(
                    Submission.project_id == project_id, Submission.submission_id == submission_id
                )
            )
        )
    }
    unknown = [one for one in dict.fromkeys(submission_ids) if one not in known]
    return sorted(known, key=lambda one: known[one], reverse=newest_first) + unknown


def _document(session: Session, form: Submission) -> dict[str, Any]:
    other = session.get(Submission, form.of) if form.of is not None else None
    cases = [
        {
            "id": case_id,
            "name": name,
            "change": touch.change,
            "before": touch.before,
        }
        for touch in touches(session, form)
        for case_id, name in session.execute(
            select(Case.case_id, Case.name).where(
                Case.project_id == form.project_id, Case.id == touch.case
            )
        )
    ]
    return {
        "id": form.submission_id,
        "name": form.name,
        "state": form.state.value,
        "problem": form.problem,
        "asked_id": form.asked_id,
        "of": other.submission_id if other is not None else None,
        "xmlns": form.xmlns,
        # The number of the run in which a rule wrote it.
        "run": form.run_id,
        "app_id": form.app_id,
        "app_version": form.app_version,
        "device_id": form.device_id,
        "user_id": form.user_id,
        "username": form.username,
        "sent_by": form.sent_by,
        "time_start": instant(form.time_start),
        "time_end": instant(form.time_end),
        "received_on": instant(form.received_on),
        "edited_on": instant(form.edited_on),
        "indexed_on": instant(form.indexed_on),
        "cases": cases,
        "attachments": [
            {"name": one.name, "content_type": one.content_type, "size": one.size}
            for one in attachments_of(session, form)
        ],
    }


def _lines(document: dict[str, Any]) -> Iterator[str]:
    if document["run"] is not None:
        document = document | {"name": form_name(document), "run": str(document["run"])}
    for name, value in document.items():
        if isinstance(value, str) and value:
            yield f"{name}: {printable(value)}"
    for case in document["cases"]:
        yield f"  case {case['id']}  {printable(case['name'])}"
    for attachment in document["attachments"]:
        yield f"  attachment {printable(attachment['name'])}, {attachment['size']:,} bytes"
