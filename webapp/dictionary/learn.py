"""Learning from what is submitted: which case types, applications and forms there are."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from webapp.database import insert_new
from webapp.dictionary.models import CaseType, FormType


def learn_form(session: Session, project_id: int, *, app_id: str, xmlns: str, name: str) -> None:
    """Note that a form of an application exists. One statement."""
    insert_new(
        session,
        FormType,
        [{"project_id": project_id, "app_id": app_id, "xmlns": xmlns, "name": name}],
    )


def learn_case_types(session: Session, project_id: int, names: Iterable[str]) -> None:
    """Note that case types exist. One statement, or none without names."""
    rows = [{"project_id": project_id, "name": name} for name in sorted(set(names)) if name]
    insert_new(session, CaseType, rows)
