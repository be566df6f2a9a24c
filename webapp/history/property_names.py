"""Which properties cases of a type have, to be offered where a person types one."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cases.models import OPEN, Case

#: So many of the newest open cases are looked at, and so many names are offered: a form needs a
#: hint at once, not the whole truth.
LOOKED_AT, OFFERED = 30, 50


def property_names(session: Session, project_id: int, case_type: str) -> list[str]:
    """The commonest properties of the newest open cases of a type, commonest first. One query of a
    few rows; none without a type."""
    if not case_type:
        return []
    newest = session.scalars(
        select(Case.properties)
        .where(
            Case.project_id == project_id,
            Case.type == case_type,
            *OPEN,
        )
        .order_by(Case.id.desc())
        .limit(LOOKED_AT)
    )
    found = Counter(name for properties in newest for name in sorted(properties))
    return [name for name, _count in found.most_common(OFFERED)]
