"""Two connections read one state at the same time, where that can be had."""

from __future__ import annotations

import threading
import time
from math import inf
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Select, event, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import open_case
from webapp import readers as module
from webapp.cases.models import Case
from webapp.database import write_transaction
from webapp.ending import ends_when
from webapp.errors import TooSlow
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.readers import Readers, readers
from webapp.submissions.snapshot import snapshot
from webapp.time_limit import TimeLimit, time_limit

SLOW: Select[tuple[int]] = select(func.count()).select_from(
    text(
        "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 200000000)"
        " SELECT n FROM s) AS slow"
    )
)


@pytest.fixture
def is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def cases_of(project_id: int) -> Select[tuple[int]]:
    return select(func.count()).select_from(Case).where(Case.project_id == project_id)


def test_both_see_the_same_whoever_writes(app: Flask, session: Session, is_sqlite: bool):
    project_id = factories.project().id
    done = threading.Event()

    def write() -> None:
        number = 0
        with app.app_context():
            while not done.is_set():
                number += 1
                open_case(db.session(), project_id, f"case-{number}")
            db.session.remove()

    writer = threading.Thread(target=write)
    writer.start()
    asked, seen = cases_of(project_id), []
    try:
        until = time.monotonic() + 30
        while len(set(seen)) < 20 and time.monotonic() < until:
            snapshot(session)
            with readers(session, TimeLimit(session, inf, ""), two=True) as both:
                one, *other = (row[0] for row in both.rows([asked, asked]))
                assert other == [one]
                if both.is_two:
                    seen.append(one)
                elif not is_sqlite:
                    break
    finally:
        done.set()
        writer.join()
    assert len(set(seen)) == (20 if is_sqlite else 0), "the writer wrote, and the two were had"


def test_nobody_writes_between_the_two_beginnings(
    app: Flask, session: Session, project: Project, is_sqlite: bool
):
    """Somebody begins to, just after the first has begun to read."""
    project_id, engine = project.id, session.get_bind().engine
    session.rollback()

    def write() -> None:
        with app.app_context():
            open_case(db.session(), project_id, "case-1")
            db.session.remove()

    writer = threading.Thread(target=write)

    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "sqlite_master" in statement and writer.ident is None:
            writer.start()
            writer.join(0.5)  # long enough for a case, were it not for the lock

    asked = cases_of(project_id)
    event.listen(engine, "after_cursor_execute", executed)
    try:
        with readers(session, TimeLimit(session, inf, ""), two=True) as both:
            assert (writer.ident is not None) is both.is_two is is_sqlite
            assert [row[0] for row in both.rows([asked, asked])] == [0, 0]
    finally:
        event.remove(engine, "after_cursor_execute", executed)
    if is_sqlite:
        writer.join()
        session.rollback()
        assert session.scalar(asked) == 1


def test_where_somebody_writes_one_must_do(app: Flask, session: Session, project: Project):
    asked = cases_of(project.id)
    began, let_go = threading.Event(), threading.Event()

    def write() -> None:
        with app.app_context(), write_transaction() as writing:
            writing.execute(text("UPDATE project SET name = name"))
            began.set()
            let_go.wait(20)

    session.rollback()
    writer = threading.Thread(target=write)
    writer.start()
    began.wait(20)
    start = time.monotonic()
    try:
        with readers(session, TimeLimit(session, inf, ""), two=True) as both:
            assert not both.is_two
            assert [row[0] for row in both.rows([asked, asked])] == [0, 0]
        assert time.monotonic() - start < 5
    finally:
        let_go.set()
        writer.join()


def test_both_end_when_the_time_is_over(session: Session):
    free = checked_out(session)
    snapshot(session)
    start = time.monotonic()
    with (
        pytest.raises(TooSlow, match="Enough"),
        time_limit(session, 0.3, "Enough") as limit,
        readers(session, limit, two=True) as both,
    ):
        both.rows([SLOW, SLOW])
    assert time.monotonic() - start < 10
    session.rollback()
    assert checked_out(session) <= free
    assert session.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("slow", [0, 1])
def test_both_end_when_nobody_waits_any_more(session: Session, slow: int):
    """Whichever of the two takes long."""
    statements = [select(func.count()).select_from(Case)] * 2
    statements[slow] = SLOW
    free = checked_out(session)
    snapshot(session)
    start = time.monotonic()
    with (
        pytest.raises(TooSlow),
        time_limit(session, 60, "") as limit,
        readers(session, limit, two=True) as both,
        ends_when(lambda: True, *both.connections),
    ):
        both.rows(statements)
    assert time.monotonic() - start < 10
    session.rollback()
    assert checked_out(session) <= free


@pytest.mark.parametrize("wrong", [0, 1])
def test_where_one_fails_the_other_is_ended_and_its_error_told(session: Session, wrong: int):
    """Even if the other has not quite begun then."""
    statements = [SLOW, SLOW]
    statements[wrong] = select(func.no_such_function())
    engine = session.get_bind().engine

    def hesitate(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "no_such_function" not in statement:
            time.sleep(0.2)  # until the other has failed

    snapshot(session)
    start = time.monotonic()
    with readers(session, TimeLimit(session, inf, ""), two=True) as both:
        statements = statements if both.is_two else [statements[wrong]]
        event.listen(engine, "before_cursor_execute", hesitate)
        try:
            with pytest.raises(DBAPIError, match="no_such_function"):
                both.rows(statements)
        finally:
            event.remove(engine, "before_cursor_execute", hesitate)
    assert time.monotonic() - start < 10
    session.rollback()


def test_there_is_one_pair_in_a_process(session: Session, app: Flask, is_sqlite: bool):
    snapshot(session)
    with readers(session, TimeLimit(session, inf, ""), two=True) as both:
        assert both.is_two is is_sqlite
        with (
            Session(session.get_bind()) as second,
            readers(second, TimeLimit(second, inf, ""), two=True) as others,
        ):
            assert not others.is_two
    snapshot(session)
    with readers(session, TimeLimit(session, inf, ""), two=True) as both:
        assert both.is_two is is_sqlite, "it was given back"


def checked_out(session: Session) -> int:
    pool = session.get_bind().engine.pool
    return int(pool.checkedout())  # type: ignore[attr-defined]


def test_what_is_asked_of_one_alone_is_the_same(session: Session, project: Project):
    open_case(session, project.id, "case-1")
    alone = Readers(session, TimeLimit(session, inf, ""), None)
    assert [row[0] for row in alone.rows([cases_of(project.id)])] == [1]


def test_a_machine_with_one_core_has_one(session: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 1)
    snapshot(session)
    with readers(session, TimeLimit(session, inf, ""), two=True) as both:
        assert not both.is_two
