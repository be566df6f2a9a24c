"""`rules run` and `runs …` on the command line (SPEC L1)."""

from __future__ import annotations

import contextvars
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import StringIO

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.api.callers import rule
from tests.cli.conftest import Command
from tests.forms import open_case
from webapp.cases.models import Case
from webapp.cli import waiting
from webapp.clock import SECOND, now
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.jobs.models import Job, JobState
from webapp.jobs.tasks import work
from webapp.projects.models import Project
from webapp.rules.models import Run


@pytest.fixture
def here(session: Session, project: Project) -> tuple[str, str]:
    """Where two of three patients are done with."""
    for case_id, status in (("a", "completed"), ("b", "completed"), ("c", "open")):
        open_case(session, project.id, case_id, status=status, village=f"v{case_id}")
    return ("--project", project.name)


@pytest.fixture
def rule_id(run: Command, here: tuple[str, str]) -> str:
    document = json.dumps(rule(name="Close", criteria=rule()["criteria"][:1]))
    made: str = run("rules", "import", "-", *here, "--json", stdin=document).json["id"]
    return made


def do_the_work(session: Session, project_id: int) -> bool:
    """Do the oldest job of a project that waits; whether there was one."""
    session.rollback()
    waits = select(Job.id).where(Job.project_id == project_id, Job.state == JobState.QUEUED)
    job_id = session.scalar(waits.order_by(Job.id).limit(1))
    session.rollback()
    if job_id is None:
        return False
    work(job_id)
    return True


Worker = Callable[[], AbstractContextManager[None]]
Closed = Callable[[], set[str]]


@pytest.fixture
def worker(app: Flask, project: Project) -> Worker:
    """Somebody who does the project's jobs, as long as the context lasts."""
    project_id = project.id
    return lambda: a_worker(app, project_id)


