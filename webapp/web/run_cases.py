"""The cases that a run would change, for its page and as CSV: of a held run its plan as it is now,
of one that only looked what it found then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.errors import Refused
from webapp.rules.models import Run, RunState
from webapp.rules.orders import orders_of
from webapp.rules.planned_cases import PlannedCase, planned_cases
from webapp.rules.runs import get_run
from webapp.rules.watch import KEPT, watched_cases

#: Cases on one page of the list, and cases that are read at once for a file.
SHOWN, READ = 50, 500


@dataclass(frozen=True, slots=True)
class CasesPage:
    """Some of a list of `total` cases: those from the place `first` on, counted from 0."""

    rows: Sequence[PlannedCase]
    first: int
    total: int
    #: Which page it is, of how many.
    page: int
    pages: int


def has_cases(run: Run) -> bool:
    """Whether a run has such a list now: it waits for a decision, or only looked."""
    return run.state is RunState.HELD or (run.watching and run.state is RunState.FINISHED)


def cases_page(session: Session, run: Run, asked: str) -> CasesPage:
    """The page that was asked for, or the one that is nearest to it. A few queries."""
    total = _total(run)
    pages = max(1, -(-total // SHOWN))
    wanted = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 8 else 1
    page = max(1, min(wanted, pages))
    first = (page - 1) * SHOWN
    return CasesPage(_read(session, run, first, first + SHOWN), first, total, page, pages)


def all_cases(session: Session, project_id: int, run_id: int) -> Iterator[PlannedCase]:
    """All cases of the list, some hundred at a time, each in a transaction of its own: whoever
    reads slowly keeps nobody waiting. Raises `Refused` where the run has no such list, also when
    somebody decides meanwhile."""
    place, total = 0, 1
    while place < total:
        run = get_run(session, project_id, run_id)
        if not has_cases(run):
            raise Refused(_("This run has no list of cases: it was decided."))
        total = _total(run)
        rows = _read(session, run, place, min(place + READ, total))
        session.rollback()
        yield from rows
        place += READ


def _total(run: Run) -> int:
    """How long the list is: the first cases are kept of a run that only looked."""
    return min(run.would_change or 0, KEPT) if run.watching else run.matched


def _read(session: Session, run: Run, first: int, end: int) -> list[PlannedCase]:
    if not run.watching:
        return planned_cases(session, orders_of(session, run), first, end)
    return [
        PlannedCase(place, change)
        for place, change in watched_cases(session, run, after=first - 1, limit=end - first)
    ]
