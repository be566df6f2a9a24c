"""The list of forms that an undo switches: read while nobody is kept out, written in pieces, and
exact wherever that is broken off (SPEC R23, R27)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import open_case
from tests.jobs.work import let_heartbeat_pass
from tests.rules.test_undo import BY, closing_run, forms_of, redone, states, worked
from webapp.database import write_transaction
from webapp.errors import Busy
from webapp.extensions import db
from webapp.jobs import frozen, tasks
from webapp.jobs.models import Job, JobItem, JobState
from webapp.jobs.queue import ask_stop, resume
from webapp.projects.models import Project
from webapp.rules.models import Run
from webapp.rules.undo import start_undo
from webapp.submissions.archive import archive


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "PIECE", 4)


def undo_of(run: Run) -> Job:
    with write_transaction() as session:
        return start_undo(session, run.project_id, run.id, by=BY)


def items(session: Session, job: Job) -> int:
    session.rollback()
    rows = select(func.count()).where(
        JobItem.project_id == job.project_id, JobItem.job_id == job.id
    )
    return session.scalar(rows) or 0


def test_people_write_while_it_is_read(app: Flask, session: Session, project: Project):
    run = closing_run(session, project, 11)
    project_id, gone = project.id, forms_of(session, run)[3]
    did = []

    def archive_one() -> None:
        with app.app_context(), write_transaction() as other:
            archive(other, project_id, gone, by=actor())

    def meanwhile(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.rstrip().endswith("ORDER BY submission.received_on DESC") and not did:
            did.append(True)
            thread = threading.Thread(target=archive_one)
            thread.start()
            thread.join()

    event.listen(db.engine, "before_cursor_execute", meanwhile)
    try:
        job = worked(undo_of(run))
    finally:
        event.remove(db.engine, "before_cursor_execute", meanwhile)
    assert did
    # Its snapshot began before or with that statement, so it may still have it in its list.
    assert (job.state, job.succeeded) == (JobState.FINISHED, 10)
    redo = redone(session, run)
    assert (redo.succeeded, redo.skipped) == (10, 0)


@pytest.mark.parametrize("number", [4, 11])
def test_broken_off_anywhere_it_is_read_anew(
    session: Session, project: Project, number: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tasks, "PAUSES_S", ())
    run = closing_run(session, project, number)
    after = states(session, project)
    job = undo_of(run)

    def busy(*_args: Any) -> int:
        raise Busy("not now")

    with monkeypatch.context() as patch:
        patch.setattr(frozen.FrozenForms, "finish", busy)
        worked(job)
    assert items(session, job) == max(0, (number - 1) // 4 * 4)
    let_heartbeat_pass(job)
    first = forms_of(session, run)[0]
    with write_transaction():
        archive(session, project.id, first, by=BY)
    job = worked(job)
    assert (job.state, job.total, job.succeeded) == (JobState.FINISHED, number - 1, number - 1)
    assert items(session, job) == number - 1
    assert redone(session, run).succeeded == number - 1
    changed = [key for key, row in states(session, project).items() if row != after[key]]
    assert len(changed) == 1, "but for the one by hand, all is as before"


def test_stopped_while_it_is_written_it_begins_anew(session: Session, project: Project):
    run = closing_run(session, project, 11)
    job = undo_of(run)
    write, pieces = tasks._write, []

    def stopped(*args: Any) -> bool:
        if pieces:
            with write_transaction():
                ask_stop(session, project.id, job.id, by=BY)
        pieces.append(True)
        return write(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "_write", stopped)
        job = worked(job)
    assert (job.state, job.total, job.skipped) == (JobState.STOPPED, 0, 0)
    open_case(session, project.id, "another")
    with write_transaction():
        resume(session, project.id, job.id, by=BY)
    job = worked(job)
    assert (job.state, job.total, job.succeeded) == (JobState.FINISHED, 11, 11)
