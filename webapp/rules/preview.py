"""What a rule would do, exactly, without doing it (SPEC R25). Invariant 3: it is what a run at that
moment does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.rules.changes import CaseChange, case_change
from webapp.rules.compile import can_fail, changes, fails, funnel, narrowed, of_type, unreadable
from webapp.rules.definition import Criterion, Definition, Match
from webapp.rules.effect import copies_of, effects
from webapp.rules.family import Family
from webapp.rules.moment import Moment
from webapp.rules.rehearse import Totals, rehearse
from webapp.rules.view import load, paths_read, paths_written

#: How many cases are shown with what would change.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Step:
    """A criterion: how many cases are left after it (`all`), or fulfil it (`any`)."""

    criterion: Criterion
    cases: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The numbers are exact; `cases` are the first that would change, in the order of a run.

    `unreadable` counts, for criteria that compare dates or numbers, the open cases of the type with
    a value that is none.
    """

    moment: Moment
    open_cases: int = 0
    matched: int = 0
    would_change: int = 0
    would_close: int = 0
    related_updates: int = 0
    submissions: int = 0
    errors: int = 0
    funnel: tuple[Step, ...] = ()
    unreadable: tuple[Step, ...] = ()
    cases: tuple[CaseChange, ...] = ()

    @property
    def unchanged(self) -> int:
        """How many cases match and are as wanted already."""
        return self.matched - self.would_change - self.errors


def preview(
    session: Session, project_id: int, definition: Definition, moment: Moment, *, shown: int = SHOWN
) -> Preview:
    """Look at all open cases of the rule's type; writes nothing.

    One query over them for the counts, one over those that match, and a few for the cases that are
    shown. A rule that writes to related cases is rehearsed case by case, for what one case does to
    its parent decides what is left to do for the next.
    """
    counted = _count(session, project_id, definition, moment)
    if definition.touches_others:
        totals, first = rehearse(session, project_id, definition, moment, shown=shown)
    else:
        totals = _totals(session, project_id, definition, moment, counted.matched)
        first = _first(session, project_id, definition, moment, shown)
    return Preview(
        moment,
        open_cases=counted.open_cases,
        matched=counted.matched,
        would_change=totals.changed,
        would_close=totals.closed,
        related_updates=totals.related_updates,
        submissions=totals.submissions,
        errors=totals.errors,
        funnel=counted.funnel,
        unreadable=counted.unreadable,
        cases=tuple(first),
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    open_cases: int
    matched: int
    funnel: tuple[Step, ...]
    unreadable: tuple[Step, ...]


def _count(session: Session, project_id: int, definition: Definition, moment: Moment) -> _Counted:
    """One pass over the open cases of the type."""
    family = Family(project_id)
    levels = funnel(family, definition, moment)
    checks = [(one, unreadable(family, one)) for one in definition.criteria]
    bad = [(one, check) for one, check in checks if check is not None]
    sums: list[Any] = [func.sum(case((check, 1), else_=0)) for _one, check in bad]
    if definition.match is Match.ANY:
        hit = case((sum(levels[1:], levels[0]) > 0, 1), else_=0)
        columns = [func.sum(hit), *map(func.sum, levels)]
        rows = of_type(family.select(func.count(), *columns, *sums), definition.case_type)
        total, matched, *rest = (value or 0 for value in session.execute(rows).one())
        steps = rest[: len(levels)]
        unread = rest[len(levels) :]
    else:
        inner = of_type(
            family.select(
                levels[0].label("level"),
                *(
                    case((check, 1), else_=0).label(f"bad{number}")
                    for number, (_one, check) in enumerate(bad)
                ),
            ),
            definition.case_type,
        ).subquery()
        by_level = session.execute(
            select(
                inner.c.level,
                func.count(),
                *(func.sum(inner.c[f"bad{number}"]) for number in range(len(bad))),
            ).group_by(inner.c.level)
        ).all()
        total = sum(row[1] for row in by_level)
        steps = [
            sum(row[1] for row in by_level if row[0] > number)
            for number in range(len(definition.criteria))
        ]
        matched = steps[-1] if steps else total
        unread = [sum(row[2 + number] for row in by_level) for number in range(len(bad))]
    return _Counted(
        total,
        matched,
        tuple(map(Step, definition.criteria, steps)),
        tuple(Step(one, count) for (one, _check), count in zip(bad, unread, strict=True)),
    )


def _totals(
    session: Session, project_id: int, definition: Definition, moment: Moment, matched: int
) -> Totals:
    """The numbers of a rule that writes to no case but the one that matches: at most one query."""
    if definition.closes and not can_fail(definition):
        return Totals(matched, matched, 0, matched, 0)
    family = Family(project_id)
    sums = [
        func.sum(case((condition, 1), else_=0))
        for condition in (changes(family, definition), fails(family, definition))
    ]
    rows = narrowed(family.select(*sums), family, definition, moment)
    changing, failing = (number or 0 for number in session.execute(rows).one())
    return Totals(changing, changing if definition.closes else 0, 0, changing, failing)


def _first(
    session: Session, project_id: int, definition: Definition, moment: Moment, shown: int
) -> list[CaseChange]:
    family = Family(project_id)
    rows = narrowed(
        family.select(Case.id).where(changes(family, definition)), family, definition, moment
    )
    keys = list(session.scalars(rows.order_by(Case.server_modified_on, Case.id).limit(shown)))
    cases = load(session, project_id, keys, paths_read(definition) | paths_written(definition))
    return [
        case_change(cases, key, effects(definition, cases, key, copies_of(definition, cases, key)))
        for key in keys
    ]
