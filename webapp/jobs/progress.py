"""How far a job is: counting, ending, and what was skipped.

Counts and heartbeat are written in the transaction of the work that they count, never in one of
their own: so they are exact wherever the worker dies, and cost no commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import now
from webapp.jobs.kinds import task_for
from webapp.jobs.models import Job, JobItem, JobState

#: A job over so many items names those that are done.
FEW = 10


def begin(session: Session, job: Job, *, by: Actor) -> None:
    """A job is planned (`job.total` is set): log the start."""
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
    moved(session, job, by=by)
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
            "skipped": job.skipped,
        },
    )


def moved(session: Session, job: Job, *, by: Actor) -> None:
    """The state of a job has become another one: tell its task (`Task.moved`)."""
    task_for(job.kind).moved(session, job, by=by)


def few_done(session: Session, job: Job) -> list[str]:
    """The public ids of what a job of few items has done, in the order of the work; none of a
    longer one. One query."""
    if job.total > FEW:
        return []
    return list(
        session.scalars(
            select(JobItem.item)
            .where(
                JobItem.project_id == job.project_id,
                JobItem.job_id == job.id,
                JobItem.place < job.processed,
                JobItem.reason.is_(None),
            )
            .order_by(JobItem.place)
        )
    )


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was skipped for one reason: how many, and the first public ids in order of the work."""

    reason: str
    number: int
    items: tuple[str, ...]


def skipped_by_reason(
    session: Session, job: Job, *, of_each: int = 10, in_all: int = 30
) -> list[Skipped]:
    """Why items were skipped, most frequent first, with at most `of_each` ids for a reason and
    `in_all` over all. One query over what was skipped."""
    place = func.row_number().over(partition_by=JobItem.reason, order_by=JobItem.place)
    number = func.count().over(partition_by=JobItem.reason)
    ranked = (
        _skipped(job)
        .with_only_columns(JobItem.reason, JobItem.item, place.label("nth"), number.label("number"))
        .subquery()
    )
    rows = session.execute(
        select(ranked)
        .where(ranked.c.nth <= of_each)
        .order_by(ranked.c.number.desc(), ranked.c.reason, ranked.c.nth)
        .limit(in_all)
    ).all()
    return [
        Skipped(reason, number, tuple(row.item for row in group))
        for (reason, number), group in groupby(rows, key=lambda row: (row.reason, row.number))
    ]


def skipped_page(session: Session, job: Job, *, after: int, size: int) -> list[JobItem]:
    """What was skipped behind a place (-1: from the start), in the order of the work. One query."""
    statement = _skipped(job).where(JobItem.place > after).order_by(JobItem.place).limit(size)
    return list(session.scalars(statement))


def all_skipped(session: Session, job: Job) -> list[JobItem]:
    """All that was skipped, in the order of the work. One query."""
    return list(session.scalars(_skipped(job).order_by(JobItem.place)))


def _skipped(job: Job) -> Select[JobItem]:
    return select(JobItem).where(
        JobItem.project_id == job.project_id,
        JobItem.job_id == job.id,
        JobItem.reason.is_not(None),
    )
