"""What a rule would do, exactly, without doing it (SPEC R25). Invariant 3: it is what a run at that
moment does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from webapp.cases.apply import CaseState
from webapp.cases.models import Case
from webapp.rules.changes import CaseChange, case_change
from webapp.rules.compile import can_fail, changes, fails, funnel, narrowed, of_type, unreadable
from webapp.rules.definition import Criterion, Definition, Match
from webapp.rules.effect import Effect, copies_of, effects
from webapp.rules.family import Family
from webapp.rules.moment import Moment
from webapp.rules.rehearse import Totals, rehearse
from webapp.rules.view import Cases, Known, load, paths_read, paths_written
from webapp.submissions.snapshot import snapshot, snapshot_beside
from webapp.time_limit import TimeLimit, time_limit

#: How many cases are shown with what would change.
SHOWN = 10
#: A page may count this long, in seconds; a person at a terminal as long as it takes.
LIMIT_S = 20.0


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
    session: Session,
    project_id: int,
    definition: Definition,
    moment: Moment,
    *,
    shown: int = SHOWN,
    limit_s: float | None = LIMIT_S,
) -> Preview:
    """Look at all open cases of the rule's type; writes nothing.

    All numbers are of one state: the session's transaction is ended, and a snapshot begun. Raises
    `TooSlow` when it takes longer than `limit_s` seconds in all (None: no limit).
    """
    snapshot(session)
    with time_limit(session, limit_s, _too_slow(limit_s)) as limit:
        return _look(session, project_id, definition, moment, shown=shown, limit=limit)


def preview_beside(
    session: Session, project_id: int, definition: Definition, moment: Moment, *, shown: int = SHOWN
) -> Preview:
    """The same for a transaction that is writing, which goes on; as long as it takes."""
    with snapshot_beside(session) as reading:
        limit = TimeLimit(reading, inf, "")
        return _look(reading, project_id, definition, moment, shown=shown, limit=limit)


def _look(
    session: Session,
    project_id: int,
    definition: Definition,
    moment: Moment,
    *,
    shown: int,
    limit: TimeLimit,
) -> Preview:
    """One query over the open cases for the counts, one over those that match, and a few for the
    cases that are shown. A rule that writes to related cases is rehearsed case by case, for what
    one case does to its parent decides what is left to do for the next."""
    counted = _count(session, project_id, definition, moment)
    limit.renew()
    if definition.touches_others:
        totals, keys = rehearse(session, project_id, definition, moment, limit=limit, shown=shown)
    else:
        totals = _totals(session, project_id, definition, moment, counted.matched)
        limit.renew()
        keys = _first(session, project_id, definition, moment, shown)
    limit.renew()
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
        cases=tuple(_changes_of(session, project_id, definition, keys)),
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
) -> list[int]:
    """The keys of the first cases that would change, by a rule that writes to no others."""
    family = Family(project_id)
    rows = narrowed(
        family.select(Case.id).where(changes(family, definition)), family, definition, moment
    )
    in_order = rows.order_by(Case.server_modified_on, Case.id).limit(shown)
    return list(session.scalars(in_order))


def _changes_of(
    session: Session, project_id: int, definition: Definition, keys: Sequence[int]
) -> list[CaseChange]:
    """What would change of the first cases that would: those between them write nothing, so each
    finds what these have left."""
    cases = load(session, project_id, keys, paths_read(definition) | paths_written(definition))
    # Values to copy are those of the start, whatever the run has done since (R18).
    copies = {key: copies_of(definition, cases, key) for key in keys}
    found = []
    for key in keys:
        done = effects(definition, cases, key, copies[key])
        found.append(case_change(cases, key, done))
        for effect in done:
            cases.known[effect.key] = _after(cases, effect)
    return found


def _after(cases: Cases, effect: Effect) -> Known:
    known = cases.known[effect.key]
    state: CaseState = replace(
        known.state,
        **effect.given,  # type: ignore[arg-type]  # the names of attributes that are texts
        properties={**known.state.properties, **effect.properties},
        closed=known.state.closed or effect.closes,
    )
    return replace(known, state=state)


def _too_slow(limit_s: float | None) -> str:
    return str(
        _(
            "This is too slow to count: after %(seconds)s seconds it was given up. Conditions on"
            " related cases take longest. A run has no such limit, and can be undone.",
            seconds=f"{limit_s or 0:g}",
        )
    )
