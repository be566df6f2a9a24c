"""What happens while a run is planned: it keeps nobody out, can be stopped and replaced, and
decides on one state (SPEC R18, R19, R22, R23)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import case_block, form, open_case, send
from tests.jobs.work import let_heartbeat_pass, wait_until
from tests.rules.nights import NIGHT, NOON, careful_project, rule_at, tick_at, work_at
from tests.rules.running import (
    CLOSES,
    case,
    changes,
    copies,
    equals,
    queued,
    rule_that,
    saved,
    sets,
    worked,
)
from webapp.clock import MINUTE, now, pretend
from webapp.database import write_transaction
from webapp.errors import Busy
from webapp.extensions import db
from webapp.jobs import heartbeat, tasks
from webapp.jobs.claim import DEAD_AFTER, claim
from webapp.jobs.models import Job, JobState
from webapp.projects.models import Project
from webapp.rules import look, matches
from webapp.rules.models import Rule, RuleState, Run, RunCase, RunState
from webapp.rules.obsolete import drop_obsolete_plans
from webapp.rules.operations import delete_rule, edit_rule, set_state
from webapp.rules.portable import rule_from_json
from webapp.rules.queries import data_of, version_of
from webapp.rules.runs import resume, stop

#: How long a form may wait for a plan that never ends, in seconds.
PATIENCE_S = 5.0
#: A row for as long as the statement is not ended, and then none.
ENDLESS = {
    "sqlite": """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT found.* FROM ({}) AS found WHERE (SELECT count(*) FROM n) > 0""",
    "postgresql": """WITH slow AS MATERIALIZED (SELECT pg_sleep(3600))
        SELECT found.* FROM slow, ({}) AS found""",
}


def is_the_look(statement: str) -> bool:
    """Whether a statement finds the cases of a plan."""
    return "ORDER BY cases.server_modified_on + " in statement


@contextmanager
def a_look_without_end() -> Iterator[threading.Event]:
    """The statement that finds the cases of a plan takes for ever; set when one begins."""
    begun = threading.Event()

    def endless(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> Any:
        if is_the_look(statement):
            begun.set()
            statement = ENDLESS[db.engine.dialect.name].format(statement)
        return statement, parameters

    event.listen(db.engine, "before_cursor_execute", endless, retval=True)
    try:
        yield begun
    finally:
        event.remove(db.engine, "before_cursor_execute", endless)


@contextmanager
def while_it_looks(app: Flask, what: Callable[[Session], object]) -> Iterator[None]:
    """Let somebody else do something during the first look, before its cases are found."""
    done = []

    def other() -> None:
        with app.app_context():
            what(db.session())

    def once(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if is_the_look(statement) and not done:
            done.append(True)
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()

    event.listen(db.engine, "before_cursor_execute", once)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", once)
    assert done


@contextmanager
def a_worker_at(app: Flask, run: Run) -> Iterator[threading.Thread]:
    """A worker that has begun to look, and never finds anything; it ends by itself, without an
    error."""
    failed: list[BaseException] = []
    job_id = run.job_id

    def do() -> None:
        with app.app_context():
            try:
                tasks.work(job_id)
            except BaseException as error:  # noqa: BLE001  told below
                failed.append(error)

    worker = threading.Thread(target=do)
    with a_look_without_end() as begun:
        worker.start()
        try:
            assert begun.wait(10)
            yield worker
        finally:
            worker.join(10)
    assert not worker.is_alive() and not failed


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "EVERY_S", 0.3)


@pytest.fixture
def run(session: Session, project: Project) -> Run:
    """A run that waits, over three cases."""
    for number in range(3):
        open_case(session, project.id, f"c{number}", status="stale")
    open_case(session, project.id, "other", status="fresh")
    rule = saved(project, rule_that(CLOSES, where=equals("status", "stale")))
    return queued(project, rule)


def of_plan(session: Session, run: Run) -> int:
    """How many rows there are of a plan."""
    session.rollback()
    rows = select(func.count()).where(RunCase.project_id == run.project_id, RunCase.run == run.id)
    return session.scalar(rows) or 0


def job_of(session: Session, run: Run) -> Job:
    session.rollback()
    return session.get_one(Job, run.job_id)


def ask_to_stop(session: Session, run: Run) -> None:
    with write_transaction():
        stop(session, run.project_id, run.id, by=actor())


def go_on(session: Session, run: Run) -> None:
    with write_transaction():
        resume(session, run.project_id, run.id, by=actor())


def test_nobody_waits_and_it_can_be_stopped(app: Flask, session: Session, run: Run):
    project_id = run.project_id
    with a_worker_at(app, run):
        begun = time.perf_counter()
        # A case of the plan, one that is none yet, and a new one.
        for block in (
            case_block("c1", update={"seen": "1"}),
            case_block("other", update={"status": "stale"}),
        ):
            send(session, project_id, form(block))
        open_case(session, project_id, "new", status="stale")
        ask_to_stop(session, run)
        assert time.perf_counter() - begun < PATIENCE_S
        assert job_of(session, run).stop_asked and run.state is RunState.PLANNING
    session.rollback()
    assert (run.state, run.problem, run.planned_on) == (RunState.STOPPED, None, None)
    assert (run.matched, run.changed, of_plan(session, run)) == (0, 0, 0)
    assert job_of(session, run).state is JobState.STOPPED
    go_on(session, run)
    worked(run)
    # It was planned anew, on what was there by then.
    assert (run.state, run.matched, run.changed) == (RunState.FINISHED, 5, 5)
    assert case(session, session.get_one(Project, project_id), "new").closed


def test_it_gives_signs_of_life_and_is_not_replaced(app: Flask, session: Session, run: Run):
    with a_worker_at(app, run):
        let_heartbeat_pass(job_of(session, run))
        wait_until(lambda: (job_of(session, run).heartbeat_on or 0) > now() - DEAD_AFTER)
        assert claim(run.job_id) is None
        ask_to_stop(session, run)


def test_replaced_while_it_looks_it_goes_away(app: Flask, session: Session, run: Run):
    with a_worker_at(app, run):

        def replaced() -> bool:
            let_heartbeat_pass(job_of(session, run))
            return claim(run.job_id) is not None

        wait_until(replaced)
    session.rollback()
    assert (run.state, run.problem) == (RunState.PLANNING, None)
    let_heartbeat_pass(job_of(session, run))
    worked(run)
    assert (run.state, run.matched, run.changed) == (RunState.FINISHED, 3, 3)


def test_a_process_that_must_end_does_not_wait_for_it(app: Flask, session: Session, run: Run):
    try:
        with a_worker_at(app, run) as worker:
            tasks.leaving.set()
            worker.join(5)
            assert not worker.is_alive()
    finally:
        tasks.leaving.clear()
    assert job_of(session, run).state is JobState.QUEUED
    worked(run)
    assert (run.state, run.changed) == (RunState.FINISHED, 3)


def test_what_cannot_be_read_fails_honestly(session: Session, run: Run):
    def fail(*_args: Any) -> None:
        raise ZeroDivisionError

    with patch.object(matches.Matches, "read", fail), pytest.raises(ZeroDivisionError):
        worked(run)
    session.rollback()
    assert (run.state, run.planned_on) == (RunState.FAILED, None)
    assert "log" in str(run.problem)


class TestInPieces:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(matches, "BATCH", 2)
        monkeypatch.setattr(look, "PIECE", 4)

    @pytest.mark.parametrize("number", [0, 1, 4, 5, 8, 11])
    def test_the_plan_is_the_same(self, session: Session, project: Project, number: int):
        notes = ["plain", "two\nlines", 'a "quote"', "\u2028 é 🐈", "", "\\n", "x" * 5000]
        written = [notes[n % len(notes)] for n in range(number)]
        for n, note in enumerate(written):
            open_case(session, project.id, f"c{n}", note=note)
        run = worked(queued(project, saved(project, rule_that(copies("was", "note"), CLOSES))))
        assert (run.state, run.matched, run.changed) == (RunState.FINISHED, number, number)
        found = [case(session, project, f"c{n}").properties.get("was", "") for n in range(number)]
        assert found == written
        assert of_plan(session, run) == 0

    def test_stopped_between_two_it_leaves_nothing_for_long(
        self, session: Session, project: Project
    ):
        for n in range(11):
            open_case(session, project.id, f"c{n}", status="stale")
        rule = saved(project, rule_that(sets("seen", "1"), where=equals("status", "stale")))
        for again in (False, True):
            run = queued(project, rule)
            with before_the_second_piece(lambda run=run: ask_to_stop(session, run)):
                worked(run)
            assert (run.state, run.planned_on) == (RunState.STOPPED, None)
            assert of_plan(session, run) == 4
            if not again:
                while run.obsolete_plan:  # it drops one plan at a time, whosever it is
                    drop_obsolete_plans(now())
                    session.refresh(run)
                assert of_plan(session, run) == 0
            changes(session, project, "c0", status="fresh" if again else "stale")
            go_on(session, run)
            worked(run)
            assert (run.state, run.skipped, run.obsolete_plan) == (RunState.FINISHED, 0, False)
            assert (run.matched, of_plan(session, run)) == (10 if again else 11, 0)

    @pytest.mark.parametrize("for_ever", [False, True])
    def test_a_busy_database_is_no_death_while_it_gets_on(
        self, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch, for_ever: bool
    ):
        for n in range(11):
            open_case(session, project.id, f"c{n}", status="stale")
        run = queued(project, saved(project, rule_that(CLOSES)))
        monkeypatch.setattr(tasks, "PAUSES_S", ())

        def busy(*_args: Any) -> None:
            raise Busy("not now")

        def broken_off(times: int) -> None:
            for _ in range(times):
                with before_the_second_piece(busy):
                    worked(run)
                let_heartbeat_pass(job_of(session, run))

        broken_off(4)
        if not for_ever:
            worked(run)
            assert (run.state, run.changed) == (RunState.FINISHED, 11)
            return
        monkeypatch.setattr(tasks, "MAX_PLANNING", 4)
        broken_off(2)
        assert run.state is RunState.PLANNING
        worked(run)
        assert (run.state, run.changed) == (RunState.FAILED, 0)


@contextmanager
def before_the_second_piece(what: Callable[[], object]) -> Iterator[None]:
    """Let something happen between two pieces of a plan that are written."""
    write, pieces = tasks._write, []

    def counted(*args: Any) -> bool:
        if len(pieces) == 1:
            what()
        more = write(*args)
        pieces.append(more)
        return more

    with patch.object(tasks, "_write", counted):
        yield
    assert pieces


class TestDecidesOnOneState:
    @pytest.fixture
    def careful(self, session: Session) -> Project:
        return careful_project(session)

    def night(
        self, app: Flask, session: Session, project: Project, what: Callable[[Session], object]
    ) -> Run:
        """The night's run, while somebody does something just when it looks."""

        def then(other: Session) -> None:
            with pretend(NIGHT + MINUTE):
                what(other)

        (run_id,) = tick_at(NIGHT, project)
        with while_it_looks(app, then):
            work_at(NIGHT, session, project)
        return session.get_one(Run, run_id, populate_existing=True)

    def test_what_a_person_is_asked_about_is_what_is_planned(
        self, app: Flask, session: Session, careful: Project
    ):
        project_id = careful.id

        def meanwhile(other: Session) -> None:
            for number, status in ((0, "fresh"), (1, "fresh"), (8, "stale")):
                send(other, project_id, form(case_block(f"c{number}", update={"status": status})))
            open_case(other, project_id, "new", status="stale")

        rule_at(NOON, careful)
        run = self.night(app, session, careful, meanwhile)
        assert run.state is RunState.HELD
        assert (run.open_cases, run.matched, run.would_change) == (10, 6, 6)
        assert of_plan(session, run) == 6

    @pytest.mark.parametrize("brake", [True, False])
    def test_a_rule_that_begins_to_watch_changes_nothing(
        self, app: Flask, session: Session, careful: Project, brake: bool
    ):
        rule = rule_at(NOON, careful, **({} if brake else {"brake": None}))
        project_id, rule_id = careful.id, rule.rule_id

        def watch(other: Session) -> None:
            with write_transaction():
                set_state(other, project_id, rule_id, RuleState.WATCHING, by=actor())

        run = self.night(app, session, careful, watch)
        assert (run.state, run.watching) == (RunState.FINISHED, True)
        assert (run.matched, run.would_change, run.changed) == (6, 6, 0)
        assert of_plan(session, run) == 6  # what it would do

    def test_a_brake_that_becomes_stricter_holds_it(
        self, app: Flask, session: Session, careful: Project
    ):
        project_id = careful.id
        with write_transaction() as writing:
            writing.get_one(Project, project_id).brake_cases = 100

        def stricter(other: Session) -> None:
            with write_transaction():
                other.get_one(Project, project_id).brake_cases = 3

        rule_at(NOON, careful)
        run = self.night(app, session, careful, stricter)
        assert (run.state, run.matched, run.would_change) == (RunState.HELD, 6, 6)

    def edit(self, session: Session, project_id: int, rule: Rule) -> None:
        data = data_of(version_of(session, rule, rule.version)).document() | {"description": "new"}
        edit_rule(session, project_id, rule.rule_id, rule_from_json(data), by=actor())

    def off(self, session: Session, project_id: int, rule: Rule) -> None:
        set_state(session, project_id, rule.rule_id, RuleState.INACTIVE, by=actor())

    def delete(self, session: Session, project_id: int, rule: Rule) -> None:
        delete_rule(session, project_id, rule.rule_id, by=actor())

    @pytest.mark.parametrize(
        ("what", "why"),
        [
            ("edit", "The rule was changed."),
            ("off", "The rule was switched off."),
            ("delete", "The rule was deleted."),
        ],
    )
    def test_nobody_is_asked_about_a_rule_that_is_another_by_now(
        self, app: Flask, session: Session, careful: Project, what: str, why: str
    ):
        project_id, key = careful.id, rule_at(NOON, careful).id

        def meanwhile(other: Session) -> None:
            with write_transaction():
                getattr(self, what)(other, project_id, other.get_one(Rule, key))

        run = self.night(app, session, careful, meanwhile)
        assert (run.state, run.problem, run.changed) == (RunState.EXPIRED, why, 0)


def test_who_changes_a_rule_and_stops_its_run_does_not_wait_in_a_circle(
    app: Flask, session: Session, run: Run
):
    """They hold the rule and want the job; planning holds the job, and does not wait for the
    rule."""
    if session.get_bind().dialect.name == "sqlite":
        pytest.skip("one writes at a time")
    job_id, project_id, rule_id = (
        run.job_id,
        run.project_id,
        session.get_one(Rule, run.rule).rule_id,
    )

    def work() -> None:
        with app.app_context():
            tasks.work(job_id)

    worker = threading.Thread(target=work)
    with write_transaction():
        set_state(session, project_id, rule_id, RuleState.INACTIVE, by=actor())
        session.flush()  # the rule is locked
        worker.start()
        time.sleep(0.3)
        begun = time.perf_counter()
        stop(session, project_id, run.id, by=actor())
        assert time.perf_counter() - begun < 0.6
    worker.join(10)
    session.rollback()
    assert run.state is RunState.STOPPED
