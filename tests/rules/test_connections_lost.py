"""A server of the database that goes away in the middle of a run is waited for (SPEC R23)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.forms import open_case
from tests.rules.running import (
    CLOSES,
    WAYS,
    chunks_of,
    copies,
    done,
    forms_of,
    rule_that,
    sets,
    the,
)
from tests.rules.test_apply_parity import assert_clean
from tests.rules.test_undo import redone, undone
from webapp.database import write_transaction
from webapp.errors import Busy
from webapp.extensions import db
from webapp.jobs import tasks
from webapp.jobs.models import JobState
from webapp.projects.models import Project
from webapp.rules import look, matches
from webapp.rules.models import RunState


def cut_off(connection: Connection) -> None:
    """The server ends the process that a connection leads to."""
    backend = connection.connection.dbapi_connection.info.backend_pid
    url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(url, autocommit=True)) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [backend])


@contextmanager
def losing_connections() -> Iterator[list[str]]:
    """The first piece of work loses its connection before its first statement, the second before
    its second, and so on; each is then let alone. Gives the statements that were not sent."""
    lost: list[str] = []
    number: int | None = None
    spared = False
    do_next = tasks._do_next

    def before(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal number
        if number is None:
            return
        number += 1
        if number == len(lost) + 1:
            lost.append(statement)
            cut_off(connection)

    def piece(*args: Any) -> bool:
        nonlocal number, spared
        before_it, number = len(lost), None if spared else 0
        try:
            return do_next(*args)
        finally:
            spared, number = len(lost) > before_it, None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "PAUSES_S", (0, 0, 0))
        patch.setattr(tasks, "_do_next", piece)
        event.listen(db.engine, "before_cursor_execute", before)
        try:
            yield lost
        finally:
            event.remove(db.engine, "before_cursor_execute", before)


def test_who_goes_on_after_the_loss_hears_that_the_database_is_busy(session: Session):
    if session.get_bind().dialect.name == "sqlite":
        return  # there is no server

    def lose_and_go_on() -> None:
        with write_transaction() as write:
            with suppress(DBAPIError):
                write.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
            write.execute(text("SELECT 1"))

    with pytest.raises(Busy):
        lose_and_go_on()
    with write_transaction() as write:
        assert write.scalar(text("SELECT 1")) == 1


@WAYS
def test_a_run_and_its_undo_go_on_wherever_the_connection_is_lost(
    app: Flask, session: Session, project: Project, way: str
):
    if session.get_bind().dialect.name == "sqlite":
        return  # there is no server
    for number in range(50):
        open_case(session, project.id, f"c{number}")
    with chunks_of(2), the(way), losing_connections() as lost:
        run = done(project, rule_that(sets("a", "1"), CLOSES))
        assert (run.state, run.changed, run.errors) == (RunState.FINISHED, 50, 0)
        assert len(lost) > 10
        lost.clear()
        assert (undone(session, run).state, len(lost) > 5) == (JobState.FINISHED, True)
        lost.clear()
        assert (redone(session, run).state, len(lost) > 5) == (JobState.FINISHED, True)
    assert len(forms_of(session, run)) == 50
    assert_clean(app, session, project)


# One of a connection that is lost cannot be closed.
@pytest.mark.filterwarnings("ignore:.*ServerCursor.* was deleted while still open:ResourceWarning")
@pytest.mark.parametrize(("phase", "step"), [("_plan", 4), ("_read", 1), ("_write", 2)])
def test_so_it_is_while_it_is_planned(  # noqa: PLR0917
    app: Flask,
    session: Session,
    project: Project,
    phase: str,
    step: int,
    monkeypatch: pytest.MonkeyPatch,
):
    if session.get_bind().dialect.name == "sqlite":
        return  # there is no server
    monkeypatch.setattr(matches, "BATCH", 2)
    monkeypatch.setattr(look, "PIECE", 2)
    for number in range(5):
        open_case(session, project.id, f"c{number}")
    lost = True
    number = 0
    while lost:
        number += step
        with losing_one_connection(phase, number) as losses:
            run = done(project, rule_that(sets("seen", str(number)), copies("was", "case_id")))
        assert (run.state, run.matched, run.changed) == (RunState.FINISHED, 5, 5)
        lost = bool(losses)
    assert number > 5
    assert_clean(app, session, project)


@contextmanager
def losing_one_connection(phase: str, number: int) -> Iterator[list[str]]:
    """The connection is lost before so many statements of a phase of the work, counted over all of
    its calls. Gives the statement that was not sent, if there were so many."""
    lost: list[str] = []
    inside = False
    seen = 0
    do = getattr(tasks, phase)

    def before(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal seen
        seen += inside
        if inside and seen == number:
            lost.append(statement)
            cut_off(connection)

    def phased(*args: Any) -> bool:
        nonlocal inside
        inside = True
        try:
            return do(*args)
        finally:
            inside = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "PAUSES_S", (0, 0, 0))
        patch.setattr(tasks, phase, phased)
        event.listen(db.engine, "before_cursor_execute", before)
        try:
            yield lost
        finally:
            event.remove(db.engine, "before_cursor_execute", before)
