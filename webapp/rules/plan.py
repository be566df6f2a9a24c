"""Which cases a run changes, and the values that it copies: decided once, at its start (SPEC R18).

The plan is a table, so that it is the same for whoever goes on with the run. It is read in pieces,
in its order, and dropped in pieces at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    any_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    literal_column,
    null,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.rules.compile import copies, narrowed, of_type
from webapp.rules.definition import Copy
from webapp.rules.family import Family
from webapp.rules.models import RunCase
from webapp.rules.orders import Orders
from webapp.time_limit import without_limit

#: Rows of a plan that are dropped in one transaction.
DROPPED = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """A case of a plan: its place, its key, and the values to copy as they were at the start."""

    place: int
    key: int
    copies: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A case of a plan that was not changed, and the sentence why: it no longer matched, or (
    `failed`) it was at fault."""

    place: int
    failed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Planned:
    """The open cases of the rule's type, and how many of them match."""

    open_cases: int
    matched: int


def may_wait(session: Session) -> None:
    """Let this transaction wait while something is counted beside it: PostgreSQL would end it, for
    a worker that was paused must not keep its locks."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10min'"))


def plan(session: Session, orders: Orders) -> Planned:
    """Write the plan: oldest `server_modified_on` first, then by key.

    The tick of the run (`planned_on`) was taken before, in an earlier transaction: so whatever this
    does not see has a later one, and is looked at again when its turn comes. One statement over the
    open cases of the type, and a count of them.
    """
    without_limit(session)
    family, definition = Family(orders.project_id), orders.definition
    values: Any = null()
    if any(isinstance(action, Copy) for action in definition.updates):
        values = copies(family, definition)
    place = func.row_number().over(order_by=(Case.server_modified_on, Case.id)) - 1
    # Into a table that is empty for this run: whoever died while planning has left nothing.
    rows = narrowed(
        family.select(literal(orders.project_id), literal(orders.run_id), place, Case.id, values),
        family,
        definition,
        orders.moment,
    )
    columns = ["project_id", "run", "place", "case", "copies"]
    session.execute(insert(RunCase).from_select(columns, rows))
    matched = session.scalar(select(func.count()).where(*_of_run(orders)))
    open_cases = session.scalar(of_type(family.select(func.count()), definition.case_type))
    return Planned(max(open_cases or 0, matched or 0), matched or 0)


def rows_from(session: Session, orders: Orders, first: int, end: int) -> list[Row]:
    """The rows of the places from `first` to before `end`, in order. One query."""
    rows = session.execute(
        _ROWS,
        {
            "of_project": orders.project_id,
            "of_run": orders.run_id,
            "first": first,
            "end": end,
        },
    )
    return [Row(row.place, row.case, row.copies or ()) for row in rows]


_ROWS = (
    select(RunCase.place, RunCase.case, RunCase.copies)
    .where(
        RunCase.project_id == bindparam("of_project"),
        RunCase.run == bindparam("of_run"),
        RunCase.place >= bindparam("first"),
        RunCase.place < bindparam("end"),
    )
    .order_by(RunCase.place)
)


def note_left_out(session: Session, orders: Orders, left_out: Sequence[LeftOut]) -> None:
    """Keep with their rows why cases were not changed. One batched statement."""
    if left_out:
        session.connection().execute(
            update(RunCase.__table__)  # type: ignore[arg-type]  # a Table, as its class says
            .where(*_of_run(orders), RunCase.place == bindparam("at"))
            .values(failed=bindparam("fault"), reason=bindparam("why")),
            [{"at": one.place, "fault": one.failed, "why": one.reason[:1000]} for one in left_out],
        )


def drop_some(session: Session, project_id: int, run_id: int) -> bool:
    """Drop rows of cases that are done, but not of those that were left out; whether some were
    dropped. One statement."""
    # By the place of the row in its file: with fresh tables PostgreSQL may choose an index that
    # leads to all rows of the run, for each of them.
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    row: ColumnElement[Any] = literal_column("ctid" if on_postgresql else "rowid")
    some = (
        select(row)
        .select_from(RunCase)
        .where(RunCase.project_id == project_id, RunCase.run == run_id, RunCase.reason.is_(None))
        .order_by(RunCase.place)
        .limit(DROPPED)
        .scalar_subquery()
    )
    there = row == any_(func.array(some)) if on_postgresql else row.in_(some)
    dropped = session.connection().execute(
        delete(RunCase.__table__).where(there)  # type: ignore[arg-type]  # a Table, as its class says
    )
    return dropped.rowcount > 0


def _of_run(orders: Orders) -> tuple[Any, Any]:
    return RunCase.project_id == orders.project_id, RunCase.run == orders.run_id