@contextmanager
def a_worker(app: Flask, project_id: int) -> Iterator[None]:
    over = threading.Event()

    def serve() -> None:
        with app.app_context():
            while not over.wait(0.05):
                # Of what fails the job's row tells, as in life: the worker goes on.
                with suppress(Exception):
                    do_the_work(db.session(), project_id)

    thread = threading.Thread(target=contextvars.Context().run, args=(serve,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(20)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience ends after a second."""
    monkeypatch.setattr(waiting, "LOOK_S", 0.05)
    monkeypatch.setattr(waiting, "SAY_AFTER", SECOND // 5)
    monkeypatch.setattr(waiting, "LEAVE_AFTER", SECOND)


@pytest.fixture
def closed(session: Session, project: Project) -> Closed:
    """Which cases are closed now."""

    def now_closed() -> set[str]:
        session.rollback()
        statement = select(Case.case_id).where(Case.project_id == project.id, Case.closed)
        return set(session.scalars(statement))

    return now_closed


@pytest.mark.usefixtures("rule_id")
def test_run_queues_and_a_worker_does_it(
    run: Command, session: Session, project: Project, here: tuple[str, str], closed: Closed
):
    ran = run("rules", "run", "Close", *here, "--json")
    assert ran.code == 0
    queued = ran.json
    assert (queued["state"], queued["trigger"]) == ("queued", "command_line")
    do_the_work(session, project.id)
    done = run("runs", "show", str(queued["id"]), *here, "--json").json
    assert (done["state"], done["matched"], done["changed"]) == ("finished", 2, 2)
    assert closed() == {"a", "b"}
    listed = run("runs", "list", *here, "--json").json["runs"]
    assert listed == [done]
    assert "finished  Close  2 matched, 2 changed" in run("runs", "list", *here).out
    text = run("runs", "show", str(queued["id"]), *here).out
    assert f"run {queued['id']}: finished\n" in text
    assert "changed: 2\n" in text


def test_run_waits_for_the_end(
    run: Command, here: tuple[str, str], rule_id: str, worker: Worker, closed: Closed
):
    with worker():
        ran = run("rules", "run", rule_id, *here, "--wait", "--as-of", "2026-01-31", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["state"], ran.json["as_of"]) == ("finished", "2026-01-31T00:00:00.000000Z")
    assert closed() == {"a", "b"}


def test_who_waits_sees_how_far_it_is(
    run: Command, session: Session, here: tuple[str, str], rule_id: str, monkeypatch
):
    queued = run("rules", "run", rule_id, *here, "--json").json["id"]
    session.rollback()
    job = session.get_one(Job, session.get_one(Run, queued).job_id)
    looks = iter(
        [
            (JobState.RUNNING, 0, 0),
            (JobState.RUNNING, 4_000, 1_000),
            (JobState.RUNNING, 4_000, 2_000),
            (JobState.FINISHED, 4_000, 4_000),
        ]
    )

    def look_again(_seconds: float) -> None:
        with write_transaction() as writing:
            one = writing.get_one(Job, job.id)
            one.state, one.total, one.processed = next(looks)

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(waiting.time, "sleep", look_again)
    monkeypatch.setattr(waiting, "LINE_EVERY", 0)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert waiting.wait_for([job.id], "Running")
    drawn = terminal.getvalue()
    for words in (
        *("waiting for a worker", "looking at the cases", "1,000 of 4,000", "25%"),
        *("2,000 of 4,000", "50%", "100%"),
    ):
        assert words in drawn
    with write_transaction() as writing:
        writing.get_one(Job, job.id).state = JobState.QUEUED
    looks = iter([(JobState.RUNNING, 4_000, 1_000), (JobState.FINISHED, 4_000, 4_000)])
    log = StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    assert waiting.wait_for([job.id], "Running")
    assert log.getvalue().splitlines() == [
        "Running: waiting for a worker",
        "Running: 1,000 of 4,000",
        "Running: over",
    ]


def test_without_a_rule_all_active_ones_run_in_their_order(
    run: Command, here: tuple[str, str], rule_id: str, worker: Worker, closed: Closed
):
    nothing = run("rules", "run", *here, "--wait", "--json")
    assert (nothing.code, nothing.json) == (0, {"runs": []})
    assert "No rule is active" in nothing.err
    # The first makes a case fit for the second.
    first = rule(
        name="Complete",
        criteria=[{"kind": "property", "property": "village", "operator": "equals", "value": "vc"}],
        actions=[{"kind": "set", "property": "status", "value": "completed"}],
    )
    run("rules", "import", "-", *here, stdin=json.dumps([first, rule(
        name="Then", criteria=rule()["criteria"][:1], actions=[{"kind": "close"}],
    )]))  # fmt: skip
    assert run("rules", "activate", "Complete", "Then", *here).code == 0
    with worker():
        ran = run("rules", "run", *here, "--wait", "--json")
    assert ran.code == 0, ran.err
    assert [(each["rule_name"], each["changed"]) for each in ran.json["runs"]] == [
        ("Complete", 1), ("Then", 3),
    ]  # fmt: skip
    assert closed() == {"a", "b", "c"}


def test_a_run_with_cases_at_fault_is_no_success(
    run: Command, session: Session, project: Project, here: tuple[str, str], worker: Worker
):
    open_case(session, project.id, "bad", title="x" * 300)
    document = rule(
        name="Rename", match="every_case", criteria=[],
        actions=[{"kind": "copy", "property": "name", "from": "title"}],
    )  # fmt: skip
    run("rules", "import", "-", *here, stdin=json.dumps(document))
    with worker():
        ran = run("rules", "run", "Rename", *here, "--wait", "--json")
    assert ran.code == 1
    assert (ran.json["state"], ran.json["errors"]) == ("finished", 1)
    assert "Not all went well" in ran.err
    assert "  bad: " in run("runs", "show", str(ran.json["id"]), *here).out


@pytest.mark.usefixtures("rule_id", "soon")
def test_where_no_worker_is_at_work_that_is_said_and_nothing_is_lost(
    run: Command, session: Session, project: Project, here: tuple[str, str], closed: Closed
):
    ran = run("rules", "run", "Close", *here, "--wait", "--json")
    assert ran.code == 1
    assert ran.json["state"] == "queued"
    assert ran.err.count("No worker is at work") == 1
    assert "No worker came" in ran.err
    do_the_work(session, project.id)
    assert closed() == {"a", "b"}


def test_a_run_behind_another_job_waits_without_a_word(
    run: Command, session: Session, project: Project, here: tuple[str, str], rule_id: str
):
    """Only what could be worked on now and is not counts as nobody being there."""
    first = run("rules", "run", rule_id, *here, "--json").json["id"]
    second = run("rules", "run", rule_id, *here, "--json").json["id"]
    assert first < second
    session.rollback()
    with write_transaction():
        jobs = select(Job).where(Job.project_id == project.id).order_by(Job.id)
        one, other = session.scalars(jobs).all()
        one.state = JobState.RUNNING
        one.heartbeat_on = now() + 3600 * SECOND
    assert not waiting._nobody_works([other.id])
    session.rollback()


def test_stop_resume_undo_and_redo(
    run: Command, here: tuple[str, str], rule_id: str, worker: Worker, closed: Closed
):
    number = str(run("rules", "run", rule_id, *here, "--json").json["id"])
    assert run("runs", "stop", number, *here, "--json").json["state"] == "stopped"
    again = run("runs", "stop", number, *here)
    assert (again.code, again.out) == (1, "")
    with worker():
        resumed = run("runs", "resume", number, *here, "--wait", "--json")
        assert (resumed.code, resumed.json["state"]) == (0, "finished")
        assert closed() == {"a", "b"}
        undone = run("runs", "undo", number, *here, "--wait", "--reason", "too early", "--json")
        assert undone.code == 0, undone.err
        assert undone.json["undo"]["succeeded"] == 2
        assert closed() == set()
        redone = run("runs", "redo", number, *here, "--wait")
        assert redone.code == 0, redone.err
        assert closed() == {"a", "b"}


def test_one_that_a_later_run_made_past_does_not_go_on(
    run: Command, session: Session, here: tuple[str, str], rule_id: str, worker: Worker
):
    first = str(run("rules", "run", rule_id, *here, "--json").json["id"])
    run("runs", "stop", first, *here)
    with worker():
        second = run("rules", "run", rule_id, *here, "--wait", "--json").json["id"]
    ran = run("runs", "resume", first, *here)
    assert (ran.code, ran.out) == (1, "")
    assert f"Run {second} of the same rule has decided anew" in ran.err
    assert f"superseded_by: {second}" in run("runs", "show", first, *here).out


@pytest.mark.parametrize("verb", ["show", "stop", "resume", "undo", "redo"])
def test_a_run_that_is_not_there(run: Command, here: tuple[str, str], verb: str):
    ran = run("runs", verb, "2147483647", *here)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: ")
    assert run("runs", verb, "7", "--project", "no-such-project").code == 1
    assert run("runs", verb, "x", *here).code == 2
    assert "Usage:" in run("runs", verb, "--help").out


def test_the_list_by_rule_and_state(run: Command, here: tuple[str, str], rule_id: str):
    run("rules", "run", rule_id, *here)
    listed = ("runs", "list", *here, "--json")
    assert len(run(*listed, "--rule", rule_id, "--state", "queued").json["runs"]) == 1
    assert run(*listed, "--rule", "other").json["runs"] == []
    assert run(*listed, "--state", "finished").json["runs"] == []
    assert run(*listed, "--state", "asleep").code == 2
    assert run("runs", "list", "--project", "no-such-project").code == 1
