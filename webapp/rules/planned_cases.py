"""The cases that a held run would change, as they are now: the list that a person has in front of
them before they decide (SPEC R22)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import OPEN, Case
from webapp.joins import row_of
from webapp.rules.apply_cases import changed_rows, effects_of_row
from webapp.rules.changes import CaseChange, case_change
from webapp.rules.compile import condition
from webapp.rules.family import Family
from webapp.rules.models import RunCase
from webapp.rules.orders import Orders
from webapp.rules.plan import LeftOut, rows_from
from webapp.rules.view import load, paths_read, paths_written


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """A row of a plan: its place, what would be written, and why the case would be left out
    instead, if it would: it no longer matches, or (`failed`) cannot be changed."""

    place: int
    change: CaseChange
    left_out: str | None = None
    failed: bool = False

    @property
    def stays(self) -> bool:
        """Whether it matches, and is as wanted already."""
        return self.left_out is None and not (self.change.changes or self.change.closes)


def planned_cases(session: Session, orders: Orders, first: int, end: int) -> list[PlannedCase]:
    """The rows of the places from `first` to before `end`, in order, by the steps that a run takes:
    the values to copy are those of the plan, and what was changed since is looked at again.

    Each row by itself, while a run does one after the other: of two cases that write to one parent
    the later one finds there what the first has written. A few queries a thousand cases.
    """
    rows = rows_from(session, orders, first, end)
    paths = paths_read(orders.definition) | paths_written(orders.definition)
    cases = load(session, orders.project_id, [row.key for row in rows], paths)
    again = changed_rows(session, orders, rows, cases)
    found = []
    for row in rows:
        effects = effects_of_row(orders, row, cases, again)
        if isinstance(effects, LeftOut):
            change = case_change(cases, row.key, ())
            found.append(PlannedCase(row.place, change, effects.reason, effects.failed))
        else:
            found.append(PlannedCase(row.place, case_change(cases, row.key, effects)))
    return found


@dataclass(frozen=True, slots=True)
class ChangedInPlan:
    """How many of the planned cases were changed since, by whatever, and how many of these no
    longer match."""

    changed: int
    gone: int


def changed_in_plan(session: Session, orders: Orders) -> ChangedInPlan:
    """Count them as they are now. One query over the plan."""
    family, definition = Family(orders.project_id), orders.definition
    matches = and_(
        Case.type == definition.case_type, *OPEN, condition(family, definition, orders.moment)
    )
    rows = (
        # Beside the count and not among the conditions, which would give PostgreSQL ideas.
        select(func.count(), func.sum(case((matches, 1), else_=0)))
        .select_from(RunCase)
        .join(Case, row_of(Case, RunCase.case, RunCase.project_id))
        .where(
            RunCase.project_id == orders.project_id,
            RunCase.run == orders.run_id,
            Case.indexed_on > orders.planned_on,
        )
    )
    changed, still = session.execute(rows).one()
    return ChangedInPlan(changed, changed - int(still or 0))
