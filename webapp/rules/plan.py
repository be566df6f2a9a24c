"""Which cases a run changes, and the values that it copies: decided once, at its start (SPEC R18).

The plan is a table, so that it is the same for whoever goes on with the run. It is written in
pieces (`webapp.rules.look`), read in its order in pieces, and dropped in pieces at the end.
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
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session

from webapp.rules.models import RunCase
from webapp.rules.orders import Orders

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


def next_place(session: Session, project_id: int, run_id: int) -> int:
    """How far a plan is written: the place behind its last row. One query."""
    last = session.scalar(select(func.max(RunCase.place)).where(*_of_run(project_id, run_id)))
    return 0 if last is None else last + 1


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
            .where(*_of_run(orders.project_id, orders.run_id), RunCase.place == bindparam("at"))
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
        .where(*_of_run(project_id, run_id), RunCase.reason.is_(None))
        .order_by(RunCase.place)
        .limit(DROPPED)
        .scalar_subquery()
    )
    there = row == any_(func.array(some)) if on_postgresql else row.in_(some)
    dropped = session.connection().execute(
        delete(RunCase.__table__).where(there)  # type: ignore[arg-type]  # a Table, as its class says
    )
    return dropped.rowcount > 0


def _of_run(project_id: int, run_id: int) -> tuple[Any, Any]:
    return RunCase.project_id == project_id, RunCase.run == run_id
