"""Whatever is killed in the middle of an undo, or of taking it back, each form is archived, and
restored, exactly once (SPEC R23, R27)."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.forms import case_block, form, send
from tests.jobs.work import alive, let_heartbeat_pass, wait_until
from tests.rules.running import worked as worked_run
from tests.rules.test_crash import FAST, forked_workers, run_over
from tests.rules.test_undo import BY, assert_whole, states, worked
from webapp.audit.models import AuditEvent
from webapp.audit.tags import Tag
from webapp.database import write_transaction
from webapp.jobs.models import Job, JobState
from webapp.projects.models import Project
from webapp.rules.undo import start_redo, start_undo

CASES = 500


def processed(session: Session, job: Job) -> int:
    """How far a job is now."""
    session.rollback()
    return session.scalars(select(Job.processed).where(Job.id == job.id)).one()


def done_by_workers_that_are_killed(
    session: Session,
    job: Job,
    start: Callable[[int], int],
    *,
    times: int,
    total: int,
    skipped: int = 0,
) -> None:
    """Kill so many workers in the middle, then let one work in peace: the job has been at all of
    it, once."""
    moment = random.Random(job.id)
    for _ in range(times):
        before = processed(session, job)
        worker = start(job.id)
        wait_until(lambda before=before: processed(session, job) > before)
        time.sleep(moment.uniform(0, 0.02))
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda worker=worker: not alive(worker))
        session.rollback()
        assert job.state == JobState.RUNNING
        let_heartbeat_pass(job)
    job = worked(job)
    assert (job.state, job.total, job.processed) == (JobState.FINISHED, total, total)
    assert (job.succeeded, job.attempts) == (total - skipped, times + 1)


def events(session: Session, project: Project, tag: Tag) -> tuple[int, int]:
    """How many events there are, and about how many forms."""
    subject = AuditEvent.subject
    return session.execute(
        select(func.count(), func.count(subject.distinct())).where(
            AuditEvent.project_id == project.id, AuditEvent.tag == tag.value
        )
    ).one()


def test_killed_at_any_moment_every_form_is_switched_once(
    app: Flask, session: Session, project: Project
):
    run = run_over(session, project, FAST, CASES)
    before = states(session, project)
    worked_run(run)
    after = states(session, project)
    assert after != before
    forms = CASES * 9 // 10
    with forked_workers(app, chunk=3) as start:
        with write_transaction():
            job = start_undo(session, project.id, run.id, by=BY)
        done_by_workers_that_are_killed(session, job, start, times=10, total=forms)
        assert states(session, project) == before
        assert events(session, project, Tag.SUBMISSION_ARCHIVE) == (forms, forms)
        assert_whole(app, session, project)
        # Some cases have something later by now, so they are replayed.
        for number in range(0, CASES, 5):
            block = case_block(f"c{number}", update={"later": "yes"}, date_modified="2025-01-01")
            send(session, project.id, form(block))
        with write_transaction():
            job = start_redo(session, project.id, run.id, by=BY)
        done_by_workers_that_are_killed(session, job, start, times=10, total=forms)
        assert events(session, project, Tag.SUBMISSION_RESTORE) == (forms, forms)
    assert (
        sum(
            row[-1].get("seen") == "yes"
            for key, row in states(session, project).items()
            if key != "links"
        )
        == forms
    )
    assert_whole(app, session, project)
