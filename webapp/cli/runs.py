"""`flask --app webapp runs list / show / approve / reject / stop / …` (SPEC L1)."""

from __future__ import annotations

from collections.abc import Callable

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cli.command import answers, json_option, project_option, reason_option, say, show
from webapp.cli.run_words import NOBODY_CAME, line_of, lines_of, went_well
from webapp.cli.waiting import wait_for
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.jobs.models import Job, JobState
from webapp.jobs.queue import wake
from webapp.projects.operations import get_project
from webapp.rules import runs
from webapp.rules.documents import run_document, run_documents
from webapp.rules.held import approve, reject
from webapp.rules.lists import newest_runs
from webapp.rules.models import RunState
from webapp.rules.undo import start_redo, start_undo

wait_option = click.option("--wait", is_flag=True, help="Wait until it is over.")
_run_argument = click.argument("run_id", metavar="RUN", type=click.IntRange(1, 2**31 - 1))


@click.group("runs")
def runs_group() -> None:
    """Runs of rules: look, decide, stop, resume, undo."""


@runs_group.command("list")
@project_option
@click.option("--rule", "rule_id", metavar="ID", help="Only those of this rule.")
@click.option("--state", type=click.Choice([state.value for state in RunState]))
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@json_option
@with_appcontext
@answers
def list_runs(
    project_name: str, rule_id: str | None, state: str | None, limit: int, as_json: bool
) -> None:
    """List runs, newest first."""
    session = db.session()
    project_id = get_project(session, project_name).id
    wanted = None if state is None else RunState(state)
    found = newest_runs(project_id, rule_id=rule_id, state=wanted)
    documents = run_documents(session, project_id, session.scalars(found.limit(limit)).all())
    show({"runs": documents}, map(line_of, documents), as_json=as_json)


@runs_group.command("show")
@_run_argument
@project_option
@json_option
@with_appcontext
@answers
def show_run(run_id: int, project_name: str, as_json: bool) -> None:
    """Show a run: what it did, what is left, and the cases at fault."""
    session = db.session()
    run = runs.get_run(session, get_project(session, project_name).id, run_id)
    document = run_document(session, run)
    show(document, lines_of(document), as_json=as_json)


@runs_group.command("approve")
@_run_argument
@project_option
@reason_option
@wait_option
@json_option
@with_appcontext
@answers
def approve_run(run_id: int, project_name: str, reason: str, wait: bool, as_json: bool) -> None:
    """Let a run that its brake holds do what it has planned."""
    with write_transaction() as session:
        project_id = get_project(session, project_name).id
        run = approve(session, project_id, run_id, by=Actor.command_line(), reason=reason)
    runs.wake_run(session, run)
    if wait:
        _wait(runs.job_of(session, run), "Running")
    document = run_document(db.session(), runs.get_run(db.session(), project_id, run_id))
    show(document, lines_of(document), as_json=as_json)
    if wait and not went_well(document):
        raise click.exceptions.Exit(1)


@runs_group.command("reject")
@_run_argument
@project_option
@reason_option
@json_option
@with_appcontext
@answers
def reject_run(run_id: int, project_name: str, reason: str, as_json: bool) -> None:
    """Let a run that its brake holds end without a change."""
    with write_transaction() as session:
        project_id = get_project(session, project_name).id
        run = reject(session, project_id, run_id, by=Actor.command_line(), reason=reason)
        document = run_document(session, run)
    show(document, lines_of(document), as_json=as_json)


@runs_group.command("stop")
@_run_argument
@project_option
@json_option
@with_appcontext
@answers
def stop_run(run_id: int, project_name: str, as_json: bool) -> None:
    """Stop a run. What it has done stays; it can be resumed, or undone."""
    with write_transaction() as session:
        project_id = get_project(session, project_name).id
        runs.stop(session, project_id, run_id, by=Actor.command_line())
        document = run_document(session, runs.get_run(session, project_id, run_id))
    show(document, lines_of(document), as_json=as_json)
    if document["state"] != RunState.STOPPED:
        say("It stops after what it is at.")


@runs_group.command("resume")
@_run_argument
@project_option
@wait_option
@json_option
@with_appcontext
@answers
def resume_run(run_id: int, project_name: str, wait: bool, as_json: bool) -> None:
    """Let a run that was stopped or has failed go on where it ended."""
    with write_transaction() as session:
        project_id = get_project(session, project_name).id
        run = runs.resume(session, project_id, run_id, by=Actor.command_line())
    runs.wake_run(session, run)
    if wait:
        _wait(runs.job_of(session, run), "Resuming")
    document = run_document(db.session(), runs.get_run(db.session(), project_id, run_id))
    show(document, lines_of(document), as_json=as_json)
    if wait and not went_well(document):
        raise click.exceptions.Exit(1)


@runs_group.command("undo")
@_run_argument
@project_option
@reason_option
@wait_option
@json_option
@with_appcontext
@answers
def undo_run(run_id: int, project_name: str, reason: str, wait: bool, as_json: bool) -> None:
    """Take back what a run did: archive all its forms. It can be taken back by redo."""

    def start(session: Session, project_id: int) -> Job:
        return start_undo(session, project_id, run_id, by=Actor.command_line(), reason=reason)

    _take_back(project_name, run_id, start, "Undoing", wait=wait, as_json=as_json)


@runs_group.command("redo")
@_run_argument
@project_option
@wait_option
@json_option
@with_appcontext
@answers
def redo_run(run_id: int, project_name: str, wait: bool, as_json: bool) -> None:
    """Take an undo back: restore the forms that it archived, and no others."""

    def start(session: Session, project_id: int) -> Job:
        return start_redo(session, project_id, run_id, by=Actor.command_line())

    _take_back(project_name, run_id, start, "Restoring", wait=wait, as_json=as_json)


def _take_back(
    project_name: str,
    run_id: int,
    start: Callable[[Session, int], Job],
    label: str,
    *,
    wait: bool,
    as_json: bool,
) -> None:
    with write_transaction() as session:
        project_id = get_project(session, project_name).id
        job = start(session, project_id)
    wake(job)
    if wait:
        _wait(job, label)
    session = db.session()
    document = run_document(session, runs.get_run(session, project_id, run_id))
    show(document, lines_of(document), as_json=as_json)
    if wait and (job.state != JobState.FINISHED or job.skipped):
        raise click.exceptions.Exit(1)


def _wait(job: Job, label: str) -> None:
    if not wait_for([job.id], label):
        raise click.ClickException(NOBODY_CAME)
