"""Reading letters."""

from __future__ import annotations

from sqlalchemy import Select, select

from webapp.mail.models import Letter


def letters_of(project_id: int) -> Select[Letter]:
    """A project's letters, newest first."""
    return select(Letter).where(Letter.project_id == project_id).order_by(Letter.id.desc())
