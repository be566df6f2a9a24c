"""Table: `audit_event`. Triggers in the database keep rows from being changed or removed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.clock import Micros
from webapp.columns import BigKey, JsonObject
from webapp.extensions import Base


class AuditEvent(Base):
    """Who did what to which thing, when, from where, with what was before and after."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_when", "project_id", "at", "id"),
        Index("ix_audit_event_tag", "project_id", "tag", "at", "id"),
        Index("ix_audit_event_actor", "project_id", "actor_id", "at", "id"),
        Index("ix_audit_event_subject", "project_id", "subject", "at", "id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    #: None for what belongs to no project (a web user's password).
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"))
    at: Mapped[Micros] = mapped_column(BigInteger)
    #: One of `webapp.audit.tags.Tag`.
    tag: Mapped[str] = mapped_column(String(63))
    #: What it happened to: `<noun>:<public id>`.
    subject: Mapped[str] = mapped_column(String(300))
    #: User id, name as it was then, and from where (an address, `command line`, `job 12`).
    actor_id: Mapped[str] = mapped_column(String(255))
    actor: Mapped[str] = mapped_column(String(255))
    source: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str | None] = mapped_column(String(1000))
    before: Mapped[dict[str, Any] | None] = mapped_column(JsonObject)
    after: Mapped[dict[str, Any] | None] = mapped_column(JsonObject)
