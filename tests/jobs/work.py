"""Forms in error, jobs over them, and worker processes, for the tests of jobs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import case_block, form, new_id, open_case, send
from tests.jobs.processes import ForkedWorker, environment_of
from webapp.cases.models import CaseTransaction
from webapp.database import write_transaction
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job, JobItem
from webapp.jobs.queue import enqueue
from webapp.projects.models import Project
from webapp.submissions.models import State, Submission

ROOT = Path(__file__).resolve().parents[2]


def forms_in_error(session: Session, project: Project, number: int = 3) -> list[str]:
    """Send forms whose parent case is unknown, and then the parent. Returns their ids in the order
    of arrival: all could be processed now."""
    parent = new_id()
    sent = [failing_form(session, project, parent) for _ in range(number)]
    open_case(session, project.id, parent)
    return sent


def failing_form(session: Session, project: Project, parent: str = "never-had") -> str:
    """Send a form that opens a child of a case which the project does not have."""
    block = case_block(
        new_id(),
        create={"case_type": "visit", "case_name": "Visit", "owner_id": "owner-1"},
        index={"parent": ("patient", parent)},
    )
    received = send(session, project.id, form(block))
    assert received.problem
    return received.submission_id


def reprocess_job(project: Project, *submission_ids: str) -> Job:
    """A queued job over these forms, or over all errors; nobody is woken."""
    params = {"submission_ids": list(submission_ids)} if submission_ids else {"all_errors": True}
    with write_transaction() as session:
        return enqueue(session, project.id, Kind.REPROCESS, params, by=actor())


def states(session: Session, project: Project) -> list[str]:
    """The states of a project's forms, in the order of arrival."""
    session.rollback()
    return [
        state.value
        for state in session.scalars(
            select(Submission.state)
            .where(Submission.project_id == project.id)
            .order_by(Submission.received_on)
        )
    ]


def assert_done_once(session: Session, job: Job, forms: list[str]) -> None:
    """Each of the forms was applied once, and the job counted each once."""
    session.rollback()
    assert (job.state.value, job.problem) == ("finished", None)
    assert (job.total, job.processed, job.succeeded) == (len(forms),) * 3
    items = session.scalars(
        select(JobItem.item)
        .where(JobItem.project_id == job.project_id, JobItem.job_id == job.id)
        .order_by(JobItem.place)
    ).all()
    assert items == forms
    applied = session.scalars(
        select(Submission.submission_id)
        .join(CaseTransaction, CaseTransaction.submission == Submission.id)
        .where(
            Submission.project_id == job.project_id,
            Submission.submission_id.in_(forms),
            Submission.state == State.NORMAL,
        )
    ).all()
    assert sorted(applied) == sorted(forms)


def let_heartbeat_pass(job: Job) -> None:
    """As if the worker had given no sign of life for an hour."""
    with write_transaction() as session:
        session.execute(
            update(Job).where(Job.id == job.id).values(heartbeat_on=Job.heartbeat_on - 3600_000_000)
        )


@contextmanager
def worker_process(
    app: Flask, redis_url: str, workers: int = 1
) -> Iterator[subprocess.Popen[bytes]]:
    """`python worker.py` on the database of the app; killed at the end, with its children."""
    environment = {**os.environ, **_environment(app, redis_url, workers)}
    process = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=environment)
    with _killed_at_the_end(process):
        yield process


@contextmanager
def quick_worker_process(app: Flask, redis_url: str, workers: int = 1) -> Iterator[ForkedWorker]:
    """The same, where it makes no difference that nothing of the program was read for it alone."""
    process = ForkedWorker(_environment(app, redis_url, workers))
    with _killed_at_the_end(process):
        yield process


def _environment(app: Flask, redis_url: str, workers: int) -> dict[str, str]:
    return {**environment_of(app), "REDIS_URL": redis_url, "WORKERS": str(workers)}


@contextmanager
def _killed_at_the_end(process: subprocess.Popen[bytes] | ForkedWorker) -> Iterator[None]:
    try:
        yield
    finally:
        family = children(process)
        process.kill()
        process.wait()
        wait_until(lambda: not any(alive(child) for child in family))


def children(process: subprocess.Popen[bytes] | ForkedWorker) -> list[int]:
    """The processes that a process has started and that still run, oldest first."""
    return sorted(
        int(folder.name)
        for folder in Path("/proc").glob("[0-9]*")
        if _state_and_parent(folder)[1] == process.pid and alive(int(folder.name))
    )


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    return _state_and_parent(Path(f"/proc/{pid}"))[0] not in {"", "Z"}


def _state_and_parent(folder: Path) -> tuple[str, int]:
    try:
        words = (folder / "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return "", 0
    return words[0], int(words[1])


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for something that other processes do."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def progress_of(session: Session, job: Job) -> tuple[str, int]:
    """State and count of a job as they are in the database now."""
    session.rollback()
    return job.state.value, job.processed
