"""Writing and reading the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.models import AuditEvent
from webapp.audit.tags import KEYS, Tag
from webapp.clock import now


def record(
    session: Session,
    *,
    project_id: int | None,
    tag: Tag,
    subject: str,
    by: Actor,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add an event to the log, in the transaction that makes the change (invariant 4).

    `subject` is `<noun>:<public id>`. Raises `ValueError` for a key that the tag does not have.
    """
    unknown = {*(before or ()), *(after or ())} - KEYS[tag]
    if unknown:
        raise ValueError(f"{tag} has no {', '.join(sorted(unknown))}")
    session.add(
        AuditEvent(
            project_id=project_id,
            at=now(),
            tag=tag.value,
            subject=subject,
            actor_id=by.user_id,
            actor=by.name,
            source=by.source,
            reason=reason[:1000] or None,
            before=dict(before) if before else None,
            after=dict(after) if after else None,
        )
    )


def events_about(project_id: int, subject: str) -> Select[AuditEvent]:
    """What happened to a thing, newest first."""
    return (
        select(AuditEvent)
        .where(AuditEvent.project_id == project_id, AuditEvent.subject == subject)
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    )
