"""Whatever is killed or paused in the middle of a run, each case is changed exactly once (R23)."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask
from redis import Redis
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.jobs.processes import environment_of, forked, pipe
from tests.jobs.test_processes import pause_between_forms
from tests.jobs.work import alive, let_heartbeat_pass, quick_worker_process, wait_until
from tests.rules import slow_worker
from tests.rules.leftovers import send_blocks
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
from webapp.cases.models import Case
from webapp.jobs.models import Job
from webapp.jobs.queue import get_job
from webapp.jobs.tick import tick
from webapp.projects.models import Project
from webapp.rules.definition import Definition
from webapp.rules.models import Run, RunCase, RunState
from webapp.rules.runs import wake_run
from webapp.rules.verify import verify_runs
from webapp.submissions.blocks import CaseBlock
from webapp.submissions.models import Submission
from webapp.submissions.verify import verify

CASES = 2000
#: Enough for what goes wrong once.
FEWER = 800
FAST = rule_that(sets("seen", "yes"), copies("was", "status"), CLOSES, where=equals("status", "on"))
#: A name that is copied goes the general way.
SLOW = rule_that(copies("name", "status"), sets("seen", "yes"), where=equals("status", "on"))


def run_over(session: Session, project: Project, definition: Definition, number: int) -> Run:
    """A run that waits, over so many cases; every tenth does not match."""
    blocks = [
        CaseBlock(
            f"c{n}",
            user="worker-1",
            date_modified=n,
            given={"case_type": "patient", "case_name": f"Case {n}"},
            properties={"status": "off" if n % 10 == 0 else "on"},
        )
        for n in range(number)
    ]
    for start in range(0, number, 1000):
        send_blocks(session, project, blocks[start : start + 1000], f"world-{start}")
    return queued(project, saved(project, definition))


def assert_changed_once(app: Flask, session: Session, run: Run, number: int) -> None:
    """Every matching case was changed once, and everything was counted."""
    session.rollback()
    matching = number - number // 10
    assert (run.state, run.problem) == (RunState.FINISHED, None)
    assert (run.open_cases, run.matched, run.processed) == (number, matching, matching)
    assert (run.changed, run.submissions) == (matching, matching)
    assert (run.unchanged, run.skipped, run.errors, run.left) == (0, 0, 0, 0)
    of_run = Submission.project_id == run.project_id, Submission.run_id == run.id
    assert session.scalar(select(func.count()).where(*of_run)) == matching
    places = session.scalars(select(Submission.run_place).where(*of_run)).all()
    assert sorted(places) == list(range(matching))
    # The first form of each case opened it, the second is the run's.
    closed = select(func.count()).where(Case.project_id == run.project_id, Case.closed)
    assert session.scalar(closed) == run.closed
    assert planned(session, run) == 0
    folder = app.extensions["settings"].attachments
    assert not list(verify(session, run.project_id, attachments=folder))
    assert not list(verify_runs(session, run.project_id))


@contextmanager
def forked_workers(app: Flask, chunk: int, piece: int = CASES) -> Iterator[Callable[[int], int]]:
    """What starts a worker process on a job and returns its id; it works in small chunks, and
    writes a plan in pieces."""
    ours, theirs = pipe()
    process = forked(slow_worker.serve, environment_of(app), theirs, chunk, piece)
    theirs.close()

    def start(job_id: int) -> int:
        ours.send(job_id)
        return ours.recv()

    try:
        yield start
    finally:
        ours.close()
        process.join()
        process.close()


def processed(session: Session, run: Run) -> int:
    """How far a run is now."""
    session.rollback()
    return session.scalars(select(Run.processed).where(Run.id == run.id)).one()


def kill_at_random_moments(
    session: Session, run: Run, start: Callable[[int], int], times: int
) -> None:
    """Kill so many workers in the middle of a run, then let one work in peace."""
    moment = random.Random(run.id)
    job = get_job(session, run.project_id, run.job_id)
    for _ in range(times):
        before = processed(session, run)
        worker = start(job.id)
        # They get on first: one that dies three times without is given up.
        wait_until(lambda before=before: processed(session, run) > before)
        time.sleep(moment.uniform(0, 0.02))
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda worker=worker: not alive(worker))
        session.rollback()
        assert run.state == RunState.RUNNING
        let_heartbeat_pass(job)
    worked(run)


def test_killed_at_any_moment_every_case_is_changed_once(
    app: Flask, session: Session, project: Project
):
    run = run_over(session, project, FAST, CASES)
    with forked_workers(app, chunk=3) as start:
        kill_at_random_moments(session, run, start, times=21)
    assert run.closed == run.changed
    assert_changed_once(app, session, run, CASES)
    job = session.get_one(Job, run.job_id, populate_existing=True)
    assert (job.attempt, job.deaths) == (22, 0)
    assert (job.total, job.processed, job.succeeded) == (run.matched,) * 3


def test_so_it_is_where_cases_are_changed_one_by_one(
    app: Flask, session: Session, project: Project
):
    run = run_over(session, project, SLOW, 500)
    with forked_workers(app, chunk=3) as start:
        kill_at_random_moments(session, run, start, times=6)
    assert_changed_once(app, session, run, 500)


def test_killed_while_the_plan_is_written_it_is_written_anew(
    app: Flask, session: Session, project: Project
):
    run = run_over(session, project, FAST, 1000)
    job = get_job(session, project.id, run.job_id)
    with forked_workers(app, chunk=100, piece=4) as start:
        for now_off, now_on in (("c1", "c0"), ("c11", "c10")):
            worker = start(job.id)
            wait_until(lambda: 0 < planned(session, run) < 500)
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda worker=worker: not alive(worker))
            session.rollback()
            assert (run.state, run.matched) == (RunState.PLANNING, 0)
            assert 0 < planned(session, run) < 500
            # What is planned by the next one is another world.
            changes(session, project, now_off, status="off")
            changes(session, project, now_on, status="on")
            let_heartbeat_pass(job)
        worked(run)
    assert_changed_once(app, session, run, 1000)
    found = {key: case(session, project, key).closed for key in ("c0", "c1", "c10", "c11")}
    assert found == {"c0": True, "c1": False, "c10": True, "c11": False}


def planned(session: Session, run: Run) -> int:
    """How many rows its plan has now."""
    session.rollback()
    rows = RunCase.project_id == run.project_id, RunCase.run == run.id
    return session.scalar(select(func.count()).where(*rows)) or 0


def test_redis_loses_all_in_the_middle(
    app: Flask, session: Session, project: Project, redis: Redis, redis_url: str
):
    run = run_over(session, project, SLOW, FEWER)
    with quick_worker_process(app, redis_url):
        wake_run(session, run)
        wait_until(lambda: processed(session, run) > 0)
        redis.flushall()

        def over() -> bool:
            tick()
            return session.get_one(Run, run.id, populate_existing=True).over

        wait_until(over)
    assert_changed_once(app, session, run, FEWER)


def test_a_worker_that_was_paused_and_replaced_cannot_write(
    app: Flask, session: Session, project: Project
):
    run = run_over(session, project, FAST, FEWER)
    job = get_job(session, project.id, run.job_id)
    with forked_workers(app, chunk=1) as start:
        worker = start(job.id)
        wait_until(lambda: processed(session, run) > 0)
        pause_between_forms(app, session, worker, job)
        at = processed(session, run)
        assert 0 < at < run.matched
        let_heartbeat_pass(job)
        worked(run)  # somebody else takes it over, and is done before the other wakes up
        assert (run.state, run.processed) == (RunState.FINISHED, run.matched)
        os.kill(worker, signal.SIGCONT)
        wait_until(lambda: not alive(worker))
    assert_changed_once(app, session, run, FEWER)
