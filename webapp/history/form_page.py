"""What a form did to each case, for its own page (SPEC A7, U9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseTransaction
from webapp.history.changes import CaseChange, case_change
from webapp.history.last_names import KNOWN_NAME
from webapp.joins import row_of
from webapp.submissions.models import Submission

#: So many cases are shown in full.
SHOWN_CASES = 50

#: Attributes whose value is the id of a user (an owner may also be a group or a place).
_USERS = frozenset({"owner_id", "opened_by", "closed_by"})


@dataclass(frozen=True, slots=True)
class LinkedCase:
    """A case that an index points to."""

    case_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ShownCase:
    """A case as it is called now, what the form changed in it, and the cases that links name."""

    case_id: str
    name: str
    type: str
    closed: bool
    deleted: bool
    change: CaseChange
    targets: Mapping[int, LinkedCase]

    @property
    def user_ids(self) -> set[str]:
        """The ids among its values that may be users'."""
        values = [
            value
            for one in self.change.attributes
            if one.name in _USERS
            for value in (one.before, one.after)
        ]
        return {str(value) for value in values if value}


def touched_cases(session: Session, submission: Submission) -> tuple[list[ShownCase], int]:
    """The first `SHOWN_CASES` cases of a form, and how many there are beyond. Three queries."""
    mine = (
        CaseTransaction.project_id == submission.project_id,
        CaseTransaction.submission == submission.id,
    )
    found = session.execute(
        select(
            Case.case_id,
            KNOWN_NAME.label("name"),
            Case.type,
            Case.closed,
            Case.deleted,
            CaseTransaction.change,
            CaseTransaction.before,
        )
        .join(
            Case,
            row_of(Case, CaseTransaction.case, CaseTransaction.project_id),
        )
        .where(*mine)
        .order_by(CaseTransaction.case)
        .limit(SHOWN_CASES)
    ).all()
    total = session.scalar(select(func.count()).select_from(CaseTransaction).where(*mine)) or 0
    changes = [case_change(row.change, row.before, live=submission.live) for row in found]
    targets = linked_cases(session, submission.project_id, changes)
    shown = [
        ShownCase(row.case_id, row.name, row.type, row.closed, row.deleted, change, targets)
        for row, change in zip(found, changes, strict=True)
    ]
    return shown, total - len(shown)


def linked_cases(
    session: Session, project_id: int, changes: Sequence[CaseChange]
) -> dict[int, LinkedCase]:
    """The cases that links name, by their keys. One query; none without links."""
    keys = {key for change in changes for key in change.link_targets}
    if not keys:
        return {}
    rows = session.execute(
        select(Case.id, Case.case_id, KNOWN_NAME).where(
            Case.project_id == project_id, Case.id.in_(keys)
        )
    )
    return {key: LinkedCase(case_id, name) for key, case_id, name in rows}
