"""What a run is planned from: the cases that match, and the numbers by which it may have to wait
for a person, all of one state (SPEC R18, R22, R28).

Where there are many cases that takes long to read and to write. So nothing is locked meanwhile, and
nothing counts until the run is planned: what is written by then is dropped by the next look.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.rules.brake import brake_of_run
from webapp.rules.changes import CaseChange
from webapp.rules.compile import of_type
from webapp.rules.family import Family
from webapp.rules.matches import Matches
from webapp.rules.models import Rule, Run
from webapp.rules.orders import Orders, orders_of
from webapp.rules.plan import drop_some, next_place
from webapp.rules.preview import Preview, preview_in_snapshot
from webapp.rules.runs import rule_of
from webapp.rules.watch import KEPT, only_looks

#: Rows of a plan that are written in one transaction: some hundredths of a second.
PIECE = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """`matches` is the plan, and empty for a run that only looks (`watching`): of that, `cases` are
    the first with what it would do. `would` is counted where it only looks, or where its brake
    might hold it."""

    watching: bool
    open_cases: int
    matched: int
    matches: Matches
    would: dict[str, int] | None = None
    cases: tuple[CaseChange, ...] = ()


class RunLook:
    """The `webapp.jobs.task.Look` of a run whose tick was taken before: so whatever this does not
    see has a later one, and is looked at again when its turn comes."""

    def __init__(self, project_id: int, run_id: int) -> None:
        self._project_id = project_id
        self._run_id = run_id
        self._empty = False
        self._seen: Seen | None = None

    @property
    def seen(self) -> Seen:
        """What was read."""
        assert self._seen is not None, "it is read before"
        return self._seen

    def suffices(self, session: Session, run: Run, rule: Rule) -> bool:
        """Whether what was read, if it was, answers all that is to be decided, as rule and brake
        are now. At most two queries."""
        seen = self._seen
        if seen is None or (only_looks(run, rule) and not seen.watching):
            return False
        if seen.would is not None:
            return True
        brake = brake_of_run(session, run)
        return brake is None or not brake.holds(seen.matched, seen.open_cases)

    def read(self, session: Session) -> None:
        """Find the cases that match, and count the open ones; and what would change, as far as that
        is asked. Two passes over the open cases of the type, and what a preview costs."""
        run = session.scalars(
            select(Run).where(Run.project_id == self._project_id, Run.id == self._run_id)
        ).one()
        orders = orders_of(session, run)
        matches = Matches(orders)
        if only_looks(run, rule_of(session, run)):
            found = _preview(session, orders, KEPT)
            self._seen = Seen(
                True, found.open_cases, found.matched, matches, found.would, found.cases
            )
            return
        matches.read(session)
        matched, open_cases = len(matches), _open_cases(session, orders)
        brake, would = brake_of_run(session, run), None
        if brake is not None and brake.holds(matched, open_cases):
            would = _preview(session, orders, 0).would
        self._seen = Seen(False, open_cases, matched, matches, would)

    def write(self, session: Session) -> bool:
        """Drop a piece of what an earlier look has left, or write a piece of the plan: all but the
        last, which goes with the decision (`finish`), so that a short one costs no transaction of
        its own."""
        if not self._empty:
            if drop_some(session, self._project_id, self._run_id):
                return True
            self._empty = True
        # As the database has it: the transaction of a piece may have been lost.
        first = next_place(session, self._project_id, self._run_id)
        matches = self.seen.matches
        if len(matches) - first <= PIECE:
            return False
        matches.write(session, first, first + PIECE)
        return True

    def finish(self, session: Session) -> None:
        """Write what is left of the plan."""
        matches = self.seen.matches
        matches.write(session, next_place(session, self._project_id, self._run_id), len(matches))


def _open_cases(session: Session, orders: Orders) -> int:
    rows = Family(orders.project_id).select(func.count())
    return session.scalars(of_type(rows, orders.definition.case_type)).one()


def _preview(session: Session, orders: Orders, shown: int) -> Preview:
    return preview_in_snapshot(
        session, orders.project_id, orders.definition, orders.moment, shown=shown
    )
