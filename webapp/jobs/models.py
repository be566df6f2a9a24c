"""Tables: `job`, `job_item`. Redis holds nothing that stands not here: a queue entry is a wake-up
with an id."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.clock import Micros
from webapp.columns import JsonObject, word
from webapp.extensions import Base


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


class Job(Base):
    """One piece of queued work of a project; resumable, and claimed by a conditional UPDATE."""

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        Index(
            "ix_job_unfinished",
            "state",
            sqlite_where=text("state IN ('queued', 'running')"),
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        Index("ix_job_recent", "project_id", "queued_on"),
        # One job of a project that changes anything works at a time, by construction, and one that
        # only reads beside it.
        Index(
            "ix_job_running",
            "project_id",
            "only_reads",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    #: One of `webapp.jobs.kind.Kind`.
    kind: Mapped[str] = mapped_column(String(31))
    state: Mapped[JobState] = mapped_column(word(JobState), default=JobState.QUEUED)
    #: `Kind.only_reads`.
    only_reads: Mapped[bool] = mapped_column(default=False)
    params: Mapped[dict[str, Any]] = mapped_column(JsonObject, default=dict)
    #: Who asked, as in `audit_event`.
    actor_id: Mapped[str] = mapped_column(String(255))
    actor: Mapped[str] = mapped_column(String(255))

    total: Mapped[int] = mapped_column(default=0)
    #: How many items are done, and so the place of the next one.
    processed: Mapped[int] = mapped_column(default=0)
    succeeded: Mapped[int] = mapped_column(default=0)
    #: Why it failed: a sentence.
    problem: Mapped[str | None] = mapped_column(Text)
    stop_asked: Mapped[bool] = mapped_column(default=False)
    #: Counts the claims: whoever writes says which attempt it is, so that a worker that was
    #: paused and replaced cannot write.
    attempt: Mapped[int] = mapped_column(default=0)
    #: How often it was begun, taken up after its worker died, or resumed (SPEC R19). Going on after
    #: a minute in which other projects had their turn is the same attempt.
    attempts: Mapped[int] = mapped_column(default=0)
    #: How often it died since it last got on.
    deaths: Mapped[int] = mapped_column(default=0)

    queued_on: Mapped[Micros] = mapped_column(BigInteger)
    started_on: Mapped[Micros | None] = mapped_column(BigInteger)
    heartbeat_on: Mapped[Micros | None] = mapped_column(BigInteger)
    finished_on: Mapped[Micros | None] = mapped_column(BigInteger)

    @property
    def skipped(self) -> int:
        """How many items could not be done; the reasons stand with them (`JobItem`)."""
        return self.processed - self.succeeded

    @property
    def left(self) -> int:
        """How many items are still to come."""
        return self.total - self.processed

    @property
    def over(self) -> bool:
        """Whether nothing more happens unless a person resumes it."""
        return self.state not in (JobState.QUEUED, JobState.RUNNING)

    @property
    def resumable(self) -> bool:
        """Whether a person may let it go on where it ended."""
        return self.state in (JobState.STOPPED, JobState.FAILED)


class JobItem(Base):
    """One thing that a job works on. The list is frozen when the job starts; the items in front of
    `Job.processed` are done, so an item is never worked on twice.

    Without a foreign key: a list is written while its job is locked, and jobs are never removed.
    """

    __tablename__ = "job_item"
    __table_args__ = (
        Index(
            "ix_job_item_reason",
            "project_id",
            "job_id",
            "reason",
            sqlite_where=text("reason IS NOT NULL"),
            postgresql_where=text("reason IS NOT NULL"),
        ),
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(primary_key=True)
    #: 0, 1, 2, … in the order of the work.
    place: Mapped[int] = mapped_column(primary_key=True)
    #: The public id of the thing.
    item: Mapped[str] = mapped_column(String(255))
    #: Why it was skipped: a sentence. None when it was changed, or its turn is still to come.
    reason: Mapped[str | None] = mapped_column(String(1000))
