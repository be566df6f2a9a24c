"""What archiving a form would do, said before it is done (SPEC U8)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from webapp.cases.models import Case, CaseTransaction
from webapp.joins import row_of, same_project
from webapp.submissions.guards import cases_with_later, in_the_way_of_archive
from webapp.submissions.models import State, Submission


@dataclass(frozen=True, slots=True)
class Outlook:
    """Counts of cases. One that reopens may also keep what later forms wrote; none of the two
    disappears."""

    cases: int
    #: No other live form is left: they are marked as deleted, and come back on restore.
    disappear: int
    #: Closed now, and no other live form closes them.
    reopen: int
    #: Later forms touched them, and what those wrote stays.
    keep_later: int
    #: Ids of the forms that must be archived first, newest first. If any, nothing can be done.
    in_the_way: tuple[str, ...]

    @property
    def stay(self) -> int:
        """Cases that other live forms are left for: they are worked out anew."""
        return self.cases - self.disappear


def archive_outlook(session: Session, submission: Submission) -> Outlook:
    """Look ahead without changing anything. Five queries; grows with the cases that it touched."""

    def count(*which: ColumnElement[bool]) -> int:
        statement = (
            select(func.count())
            .select_from(_mine)
            .join(Case, row_of(Case, _mine.case, _mine.project_id))
            .where(_mine.project_id == submission.project_id, _mine.submission == submission.id)
            .where(*which)
        )
        return session.scalar(statement) or 0

    return Outlook(
        cases=count(),
        disappear=count(~_other_live()),
        reopen=count(
            Case.closed.is_(True),
            _closes(_mine),
            _other_live(),
            ~_other_live(_closes(_theirs)),
        ),
        keep_later=len(cases_with_later(session, submission)),
        in_the_way=in_the_way_of_archive(session, submission),
    )


_mine, _theirs = aliased(CaseTransaction), aliased(CaseTransaction)
_other = aliased(Submission)


def _other_live(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether another live form touched the case (in this way)."""
    return exists(
        select(_theirs.id)
        .join(
            _other,
            row_of(_other, _theirs.submission, _theirs.project_id),
        )
        .where(
            same_project(_theirs, _mine),
            _theirs.case == _mine.case,
            _theirs.submission != _mine.submission,
            _other.state == State.NORMAL,
            *which,
        )
        .correlate(_mine)
    )


def _closes(transaction: type[CaseTransaction]) -> ColumnElement[bool]:
    closes: ColumnElement[bool] = transaction.change["closes"].as_boolean()
    return closes.is_(True)
