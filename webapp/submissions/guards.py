"""What stands in the way of archiving or restoring a form (SPEC A5)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import Session, aliased

from webapp.cases.models import CaseTransaction
from webapp.joins import row_of, same_project
from webapp.submissions.models import State, Submission

_mine = aliased(CaseTransaction)
_theirs = aliased(CaseTransaction)
_other = aliased(Submission)


def cases_with_later(session: Session, submission: Submission) -> set[int]:
    """The keys of the cases that a later live form touched as well. One query."""
    return set(
        session.scalars(
            _others(submission, _theirs.case).where(
                _other.state == State.NORMAL, _other.received_on > submission.received_on
            )
        )
    )


def in_the_way_of_archive(session: Session, submission: Submission) -> tuple[str, ...]:
    """The later live forms, newest first, of the cases that this live form opened. One query."""
    return tuple(
        session.scalars(
            _others(submission, _other.submission_id, _other.received_on, where=opened(_mine))
            .where(_other.state == State.NORMAL, _other.received_on > submission.received_on)
            .order_by(_other.received_on.desc())
        )
    )


def in_the_way_of_restore(session: Session, submission: Submission) -> tuple[str, ...]:
    """The archived forms, oldest first, that opened the cases of this archived form, where no
    live form stands before it. One query.

    A form that itself opened the case when it was last live is never in its own way: so a form
    that was archived can always be restored from the same state (A3).
    """
    first = aliased(Submission)
    firsts = aliased(CaseTransaction)
    still_open = exists(
        select(firsts.id)
        .join(first, row_of(first, firsts.submission, firsts.project_id))
        .where(
            same_project(firsts, _theirs),
            firsts.case == _theirs.case,
            first.state == State.NORMAL,
            first.received_on < submission.received_on,
        )
    )
    return tuple(
        session.scalars(
            _others(submission, _other.submission_id, _other.received_on, where=~opened(_mine))
            .where(
                ~still_open,
                _other.state == State.ARCHIVED,
                _other.received_on < submission.received_on,
                opened(_theirs),
            )
            .order_by(_other.received_on)
        )
    )


def _others(
    submission: Submission, *columns: Any, where: ColumnElement[bool] | None = None
) -> Select[Any]:
    """Transactions of other submissions on the cases of this one, or on those of its transactions
    for which something is true.

    The cases are a list of their own, and the sum keeps indexes of the project out of it: SQLite
    would begin with everything that the project has.
    """
    cases = select(_mine.case).where(
        _mine.project_id == submission.project_id, _mine.submission == submission.id
    )
    if where is not None:
        cases = cases.where(where)
    return (
        select(*columns)
        .select_from(_theirs)
        .join(_other, row_of(_other, _theirs.submission, _theirs.project_id))
        .where(
            _theirs.project_id == submission.project_id,
            _theirs.case.in_(cases),
            _theirs.submission != submission.id,
        )
        .distinct()
    )


def opened(transaction: Any) -> ColumnElement[bool]:
    """Whether the case was not there (deleted) when this transaction was last applied."""
    opened: ColumnElement[bool] = transaction.before["deleted"].as_boolean()
    return opened.is_(True)
