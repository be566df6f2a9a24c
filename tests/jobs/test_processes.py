"""`python worker.py` as it runs in life, and what becomes of jobs when it is killed or paused."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import time
from pathlib import Path

from flask import Flask
from redis import Redis
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests.jobs.work import (
    alive,
    assert_done_once,
    children,
    forms_in_error,
    let_heartbeat_pass,
    progress_of,
    quick_worker_process,
    reprocess_job,
    wait_until,
    worker_process,
)
from webapp.extensions import db
from webapp.jobs.models import Job, JobState
from webapp.jobs.queue import wake
from webapp.jobs.tasks import work
from webapp.jobs.tick import tick
from webapp.projects.models import Project


def test_a_worker_does_the_job_that_it_is_woken_for(
    app: Flask, session: Session, project: Project, redis: Redis, redis_url: str
):
    forms = forms_in_error(session, project, 5)
    with worker_process(app, redis_url):
        job = reprocess_job(project)
        wake(job)
        wait_until(lambda: progress_of(session, job)[0] == "finished")
        # Nothing is kept in Redis of what is over.
        wait_until(lambda: not redis.keys(f"rq:job:reprocess-{job.id}-*"))
    assert_done_once(session, job, forms)


def test_what_was_asked_while_nothing_ran_is_done_at_the_start(
    app: Flask, session: Session, project: Project, redis: Redis, redis_url: str
):
    forms = forms_in_error(session, project, 2)
    job = reprocess_job(project)  # and nobody is woken
    with quick_worker_process(app, redis_url):
        wait_until(lambda: progress_of(session, job)[0] == "finished")
    assert_done_once(session, job, forms)


def test_several_workers_and_jobs_of_several_projects(
    app: Flask, session: Session, project: Project, redis: Redis, redis_url: str
):
    forms = forms_in_error(session, project, 20)
    jobs = [reprocess_job(project, *forms[:12]), reprocess_job(project, *forms[12:])]
    with quick_worker_process(app, redis_url, workers=2):
        for job in jobs:
            wake(job)
        wait_until(lambda: all(progress_of(session, job)[0] == "finished" for job in jobs))
    assert_done_once(session, jobs[0], forms[:12])
    assert_done_once(session, jobs[1], forms[12:])


def test_redis_loses_all_in_the_middle(
    app: Flask, session: Session, project: Project, redis: Redis, redis_url: str
):
    forms = forms_in_error(session, project, 150)
    first, second = reprocess_job(project, *forms[:100]), reprocess_job(project, *forms[100:])
    with quick_worker_process(app, redis_url):
        wake(first), wake(second)
        wait_until(lambda: progress_of(session, first)[1] > 5)
        redis.flushall()
        wait_until(lambda: progress_of(session, first)[0] == "finished")

        def finished() -> bool:
            tick()
            return progress_of(session, second)[0] == "finished"

        wait_until(finished)
    assert_done_once(session, first, forms[:100])
    assert_done_once(session, second, forms[100:])


def test_killed_at_any_moment_each_form_is_processed_once(
    app: Flask, session: Session, project: Project, redis: Redis, redis_url: str
):
    # Many more forms than workers get done in all of their lives, also on a fast machine.
    forms = forms_in_error(session, project, 120)
    job = reprocess_job(project)
    moment = random.Random(7)
    for _ in range(5):
        before = progress_of(session, job)[1]
        with quick_worker_process(app, redis_url):
            tick()
            wait_until(lambda before=before: progress_of(session, job)[1] > before)
            time.sleep(moment.uniform(0, 0.1))
        # Its children end by themselves, within moments of the parent's end.
        assert progress_of(session, job)[0] == "running"
        let_heartbeat_pass(job)
    work(job.id)
    assert_done_once(session, job, forms)


def test_a_worker_alone_is_killed_and_replaced_by_its_parent(
    app: Flask, session: Session, project: Project, redis: Redis, redis_url: str
):
    forms = forms_in_error(session, project, 100)
    job = reprocess_job(project)
    with quick_worker_process(app, redis_url) as parent:
        wake(job)
        wait_until(lambda: progress_of(session, job)[1] > 3)
        worker = worker_of(parent)
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: len(children(parent)) == 2 and worker not in children(parent))
        let_heartbeat_pass(job)
        tick()
        wait_until(lambda: progress_of(session, job)[0] == "finished")
    assert_done_once(session, job, forms)


def test_a_worker_that_was_paused_and_replaced_cannot_write(
    app: Flask, session: Session, project: Project, redis: Redis, redis_url: str
):
    forms = forms_in_error(session, project, 200)
    job = reprocess_job(project)
    with quick_worker_process(app, redis_url) as parent:
        wake(job)
        wait_until(lambda: progress_of(session, job)[1] > 3)
        worker = worker_of(parent)
        pause_between_forms(app, session, worker, job)
        at = progress_of(session, job)[1]
        assert at < len(forms)
        let_heartbeat_pass(job)
        work(job.id)  # somebody else takes it over, and is done before the other wakes up
        assert_done_once(session, job, forms)
        os.kill(worker, signal.SIGCONT)
        # It goes on with another job as if nothing had been.
        more = forms_in_error(session, project, 2)
        other = reprocess_job(project)
        wake(other)
        wait_until(lambda: progress_of(session, other)[0] == "finished")
        assert worker in children(parent)
    assert_done_once(session, job, forms)
    assert_done_once(session, other, more)


def test_ends_in_time_and_hands_its_job_back(
    app: Flask, session: Session, project: Project, redis: Redis, redis_url: str
):
    forms_in_error(session, project, 200)
    job = reprocess_job(project)
    for number, process in (
        (signal.SIGTERM, worker_process),
        (signal.SIGINT, quick_worker_process),
    ):
        with process(app, redis_url, workers=2) as parent:
            wake(job)
            before = progress_of(session, job)[1]
            wait_until(lambda before=before: progress_of(session, job)[1] > before)
            family = children(parent)
            assert len(family) == 3
            began = time.monotonic()
            parent.send_signal(number)
            assert parent.wait(timeout=3) == 0
            assert time.monotonic() - began < 3
            assert not any(alive(child) for child in family)
            assert progress_of(session, job)[0] == "queued"


def test_its_children_end_when_it_is_killed(
    app: Flask, session: Session, redis: Redis, redis_url: str
):
    with quick_worker_process(app, redis_url, workers=2) as parent:
        wait_until(lambda: redis.scard("rq:workers") == 2)
        family = children(parent)
        assert len(family) == 3
        parent.kill()
        wait_until(lambda: not any(alive(child) for child in family), seconds=3)


def test_waits_for_a_redis_that_is_away(app: Flask, session: Session, tmp_path: Path):
    with quick_worker_process(app, f"unix://{tmp_path}/none.sock") as parent:
        wait_until(lambda: children(parent))  # by then it listens to signals
        time.sleep(2.5)
        assert parent.poll() is None
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(timeout=3) == 0


def worker_of(parent) -> int:
    """The RQ worker: the first child; the tick is the last."""
    return children(parent)[0]


def pause_between_forms(app: Flask, session: Session, worker: int, job: Job) -> None:
    """Pause a worker while it holds no lock. (One that is paused inside a transaction keeps the
    lock: on SQLite until it goes on, on PostgreSQL until the server ends the transaction.)"""
    if session.get_bind().dialect.name == "sqlite":
        pause_while_it_waits(worker)
        return
    for _ in range(1000):
        os.kill(worker, signal.SIGSTOP)
        if holds_no_lock(app, session, job):
            return
        os.kill(worker, signal.SIGCONT)
        time.sleep(0.003)
    raise AssertionError("it could not be paused between two forms")


def pause_while_it_waits(worker: int) -> None:
    """Pause a worker on SQLite, where it hardly ever holds no lock, while it waits for ours."""
    lock = os.open(f"{db.engine.url.database}.lock", os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        time.sleep(0.05)  # for what it does between two forms
        os.kill(worker, signal.SIGSTOP)
        time.sleep(0.2)  # until all its threads have stopped: one of them stands in line
    finally:
        os.close(lock)


def holds_no_lock(app: Flask, session: Session, job: Job) -> bool:
    session.rollback()
    if session.get_bind().dialect.name == "sqlite":
        path = f"{db.engine.url.database}.lock"
        lock = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(lock)
        return True
    try:
        session.execute(
            select(Job.id)
            .where(Job.id == job.id, Job.state == JobState.RUNNING)
            .with_for_update(nowait=True)
        ).one()
    except OperationalError:
        return False
    finally:
        session.rollback()
    return True
