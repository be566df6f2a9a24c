"""A project at a glance, for its home (SPEC U1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import OPEN, Case
from webapp.clock import Micros
from webapp.history.calendar import Calendar
from webapp.submissions.models import State, Submission

#: So many case types, and so many of the newest forms, are shown.
SHOWN_TYPES = 12
SHOWN_FORMS = 8


@dataclass(frozen=True, slots=True)
class Glance:
    """Numbers of now. `errors` and `unparsed` are of the last 7 days, else a form that nobody can
    mend would ask for attention for ever; the `old_` ones came before, on `old_until` at the
    latest. `types` has the open cases by type, most first."""

    today: int
    week: int
    errors: int
    unparsed: int
    old_errors: int
    old_unparsed: int
    old_until: date
    open_cases: int
    types: Sequence[tuple[str, int]]
    newest: Sequence[Submission]

    @property
    def first_use(self) -> bool:
        """Whether nothing has ever come."""
        return not self.newest


def glance(session: Session, project_id: int, calendar: Calendar) -> Glance:
    """Look. Five queries, each on an index."""
    today = calendar.starts(calendar.today)
    week = calendar.starts(calendar.today - timedelta(days=6))

    def since(instant: Micros) -> int:
        return _count(
            session,
            Submission.project_id == project_id,
            Submission.received_on >= instant,
            Submission.state != State.DEPRECATED,
        )

    types = [
        (kind, number)
        for kind, number in session.execute(
            select(Case.type, func.count())
            .where(Case.project_id == project_id, *OPEN)
            .group_by(Case.type)
            .order_by(func.count().desc(), Case.type)
        )
    ]
    states = {
        state: (late, number - late)
        for state, number, late in session.execute(
            select(
                Submission.state,
                func.count(),
                func.count(case((Submission.received_on >= week, 1))),
            )
            .where(
                Submission.project_id == project_id,
                Submission.state.in_((State.ERROR, State.UNPARSED)),
            )
            .group_by(Submission.state)
        )
    }
    errors, old_errors = states.get(State.ERROR, (0, 0))
    unparsed, old_unparsed = states.get(State.UNPARSED, (0, 0))
    newest = session.scalars(
        select(Submission)
        .where(Submission.project_id == project_id)
        .order_by(Submission.received_on.desc())
        .limit(SHOWN_FORMS)
    ).all()
    return Glance(
        today=since(today),
        week=since(week),
        errors=errors,
        unparsed=unparsed,
        old_errors=old_errors,
        old_unparsed=old_unparsed,
        old_until=calendar.today - timedelta(days=7),
        open_cases=sum(number for _, number in types),
        types=types[:SHOWN_TYPES],
        newest=newest,
    )


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(Submission).where(*conditions)) or 0
