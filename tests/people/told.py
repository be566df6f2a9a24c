"""What the audit log tells of a thing."""

from __future__ import annotations

from sqlalchemy.orm import Session

from webapp.audit.record import events_about
from webapp.projects.models import Project


def told(session: Session, project: Project, subject: str) -> list[tuple[str, object, object]]:
    """What the log says of a thing in a project, oldest first: tag, before, after."""
    events = session.scalars(events_about(project.id, subject)).all()
    return [(event.tag, event.before, event.after) for event in reversed(events)]
