"""How far a job is: counting, ending, and what was skipped.

Counts and heartbeat are written in the transaction of the item that they count, never in one of
their own: so they are exact wherever the worker dies, and cost no commit.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import now
from webapp.jobs.models import Job, JobItem, JobState


def begin(session: Session, job: Job, *, by: Actor) -> None:
    """The list of a job is frozen: count it, and log the start. One query."""
    job.total = (
        session.scalar(
            select(func.count())
            .select_from(JobItem)
            .where(JobItem.project_id == job.project_id, JobItem.job_id == job.id)
        )
        or 0
    )
    job.started_on = job.heartbeat_on = now()
    record(
        session,
        project_id=job.project_id,
        tag=Tag.JOB_START,
        subject=f"job:{job.id}",
        by=by,
        after={"kind": job.kind, "total": job.total},
    )


def next_item(session: Session, job: Job) -> JobItem | None:
    """The item whose turn it is; None when all are done. One query."""
    return session.get(JobItem, (job.project_id, job.id, job.processed))


def count(job: Job, item: JobItem, reason: str | None) -> None:
    """An item is done, or skipped for a reason. The job is held by the caller."""
    job.processed += 1
    job.deaths = 0  # it got on
    job.heartbeat_on = now()
    if reason is None:
        job.succeeded += 1
    else:
        item.reason = reason[:1000]


def end(
    session: Session, job: Job, state: JobState, *, by: Actor, problem: str | None = None
) -> None:
    """A job is over, and honestly so: `problem` is the sentence why it failed."""
    job.state = state
    job.problem = problem
    job.stop_asked = False
    job.finished_on = now()
    record(
        session,
        project_id=job.project_id,
        tag=Tag.JOB_END,
        subject=f"job:{job.id}",
        by=by,
        after={
            "kind": job.kind,
            "state": state.value,
            "total": job.total,
            "processed": job.processed,
            "succeeded": job.succeeded,
            "skipped": job.processed - job.succeeded,
        },
    )


def reasons(session: Session, job: Job, limit: int) -> list[tuple[str, int]]:
    """Why items were skipped and how many for each reason, most first. One query."""
    number = func.count()
    found = session.execute(
        select(JobItem.reason, number)
        .where(
            JobItem.project_id == job.project_id,
            JobItem.job_id == job.id,
            JobItem.reason.is_not(None),
        )
        .group_by(JobItem.reason)
        .order_by(number.desc(), JobItem.reason)
        .limit(limit)
    )
    return [(str(reason), many) for reason, many in found]


def skipped(session: Session, job: Job, reason: str, limit: int) -> list[str]:
    """The public ids that were skipped for a reason, in the order of the work. One query."""
    return list(
        session.scalars(
            select(JobItem.item)
            .where(
                JobItem.project_id == job.project_id,
                JobItem.job_id == job.id,
                JobItem.reason == reason,
            )
            .order_by(JobItem.place)
            .limit(limit)
        )
    )
