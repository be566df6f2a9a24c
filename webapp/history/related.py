"""The other versions of a form: what it repeats, what it replaced, what is in force (SPEC S6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from webapp.submissions.models import State, Submission
from webapp.submissions.queries import known_as

#: So many of each kind are listed; a phone may have sent the same form hundreds of times.
LISTED = 20


@dataclass(frozen=True, slots=True)
class Related:
    """The forms that belong together with one. Each list has the newest `LISTED`, newest first."""

    #: What it is a duplicate of, or the version that replaced it.
    of: Submission | None
    duplicates: Sequence[Submission]
    older_versions: Sequence[Submission]
    #: Others that have, or asked for, the id that this one has or asked for.
    namesakes: Sequence[Submission]

    def __bool__(self) -> bool:
        return bool(self.of or self.duplicates or self.older_versions or self.namesakes)


def related(session: Session, submission: Submission) -> Related:
    """Find them. At most four queries."""
    in_project = Submission.project_id == submission.project_id
    of = None
    if submission.of is not None:
        of = next(iter(_newest(session, in_project, Submission.id == submission.of)), None)
    points_here = Submission.of == submission.id
    ids = [one for one in (submission.submission_id, submission.asked_id) if one is not None]
    return Related(
        of,
        _newest(session, in_project, points_here, Submission.state == State.DUPLICATE),
        _newest(session, in_project, points_here, Submission.state != State.DUPLICATE),
        _newest(
            session,
            known_as(submission.project_id, ids),
            Submission.id.not_in([submission.id, submission.of or 0]),
            or_(Submission.of.is_(None), ~points_here),
        ),
    )


def _newest(session: Session, *which: ColumnElement[bool]) -> list[Submission]:
    return list(
        session.scalars(
            select(Submission)
            .where(*which)
            # A sum, or SQLite would read all forms of the project because an index has that order.
            .order_by((Submission.received_on + 0).desc())
            .limit(LISTED)
        )
    )


def by_ids(session: Session, project_id: int, ids: Sequence[str]) -> list[Submission]:
    """The submissions with these ids, in this order. One query."""
    found = session.scalars(
        select(Submission).where(
            Submission.project_id == project_id, Submission.submission_id.in_(ids)
        )
    )
    by_id = {one.submission_id: one for one in found}
    return [by_id[one] for one in ids if one in by_id]
