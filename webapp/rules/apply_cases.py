"""Applying a run to the cases of its plan one by one: the general way (SPEC R10–R14, R18, R21).

`webapp.rules.apply_sql` does the same for whole chunks, where a rule is simple enough.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.cases.apply import CaseState, Change, apply, difference
from webapp.cases.store import HeldCase, hold_known_cases, write_cases_at
from webapp.clock import Micros, take_ticks
from webapp.database import find_by_key
from webapp.database_faults import is_busy
from webapp.errors import Busy, Invalid
from webapp.people.kinds import SYSTEM
from webapp.rules.effect import Effect, copies_of, effects
from webapp.rules.explain import matches
from webapp.rules.limits import Allowance, never_whole
from webapp.rules.orders import Orders
from webapp.rules.plan import LeftOut, Row
from webapp.rules.since import changed_since, on_the_way, without_own
from webapp.rules.view import Cases, Known, Places, load, paths_read, paths_written
from webapp.rules.write_forms import Form, write_forms

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Done:
    """What became of some rows of a plan: how many had their turn, the counts of the run (R19), and
    what was left out."""

    rows: int = 0
    changed: int = 0
    closed: int = 0
    related_updates: int = 0
    submissions: int = 0
    unchanged: int = 0
    left_out: list[LeftOut] = field(default_factory=list)

    def __add__(self, other: Done) -> Done:
        return Done(
            self.rows + other.rows,
            self.changed + other.changed,
            self.closed + other.closed,
            self.related_updates + other.related_updates,
            self.submissions + other.submissions,
            self.unchanged + other.unchanged,
            self.left_out + other.left_out,
        )

    def count(self, key: int, effects: Sequence[Effect]) -> None:
        """Count what was done for the case `key`."""
        others = sum(effect.key != key for effect in effects)
        self.rows += 1
        self.changed += bool(effects)
        self.unchanged += not effects
        self.closed += any(effect.closes for effect in effects)
        self.related_updates += others
        self.submissions += len(effects)


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """The keys of rows that are looked at again, and what is looked at: the cases as they would be
    if this run had changed nothing (R18)."""

    keys: frozenset[int]
    cases: Cases


@dataclass(slots=True)
class Chunk:
    """The cases that a chunk may write or reads, locked: what they are now, and which of the rows
    must be looked at again."""

    held: dict[int, HeldCase]
    cases: Cases
    again: ChangedRows


def hold_chunk(session: Session, orders: Orders, rows: Sequence[Row]) -> Chunk:
    """Lock the cases of rows, in the order of their keys, with all that their paths lead to, and
    find what was changed since the plan. A few queries a thousand cases."""
    find_by_key(session)
    keys = [row.key for row in rows]
    paths = paths_read(orders.definition) | paths_written(orders.definition)
    wanted = set(keys)
    if paths:
        wanted |= load(session, orders.project_id, keys, paths).known.keys()
    held: dict[int, HeldCase] = {}
    places = Places(session, orders.project_id)
    cases = Cases({}, places)
    # Again only where an index was changed between the look and the lock. Then the order of locks
    # is broken, and a deadlock, should there be one, is retried.
    while wanted - held.keys():
        more = hold_known_cases(session, orders.project_id, wanted - held.keys())
        held |= {one.key: one for one in more}
        known = {key: Known(one.case_id, one.state) for key, one in held.items()}
        cases = Cases(known, places)
        wanted = {key for row in rows for key in on_the_way(cases, row.key, paths)} | set(keys)
    return Chunk(held, cases, changed_rows(session, orders, rows, cases))


def changed_rows(
    session: Session, orders: Orders, rows: Sequence[Row], cases: Cases
) -> ChangedRows:
    """What is to be looked at again: something else changed, after the plan, what its match was
    based on (R18). Two queries a thousand cases that are known, and a replay of those that the run
    itself changed."""
    read = paths_read(orders.definition)
    changed = changed_since(session, orders, cases.known.keys())
    based_on = {row.key: {row.key, *on_the_way(cases, row.key, read)} for row in rows}
    again = {key: those for key, those in based_on.items() if not changed.isdisjoint(those)}
    seen = without_own(session, orders, cases, set().union(*again.values()))
    return ChangedRows(frozenset(again), seen)


def apply_rows(
    session: Session,
    orders: Orders,
    rows: Sequence[Row],
    chunk: Chunk,
    may: Allowance | None = None,
) -> Done:
    """Apply the rule to rows whose cases are held, in their order; takes the ticks that it needs.
    It ends in front of the first row that needs more forms than it `may` write today; one that
    needs more than any day may bring is left out (R20).

    An error that was not foreseen is found by halving, with savepoints: only the row at fault is
    left out (R21). Raises what means that the database is busy.
    """
    before = dict(chunk.cases.known)
    try:
        with session.begin_nested():
            return _apply(session, orders, rows, chunk, may)
    except Exception as error:
        if isinstance(error, Busy) or is_busy(error):
            raise
        chunk.cases.known = before
        if len(rows) == 1:
            return _at_fault(orders, rows[0], error)
    half = len(rows) // 2
    first = apply_rows(session, orders, rows[:half], chunk, may)
    if first.rows < half:
        return first
    rest = None if may is None else may.without(first.submissions)
    return first + apply_rows(session, orders, rows[half:], chunk, rest)


def _at_fault(orders: Orders, row: Row, error: Exception) -> Done:
    _log.error("run %d: row %d is at fault", orders.run_id, row.place, exc_info=error)
    reason = str(_("Something went wrong in Casekeeper itself, and was written to its log."))
    return Done(rows=1, left_out=[LeftOut(row.place, failed=True, reason=reason)])


def _apply(
    session: Session, orders: Orders, rows: Sequence[Row], chunk: Chunk, may: Allowance | None
) -> Done:
    # More ticks than it may need, because how many shows only while it goes on.
    most = len(rows) * (1 + len(paths_written(orders.definition)))
    first = take_ticks(session, orders.project_id, most)
    done = Done()
    forms: list[Form] = []
    for row in rows:
        found = effects_of_row(orders, row, chunk.cases, chunk.again)
        if isinstance(found, LeftOut):
            done.rows += 1
            done.left_out.append(found)
            continue
        if may is not None and len(found) > may.daily:
            done.rows += 1
            reason = never_whole(len(found), may.daily)
            done.left_out.append(LeftOut(row.place, failed=True, reason=reason))
            continue
        if may is not None and done.submissions + len(found) > may.left:
            break  # a case is done whole or not at all
        done.count(row.key, found)
        forms += _forms(orders, row, found, chunk, first + len(forms))
    write_forms(session, orders, forms)
    last = {form.key: form.tick for form in forms}
    changes = [
        # A copy: should a savepoint be rolled back, what is held is still what was there.
        (replace(chunk.held[key]), chunk.cases.known[key].state, tick)
        for key, tick in sorted(last.items())
    ]
    write_cases_at(session, orders.project_id, changes)
    return done


def effects_of_row(
    orders: Orders, row: Row, cases: Cases, again: ChangedRows
) -> list[Effect] | LeftOut:
    """What is done for a row in its turn, or why it is left out. No queries."""
    definition, values = orders.definition, row.copies
    if row.key in again.keys:
        if not matches(definition, again.cases, row.key, orders.moment):
            reason = _("It was changed after the run was planned, and no longer matches.")
            return LeftOut(row.place, failed=False, reason=str(reason))
        values = copies_of(definition, again.cases, row.key)
    try:
        return effects(definition, cases, row.key, values)
    except Invalid as error:
        return LeftOut(row.place, failed=True, reason=error.message)


def _forms(
    orders: Orders, row: Row, done: Sequence[Effect], chunk: Chunk, tick: Micros
) -> list[Form]:
    """The forms of a row, from a tick on; the cases are then what the forms make of them."""
    forms = []
    part = 0
    for place, effect in enumerate(done):
        known = chunk.cases.known[effect.key]
        change = _change(orders, effect, tick + place)
        after: CaseState = apply(known.state, change)
        chunk.cases.known[effect.key] = replace(known, state=after)
        part = 0 if effect.key == row.key else part + 1
        was: dict[str, Any] = difference(known.state, after)
        forms.append(Form(effect.key, row.place, part, tick + place, change, was))
    return forms


def _change(orders: Orders, effect: Effect, tick: Micros) -> Change:
    return Change(
        user=SYSTEM,
        opener=SYSTEM,
        date_modified=orders.started_on,
        arrived_on=tick,
        owner_if_new=SYSTEM,
        given=effect.given,
        properties=effect.properties,
        closes=effect.closes,
    )
