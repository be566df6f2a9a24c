"""Who works on a job: one worker at a time, and one job of a project that changes anything; beside
it one that only reads.

A worker may be killed or paused at any moment, and cannot be asked whether it still lives. So it
does not hold a job, it holds an *attempt* of it: whoever takes the job over raises the number, and
every transaction of the work begins with a look at it (`hold`).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased, defer

from webapp.audit.actor import Actor
from webapp.clock import SECOND, Micros, now
from webapp.database import write_transaction
from webapp.jobs.models import Job, JobState
from webapp.jobs.progress import moved

#: A running job without a sign of life for this long has lost its worker. Longer than the longest
#: wait for a lock, so that only a dead worker, or one that hangs, is replaced. Too short would
#: cost time and no correctness: the replaced one finds out.
DEAD_AFTER: Micros = 45 * SECOND


class Replaced(Exception):  # no error: the other one goes on
    """The job has gone on without this worker, or was ended: nothing that it did counts."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job, until somebody else takes it over."""

    job_id: int
    project_id: int
    kind: str
    attempt: int
    #: As whom the work is done: the person who asked, from within the job.
    by: Actor


def claimable(at: Micros) -> ColumnElement[bool]:
    """Whether a job may be taken at an instant: it is running without a heartbeat, or it is the
    oldest that waits in a project where none is running, of those that only read or the others."""
    other = aliased(Job)
    in_front = exists().where(
        other.project_id == Job.project_id,
        other.only_reads == Job.only_reads,
        or_(
            other.state == JobState.RUNNING,
            and_(other.state == JobState.QUEUED, other.id < Job.id),
        ),
    )
    return or_(
        and_(Job.state == JobState.RUNNING, Job.heartbeat_on < at - DEAD_AFTER),
        and_(Job.state == JobState.QUEUED, ~in_front),
    )


def claim(job_id: int) -> Claim | None:
    """Take a job, in a transaction of its own. None when it is not to be had: somebody works on
    it, another of its project is in front, or it is over. A few statements."""
    at = now()
    died = Job.state == JobState.RUNNING
    anew = or_(died, Job.attempts == 0)
    try:
        with write_transaction() as session:
            taken = session.execute(
                update(Job)
                .where(Job.id == job_id, claimable(at))
                .values(
                    state=JobState.RUNNING,
                    attempt=Job.attempt + 1,
                    attempts=case((anew, Job.attempts + 1), else_=Job.attempts),
                    deaths=case((died, Job.deaths + 1), else_=Job.deaths),
                    heartbeat_on=at,
                )
                .returning(Job.project_id, Job.kind, Job.attempt, Job.actor_id, Job.actor)
                .execution_options(synchronize_session=False)
            ).one_or_none()
            if taken is not None:
                by = Actor(taken.actor_id, taken.actor, f"job {job_id}")
                moved(session, session.get_one(Job, job_id), by=by)
    except IntegrityError:
        # Another job of the project was taken at the same moment (`ix_job_running`).
        return None
    if taken is None:
        return None
    return Claim(job_id, taken.project_id, taken.kind, taken.attempt, by)


def hold(session: Session, held: Claim) -> Job:
    """The job of a claim, locked until the commit, so that the claim stays good for as long.

    It is the first lock of a transaction of the work: on PostgreSQL whoever takes the job over
    waits for it, on SQLite for the write lock. Raises `Replaced`. One statement.
    """
    job = session.scalar(
        select(Job)
        .where(
            Job.id == held.job_id,
            Job.project_id == held.project_id,
            Job.attempt == held.attempt,
            Job.state == JobState.RUNNING,
        )
        .options(defer(Job.params))  # may hold thousands of ids, and is read once
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if job is None:
        raise Replaced(f"attempt {held.attempt} of job {held.job_id} has been replaced")
    return job
