"""What deleted cases were called: a case that no form makes has no name of its own any more."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseTransaction
from webapp.joins import row_of
from webapp.submissions.models import State, Submission

_given = CaseTransaction.change["given"]["name"].as_string()

#: The name that an archived form gave the case last, for a query of `Case`; NULL if none did. Reads
#: the forms of the case.
LAST_NAME = (
    select(_given)
    .join(
        Submission,
        row_of(Submission, CaseTransaction.submission, CaseTransaction.project_id),
    )
    .where(
        CaseTransaction.project_id == Case.project_id,
        CaseTransaction.case == Case.id,
        Submission.state == State.ARCHIVED,
        _given != "",
    )
    .order_by(Submission.received_on.desc())
    .limit(1)
    .correlate(Case)
    .scalar_subquery()
)


#: The name by which people know a case: its own, or the last one of a deleted case.
KNOWN_NAME = case((Case.deleted, func.coalesce(LAST_NAME, "")), else_=Case.name)


def last_names(session: Session, project_id: int, cases: Iterable[Case]) -> dict[int, str]:
    """What those of the cases that are deleted were called last, by their key. At most one query,
    which reads the forms of these cases only."""
    keys = [one.id for one in cases if one.deleted]
    if not keys:
        return {}
    found = session.execute(
        select(Case.id, LAST_NAME).where(Case.project_id == project_id, Case.id.in_(keys))
    )
    return {key: text for key, text in found if text}
