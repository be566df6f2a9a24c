"""Table: `job`. Redis holds nothing that stands not here: a queue entry is a wake-up with an id."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
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
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    #: One of `webapp.jobs.kinds.Kind`.
    kind: Mapped[str] = mapped_column(String(31))
    state: Mapped[JobState] = mapped_column(word(JobState), default=JobState.QUEUED)
    params: Mapped[dict[str, Any]] = mapped_column(JsonObject, default=dict)
    #: Who asked, as in `audit_event`.
    actor_id: Mapped[str] = mapped_column(String(255))
    actor: Mapped[str] = mapped_column(String(255))

    total: Mapped[int] = mapped_column(default=0)
    processed: Mapped[int] = mapped_column(default=0)
    succeeded: Mapped[int] = mapped_column(default=0)
    #: Reason -> public ids that were skipped for it.
    skipped: Mapped[dict[str, list[str]]] = mapped_column(JsonObject, default=dict)
    #: Why it failed: a sentence.
    problem: Mapped[str | None] = mapped_column(Text)
    stop_asked: Mapped[bool] = mapped_column(default=False)
    #: Counts the claims: whoever writes says which attempt it is, so that a worker that was
    #: paused and replaced cannot write.
    attempt: Mapped[int] = mapped_column(default=0)

    queued_on: Mapped[Micros] = mapped_column(BigInteger)
    started_on: Mapped[Micros | None] = mapped_column(BigInteger)
    heartbeat_on: Mapped[Micros | None] = mapped_column(BigInteger)
    finished_on: Mapped[Micros | None] = mapped_column(BigInteger)
