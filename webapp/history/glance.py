"""A project at a glance, for its home (SPEC U1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.clock import Micros
from webapp.history.calendar import Calendar
from webapp.submissions.models import State, Submission

#: So many case types, and so many of the newest forms, are shown.
SHOWN_TYPES = 12
SHOWN_FORMS = 8


@dataclass(frozen=True, slots=True)
class Glance:
    """Numbers of now. `types` has the open cases by type, most first."""

    today: int
    week: int
    errors: int
    unparsed: int
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
            .where(Case.project_id == project_id, ~Case.closed, ~Case.deleted)
            .group_by(Case.type)
            .order_by(func.count().desc(), Case.type)
        )
    ]
    states = dict(
        session.execute(
            select(Submission.state, func.count())
            .where(
                Submission.project_id == project_id,
                Submission.state.in_((State.ERROR, State.UNPARSED)),
            )
            .group_by(Submission.state)
        ).all()
    )
    newest = session.scalars(
        select(Submission)
        .where(Submission.project_id == project_id)
        .order_by(Submission.received_on.desc())
        .limit(SHOWN_FORMS)
    ).all()
    return Glance(
        today=since(today),
        week=since(week),
        errors=states.get(State.ERROR, 0),
        unparsed=states.get(State.UNPARSED, 0),
        open_cases=sum(number for _, number in types),
        types=types[:SHOWN_TYPES],
        newest=newest,
    )


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(Submission).where(*conditions)) or 0
