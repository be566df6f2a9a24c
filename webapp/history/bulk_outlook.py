"""What archiving or restoring a selection would do, said before it is done (SPEC U8).

The forms are gone through once, in the order of the work, with what their cases have beside them:
so the numbers are those of the job, as long as nobody else changes anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import BigInteger, Integer, Select, and_, bindparam, case, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseTransaction
from webapp.cases.store import batches
from webapp.clock import Micros
from webapp.database import find_by_key
from webapp.errors import TooSlow
from webapp.history.last_names import KNOWN_NAME
from webapp.history.models import SelectedForm, Selection
from webapp.history.selections import switched_by
from webapp.submissions.archive import OPENED_CASE, OPENER_ARCHIVED, WHY_NOT
from webapp.submissions.bulk import NOT_ITS_OWN
from webapp.submissions.bulk_guards import Going, left_by_archive, left_by_restore
from webapp.submissions.bulk_sql import array_table, array_value
from webapp.submissions.guards import opened
from webapp.submissions.models import State, Submission
from webapp.submissions.snapshot import snapshot
from webapp.time_limit import TimeLimit, time_limit

#: A page may count this long, in seconds, and this many changes of cases: then it says so.
LIMIT_S = 15.0
MOST_CHANGES = 500_000
#: So many cases are named.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class CaseOutlook:
    """A case by the name that people know, and what becomes of it."""

    case_id: str
    name: str
    type: str
    gone: bool
    back: bool
    reopens: bool
    closes: bool
    keeps_later: bool


@dataclass(frozen=True, slots=True)
class BulkOutlook:
    """`forms` are archived, or restored; those that are left as they are stand in `left`, by the
    sentence why. Of the `cases` that are worked out anew some are `gone` afterwards or `back`
    again; some of the others are open again (`reopen`) or closed again (`close`), and some, also
    among these, keep what later forms wrote. `first` are the first of them in the order of the
    work."""

    forms: int
    left: dict[str, int]
    cases: int
    gone: int
    back: int
    reopen: int
    close: int
    keep_later: int
    first: tuple[CaseOutlook, ...]


@dataclass(slots=True)
class _Beside:
    """What cases have beside the forms that go, by their keys: when the oldest and the newest live
    form was received, when the first archived one that opened it, and which are closed by one."""

    oldest: dict[int, Micros] = field(default_factory=dict)
    newest: dict[int, Micros] = field(default_factory=dict)
    openers: dict[int, Micros] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Effects:
    """The cases that are worked out anew, with when the first of the forms that go was received, in
    the order of the work; those that only such forms are about, those that are open or closed
    again, and those that later forms go on with."""

    touched: dict[int, Micros]
    alone: set[int]
    turned: set[int]
    later: set[int]


def bulk_outlook(
    session: Session, selection: Selection, to: State, *, limit_s: float = LIMIT_S
) -> BulkOutlook:
    """Look ahead without changing anything, in one snapshot: the transaction is ended. Raises
    `TooSlow`. Two queries, one over the selection, and one for each thousand cases."""
    project_id, key = selection.project_id, selection.id
    of_job = switched_by(session, selection.of_job)
    archives = to is State.ARCHIVED
    says = _("What would change takes too long to count.")
    snapshot(session)
    with time_limit(session, limit_s, says) as limit:
        find_by_key(session)
        found = {"project": project_id, "selection": key}
        forms, closing, left = _going(session, found, to, of_job, says)
        keys = sorted({touched for form in forms for touched, _opened in form.cases})
        beside = _beside(session, found, keys, limit, archives=archives)
        if archives:
            blocked, why = left_by_archive(forms, beside.newest), OPENED_CASE
            for form in blocked:
                beside.closed |= closing.get(form, set())
        else:
            blocked, why = left_by_restore(forms, beside.oldest, beside.openers), OPENER_ARCHIVED
        if blocked:
            left[why] = len(blocked)
        effects = _effects(forms, blocked, closing, beside)
        limit.renew()
        return BulkOutlook(
            forms=len(forms) - len(blocked),
            left=left,
            cases=len(effects.touched),
            gone=len(effects.alone) if archives else 0,
            back=0 if archives else len(effects.alone),
            reopen=len(effects.turned) if archives else 0,
            close=0 if archives else len(effects.turned),
            keep_later=len(effects.later),
            first=_first(session, project_id, effects, archives=archives),
        )


def _going(
    session: Session, found: dict[str, int], to: State, of_job: int | None, says: str
) -> tuple[list[Going], dict[int, set[int]], dict[str, int]]:
    """The forms that can be switched by their state, in the order of the work; by form, the cases
    that it closes; and how many forms cannot, by the sentence why: as they are in another state, or
    not any more as the job left them that is to be taken back."""
    wanted = State.NORMAL if to is State.ARCHIVED else State.ARCHIVED
    # Past the session, which would take twice as long.
    rows = session.connection().execute(_STEPS[to], found).all()
    if len(rows) > MOST_CHANGES:
        raise TooSlow(says)
    forms: list[Going] = []
    closing: dict[int, set[int]] = defaultdict(set)
    left: dict[str, int] = defaultdict(int)
    last = 0
    cases: list[tuple[int, bool]] = []
    for form, received_on, state, done_by, touched, was_opened, closes in rows:
        if form != last:
            last, cases = form, []
            if state != wanted:
                left[WHY_NOT[state]] += 1
            elif of_job is not None and done_by != of_job:
                left[NOT_ITS_OWN[to]] += 1
            else:
                forms.append(Going(form, received_on, cases))
        if touched is not None:
            cases.append((touched, bool(was_opened)))
            if closes:
                closing[form].add(touched)
    return forms, closing, dict(left)


def _beside(
    session: Session,
    found: dict[str, int],
    cases: Sequence[int],
    limit: TimeLimit,
    *,
    archives: bool,
) -> _Beside:
    arrays = session.get_bind().dialect.name == "postgresql"
    statement = _of_cases(arrays, archives)
    beside = _Beside()
    for some in batches(cases):
        limit.renew()
        values = {**found, "cases": array_value(some, arrays=arrays)}
        rows = session.connection().execute(statement, values)
        for key, oldest, newest, opener, closed in rows:
            if oldest is not None:
                beside.oldest[key], beside.newest[key] = oldest, newest
            if opener is not None:
                beside.openers[key] = opener
            if closed:
                beside.closed.add(key)
    return beside


def _effects(
    forms: Sequence[Going], blocked: set[int], closing: dict[int, set[int]], beside: _Beside
) -> _Effects:
    """What becomes of the cases of those forms that are not blocked."""
    touched: dict[int, Micros] = {}
    closes: set[int] = set()
    for form in forms:
        if form.form not in blocked:
            for one, _opened in form.cases:
                touched[one] = min(touched.get(one, form.received_on), form.received_on)
            closes |= closing.get(form.form, set())
    alone = touched.keys() - beside.newest.keys()
    return _Effects(
        touched,
        alone,
        turned=closes - beside.closed - alone,
        later={one for one, at in touched.items() if beside.newest.get(one, 0) > at},
    )


def _first(
    session: Session, project_id: int, effects: _Effects, *, archives: bool
) -> tuple[CaseOutlook, ...]:
    keys = list(effects.touched)[:SHOWN]
    rows = session.execute(
        select(Case.id, Case.case_id, KNOWN_NAME, Case.type).where(
            Case.project_id == project_id, Case.id.in_(keys)
        )
    )
    named = {key: (case_id, name, kind) for key, case_id, name, kind in rows}
    return tuple(
        CaseOutlook(
            *named[key],
            gone=archives and key in effects.alone,
            back=not archives and key in effects.alone,
            reopens=archives and key in effects.turned,
            closes=not archives and key in effects.turned,
            keeps_later=key in effects.later,
        )
        for key in keys
    )


_PROJECT = bindparam("project", type_=Integer())
_SELECTION = bindparam("selection", type_=Integer())
_SELECTED = and_(SelectedForm.project_id == _PROJECT, SelectedForm.selection == _SELECTION)
#: Found by its key: the sum keeps indexes that begin with the project out of it. Outer joins,
#: because SQLite puts other tables into any order.
_IS_SELECTED = and_(Submission.id == SelectedForm.submission, Submission.project_id + 0 == _PROJECT)


def _steps(to: State) -> Select[Any]:
    """The selected forms, and what they did to cases: a row for each case, or one without."""
    archives = to is State.ARCHIVED
    place = Submission.received_on
    return (
        select(Submission.id, place, Submission.state)
        .add_columns(Submission.restored_by if archives else Submission.archived_by)
        .add_columns(CaseTransaction.case, opened(CaseTransaction), _CLOSES)
        .select_from(SelectedForm)
        .join(Submission, _IS_SELECTED, isouter=True)
        .join(
            CaseTransaction,
            and_(
                CaseTransaction.project_id == _PROJECT,
                CaseTransaction.submission == SelectedForm.submission,
            ),
            isouter=True,
        )
        .where(_SELECTED)
        .order_by(place.desc() if archives else place)
        .limit(MOST_CHANGES + 1)
    )


_CLOSES = CaseTransaction.change["closes"].as_boolean().is_(True)
_STEPS = {to: _steps(to) for to in (State.ARCHIVED, State.NORMAL)}


@cache
def _of_cases(arrays: bool, archives: bool) -> Select[Any]:
    """What `_Beside` tells of `cases`. When forms are to be archived, the selected ones are not
    counted as live.

    Outer joins and nothing behind them, and a query of its own for the selection: so there is one
    order only in which PostgreSQL can do it, by keys, whatever it believes about its tables.
    """
    given = array_table("cases", BigInteger(), arrays=arrays)
    live = Submission.state == State.NORMAL
    if archives:
        selected = select(SelectedForm.submission).where(
            _SELECTED, SelectedForm.submission == Submission.id
        )
        live = and_(live, selected.scalar_subquery().is_(None))
    opens = and_(Submission.state == State.ARCHIVED, opened(CaseTransaction))
    columns: list[Any] = [
        given.c.value,
        func.min(case((live, Submission.received_on))),
        func.max(case((live, Submission.received_on))),
        func.min(case((opens, Submission.received_on))),
        func.max(case((and_(live, _CLOSES), 1), else_=0)),
    ]
    return (
        select(*columns)
        .select_from(given)
        .join(
            CaseTransaction,
            and_(CaseTransaction.project_id == _PROJECT, CaseTransaction.case == given.c.value),
            isouter=True,
        )
        .join(
            Submission,
            and_(
                Submission.id == CaseTransaction.submission,
                Submission.project_id + 0 == _PROJECT,
            ),
            isouter=True,
        )
        .group_by(given.c.value)
    )
