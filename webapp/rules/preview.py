"""What a rule would do, exactly, without doing it (SPEC R25). Invariant 3: it is what a run at that
moment does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import inf

from flask_babel import gettext as _
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.errors import TooSlow
from webapp.readers import Readers, may_be_two, readers
from webapp.rules.changes import CaseChange
from webapp.rules.compile import changes, narrowed, of_type
from webapp.rules.counting import BlankStep, Counted, Step, count_cases
from webapp.rules.definition import Definition
from webapp.rules.family import Family, is_among
from webapp.rules.losing import Losing, count_losing
from webapp.rules.moment import Moment
from webapp.rules.one_by_one import changes_one_by_one, copies_of_all
from webapp.rules.rehearse import Totals, rehearse
from webapp.rules.view import load, paths_read, paths_written
from webapp.submissions.snapshot import snapshot
from webapp.time_limit import TimeLimit, time_limit

#: How many cases are shown with what would change.
SHOWN = 10
#: A page may count this long, in seconds; a person at a terminal as long as it takes.
LIMIT_S = 20.0
#: From so many open cases of a type on they are counted by two connections, where that is possible.
LARGE = 50_000
#: So many of the oldest cases are looked at first for those that are shown.
OLDEST = 2000


#: The owners who lose cases are counted by a pass of their own, which may take seven times as long
#: as the one before: where that took longer than this, in seconds, only if somebody asks for it.
QUICK_S = 0.25


class Owners(Enum):
    """Whether to count the owners who lose cases."""

    NO = auto()
    IF_QUICK = auto()
    YES = auto()


#: Something around what is read with connections, which may end it.
Watched = Callable[..., AbstractContextManager[None]]


def unwatched(*_connections: Connection) -> AbstractContextManager[None]:
    """Nothing does."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Preview:
    """The numbers are exact; `cases` are the first that would change, in the order of a run.

    `unreadable` counts, for criteria that compare dates or numbers, the open cases of the type with
    a value that is none; `blanks` those with no value at all. `losing` is None for a rule that
    takes no case from its owner, and where that was not counted.
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
    blanks: tuple[BlankStep, ...] = ()
    losing: Losing | None = None
    cases: tuple[CaseChange, ...] = ()

    @property
    def would(self) -> dict[str, int]:
        """What is kept with a run (`Run.would`)."""
        return {
            "changed": self.would_change,
            "closed": self.would_close,
            "related_updates": self.related_updates,
            "submissions": self.submissions,
            "errors": self.errors,
        }

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
    owners: Owners = Owners.NO,
    watched: Watched = unwatched,
) -> Preview:
    """Look at all open cases of the rule's type; writes nothing.

    All numbers are of one state: the session's transaction is ended, and a snapshot begun. Raises
    `TooSlow` when it takes longer than `limit_s` seconds in all (None: no limit), or `watched`,
    inside of which it looks, ends it.
    """
    snapshot(session)
    with time_limit(session, limit_s, too_slow(limit_s)) as limit:
        began = time.monotonic()
        two = may_be_two(session) and _is_large(session, project_id, definition)
        if two:
            snapshot(session)  # for both must begin together
        with readers(session, limit, two=two) as both, watched(*both.connections):
            counted = count_cases(both, project_id, definition, moment)
        quick = time.monotonic() - began < QUICK_S
        with watched(session.connection()):
            found = _look(
                session, project_id, definition, moment, counted, shown=shown, limit=limit
            )
        if owners is Owners.NO or (owners is Owners.IF_QUICK and not quick) or found.losing:
            return found
        lost = _losing(session, project_id, definition, moment, limit=limit, watched=watched)
        return replace(found, losing=lost)


def _is_large(session: Session, project_id: int, definition: Definition) -> bool:
    """Whether there are so many cases that counting them is worth a second thread. One query."""
    rows = of_type(Family(project_id).select(Case.id), definition.case_type)
    return session.scalars(rows.order_by(Case.id).offset(LARGE).limit(1)).first() is not None


def preview_in_snapshot(
    session: Session, project_id: int, definition: Definition, moment: Moment, *, shown: int = SHOWN
) -> Preview:
    """The same in a snapshot that was begun, which goes on; as long as it takes."""
    limit = TimeLimit(session, inf, "")
    counted = count_cases(Readers(session, limit), project_id, definition, moment)
    return _look(session, project_id, definition, moment, counted, shown=shown, limit=limit)


def _look(
    session: Session,
    project_id: int,
    definition: Definition,
    moment: Moment,
    counted: Counted,
    *,
    shown: int,
    limit: TimeLimit,
) -> Preview:
    """A few queries for the cases that are shown. Most rules that write to related cases are
    rehearsed case by case, for what one case does to its parent decides what is left to do for the
    next."""
    limit.renew()
    keys: Sequence[int]
    if counted.related is None:
        totals, keys = rehearse(session, project_id, definition, moment, limit=limit, shown=shown)
    else:
        totals = _totals(definition, counted, counted.related)
        keys = _first(session, project_id, definition, moment, min(shown, totals.changed))
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
        blanks=counted.blanks,
        losing=totals.losing,
        cases=tuple(_changes_of(session, project_id, definition, keys)),
    )


def _losing(
    session: Session,
    project_id: int,
    definition: Definition,
    moment: Moment,
    *,
    limit: TimeLimit,
    watched: Watched,
) -> Losing | None:
    """Whose cases are lost, where there is time for it: what was counted before is worth having
    without. Last of all, for a transaction that took too long is at its end."""
    try:
        with time_limit(session, limit.left, ""), watched(session.connection()):
            return count_losing(session, project_id, definition, moment)
    except TooSlow:
        return None


def _totals(definition: Definition, counted: Counted, related: int) -> Totals:
    """The numbers of a rule that need not be rehearsed, `related` being the forms about cases other
    than those that match."""
    closed = counted.changed if definition.closes else 0
    forms = counted.changed + related
    return Totals(counted.changed, closed, related, forms, counted.errors)


def _first(
    session: Session, project_id: int, definition: Definition, moment: Moment, count: int
) -> list[int]:
    """The keys of the first `count` cases that would change, by a rule that is not rehearsed.

    They are often among the oldest of all, which are found in no time; else one query over all.
    """
    if not count:
        return []
    family = Family(project_id)
    in_order = (Case.server_modified_on, Case.id)
    oldest = session.scalars(family.select(Case.id).order_by(*in_order).limit(OLDEST)).all()
    # Not by the index that has this order: it leads through all closed cases too, one by one.
    rows = family.select(Case.id).order_by(Case.server_modified_on + 0, Case.id).limit(count)
    rows = narrowed(rows.where(changes(family, definition)), family, definition, moment)
    keys = list(session.scalars(rows.where(is_among(session)), {"keys": oldest}))
    return keys if len(keys) == count else list(session.scalars(rows))


def _changes_of(
    session: Session, project_id: int, definition: Definition, keys: Sequence[int]
) -> list[CaseChange]:
    """What would change of the first cases that would: those between them write nothing, so each
    finds what these have left."""
    cases = load(session, project_id, keys, paths_read(definition) | paths_written(definition))
    copies = copies_of_all(definition, cases, keys)
    return changes_one_by_one(definition, cases, keys, copies)


def too_slow(limit_s: float | None) -> str:
    """What is said of a rule that takes longer."""
    return str(
        _(
            "This is too slow to count: after %(seconds)s seconds it was given up. Conditions on"
            " related cases take longest. A run has no such limit, and can be undone.",
            seconds=f"{limit_s or 0:g}",
        )
    )
