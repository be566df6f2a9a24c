"""Ids that move from one version of a form to another: when, and who sees it (SPEC S6, I3)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import case_block, form, open_case, send
from webapp.clock import last_tick
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.submissions.archive import archive
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import content_of, get_submission, hold_submission
from webapp.submissions.receive import Arrival, Outcome, read, receive
from webapp.submissions.verify import verify


def version(village: str, target: str = "") -> bytes:
    index = {"parent": ("patient", target)} if target else None
    block = case_block("a", create={}, update={"village": village}, index=index)
    return form(block, instance_id="id-1")


def rows(session: Session, project: Project) -> list[Submission]:
    session.rollback()
    return list(
        session.scalars(
            select(Submission).where(Submission.project_id == project.id).order_by(Submission.id)
        )
    )


@pytest.mark.parametrize("newer_fails", [False, True])
def test_a_failed_version_that_is_set_aside_has_changed(
    session: Session, project: Project, tmp_path: Path, newer_fails: bool
):
    send(session, project.id, version("one", "nobody"))
    (failed,) = rows(session, project)
    came, tick = failed.received_on, failed.indexed_on
    newer = send(session, project.id, version("two", "nobody" if newer_fails else ""))
    assert newer.outcome is (Outcome.ERROR if newer_fails else Outcome.PROCESSED)
    aside, in_force = rows(session, project)
    assert (aside.state, aside.of, aside.asked_id) == (State.DEPRECATED, in_force.id, "id-1")
    assert (in_force.submission_id, aside.received_on) == ("id-1", came)
    # Whoever asks what changed since then hears of both.
    assert tick < in_force.indexed_on < aside.indexed_on == last_tick(session, project.id)
    assert list(verify(session, project.id, attachments=tmp_path)) == []


def test_a_duplicate_has_the_tick_with_which_it_came(session: Session, project: Project):
    open_case(session, project.id, "x")
    send(session, project.id, version("one"))
    send(session, project.id, version("one"))
    *_, first, repeat = rows(session, project)
    assert (repeat.state, repeat.of) == (State.DUPLICATE, first.id)
    assert repeat.received_on == repeat.indexed_on == last_tick(session, project.id)
    assert first.indexed_on < repeat.indexed_on


def test_who_waited_for_an_edit_gets_the_new_version(
    app: Flask, session: Session, project: Project
):
    """The row that had the id when the wait began has it no more."""
    send(session, project.id, version("one"))
    project_id = project.id
    edited, go_on = threading.Event(), threading.Event()

    def edit() -> None:
        with app.app_context(), write_transaction() as mine:
            receive(mine, project_id, Arrival(read(version("two"))))
            edited.set()
            go_on.wait(30)

    def hold() -> bytes:
        with app.app_context(), write_transaction() as mine:
            return content_of(mine, hold_submission(mine, project_id, "id-1"))

    with ThreadPoolExecutor(2) as threads:
        editing = threads.submit(edit)
        assert edited.wait(30)
        holding = threads.submit(hold)
        wait_until_it_waits(session)
        go_on.set()
        editing.result(30)
        assert holding.result(30) == version("two")
    with write_transaction():
        archive(session, project_id, "id-1", by=actor())
    assert get_submission(session, project_id, "id-1").state == State.ARCHIVED


def wait_until_it_waits(session: Session) -> None:
    """Until a connection waits for a lock; on SQLite the queue is before any connection."""
    if session.get_bind().dialect.name == "sqlite":
        time.sleep(0.2)
        return
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"
    )
    until = time.monotonic() + 30
    while not session.scalar(waiting):
        assert time.monotonic() < until
        session.rollback()
        time.sleep(0.02)
    session.rollback()
