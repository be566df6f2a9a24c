"""Asking for work: a row, and after the commit a wake-up in Redis.

Redis holds nothing that the database does not: an entry carries a job's id and nothing else (SPEC
X4), and one that is lost is found by the next tick.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flask import current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer
from sqlalchemy import Select, false, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import now
from webapp.config import Settings
from webapp.errors import NotFound, Refused
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job, JobState
from webapp.jobs.progress import end, moved
from webapp.redis_socket import address_of_own

QUEUE = "casekeeper"
#: By name, so that whoever enqueues need not import what the worker imports.
TASK = "webapp.jobs.tasks.work"

_log = logging.getLogger(__name__)


def enqueue(
    session: Session,
    project_id: int,
    kind: Kind,
    params: dict[str, Any],
    *,
    by: Actor,
    reason: str = "",
    says: Mapping[str, Any] | None = None,
) -> Job:
    """Add a job to a project, in the present transaction. `wake` it after the commit. `says` is
    what the audit log has beside its kind."""
    job = Job(
        project_id=project_id,
        kind=kind.value,
        only_reads=kind.only_reads,
        params=params,
        actor_id=by.user_id,
        actor=by.name,
        queued_on=now(),
    )
    session.add(job)
    session.flush()  # the caller shows its id
    record(
        session,
        project_id=project_id,
        tag=Tag.JOB_QUEUE,
        subject=f"job:{job.id}",
        by=by,
        reason=reason,
        after={"kind": kind.value, **(says or {})},
    )
    return job


def wake(job: Job) -> bool:
    """Put a job's wake-up into Redis; whether it is there. Never raises: when Redis is away, the
    tick finds the job later."""
    connection = redis_connection()
    if connection is None:
        return False
    try:
        _put(queue_of(connection), job)
    except (RedisError, OSError) as error:
        _log.warning("job %d is not woken now, the tick will: %s", job.id, error)
        return False
    return True


def get_job(session: Session, project_id: int, job_id: int) -> Job:
    """A job of a project. Raises `NotFound`. One query."""
    return _found(session, _job(project_id, job_id))


def hold_job(session: Session, project_id: int, job_id: int) -> Job:
    """A job of a project, locked until the commit: it neither begins nor ends meanwhile. Raises
    `NotFound`. One query."""
    return _found(session, _job(project_id, job_id).with_for_update(key_share=True))


def ask_stop(session: Session, project_id: int, job_id: int, *, by: Actor) -> Job:
    """Stop a job: at once if it waits, else after the piece that it is at. Asking again changes
    nothing. Raises `NotFound`, or `Refused` when it is over."""
    job = hold_job(session, project_id, job_id)
    if job.over:
        raise Refused("This job is over already, so there is nothing to stop.")
    if job.stop_asked:
        return job
    record(
        session,
        project_id=project_id,
        tag=Tag.JOB_STOP,
        subject=f"job:{job.id}",
        by=by,
        after={"kind": job.kind},
    )
    begun = job.started_on is not None
    if job.state == JobState.QUEUED and not (begun and not job.left):
        end(session, job, JobState.STOPPED, by=by)
    else:
        job.stop_asked = True
    return job


def resume(session: Session, project_id: int, job_id: int, *, by: Actor) -> Job:
    """Let a stopped or failed job go on where it ended; `wake` it after the commit. Raises
    `NotFound`, or `Refused` when it is neither."""
    job = hold_job(session, project_id, job_id)
    if not job.resumable:
        raise Refused("Only a job that was stopped or has failed can be resumed.")
    job.state = JobState.QUEUED
    job.problem = None
    job.finished_on = None
    job.deaths = 0
    job.attempts += bool(job.attempts)
    moved(session, job, by=by)
    record(
        session,
        project_id=project_id,
        tag=Tag.JOB_RESUME,
        subject=f"job:{job.id}",
        by=by,
        after={"kind": job.kind},
    )
    return job


def redis_connection() -> Redis | None:
    """This process's connections to Redis; None where there is none. Nothing is opened yet.

    Where none is configured, as in a terminal beside `./run`, it is the one that runs on the data
    folder.
    """
    settings: Settings = current_app.extensions["settings"]
    url = settings.redis_url or address_of_own(settings.data)
    if not url:
        return None
    connection: Redis | None = current_app.extensions.get("jobs_redis")
    if connection is None:
        # A page must not hang because Redis does: the wake-up can be done without.
        connection = Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
        current_app.extensions["jobs_redis"] = connection
    return connection


def queue_of(connection: Redis) -> Queue:
    """The one queue. JSON, never pickle (SPEC X4)."""
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer)


def _put(queue: Queue, job: Job) -> None:
    # The attempt is in the name because RQ keeps the entry of a worker that was killed, and
    # refuses to add another of its name.
    name = f"{job.kind}-{job.id}-{job.attempt}"
    try:
        _add(queue, name, job.id)
    except DuplicateJobError:
        if queue.get_job_position(name) is None:
            # Nobody waits for it: a worker is at it just now, or died before it claimed the job.
            # Waking once too often costs a look; claims are conditional.
            queue.connection.delete(queue.job_class.key_for(name))
            _add(queue, name, job.id, unique=False)


def _add(queue: Queue, name: str, job_id: int, *, unique: bool = True) -> None:
    queue.enqueue_call(
        TASK,
        args=(job_id,),
        job_id=name,
        unique=unique,
        timeout=-1,  # RQ's 180 s are not ours: a job looks at the clock itself
        result_ttl=0,  # nothing is to be known from Redis
        failure_ttl=60,
    )


def _job(project_id: int, job_id: int) -> Select[Job]:
    # PostgreSQL refuses to compare its integers with a number that is none of them.
    known = Job.id == job_id if job_id < 2**31 else false()
    return select(Job).where(Job.project_id == project_id, known)


def _found(session: Session, statement: Select[Job]) -> Job:
    job = session.scalar(statement.execution_options(populate_existing=True))
    if job is None:
        raise NotFound("There is no job with this number in this project.")
    return job
