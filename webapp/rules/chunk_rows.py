"""The rows of a chunk's plan, and the forms that they lead to, as statements read and write them on
each database.

SQLite makes the forms, and finds them again by their places. PostgreSQL writes all in one
statement, whose parts all see the cases as they were before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Integer,
    Select,
    Update,
    any_,
    bindparam,
    func,
    select,
)

from webapp.cases.models import Case
from webapp.rules.family import Family
from webapp.rules.models import RunCase
from webapp.rules.orders import Orders
from webapp.rules.target import target_of
from webapp.rules.view import Path
from webapp.submissions.models import Submission

#: What is bound: the first place, and how many there are.
FIRST = bindparam("first", type_=BigInteger())
COUNT = bindparam("count", type_=BigInteger())


class PlannedRows(Protocol):
    """The rows of places, with columns of them."""

    place: Any
    #: The values to copy.
    copies: Any

    def latest(self, paths: Sequence[Path]) -> Select[Any]:
        """When the cases, and those that paths lead to, last changed: columns of one row. Locks
        them, in the order of their keys, where that needs a lock."""

    def with_cases(self, rows: Select[Any]) -> Select[Any]:
        """Columns of rows and their cases."""

    def forms(self, making: Insert) -> FormRows:
        """The rows with a form, if this statement makes the forms."""


class FormRows(Protocol):
    """Rows for which a form was made, with columns of them."""

    #: The key and the tick of a form, and the values to copy.
    form: Any
    tick: Any
    copies: Any

    def with_cases(self, rows: Select[Any]) -> Select[Any]:
        """Columns of rows and their cases."""

    def is_case(self) -> list[ColumnElement[bool]]:
        """Where an update of cases finds those of the rows."""

    def writing(self, transactions: Insert, cases: Update) -> Sequence[Insert | Update]:
        """Statements that make the forms, and do these two; the last one changes as many rows as
        there are forms."""


def rows_on(dialect: str, orders: Orders) -> PlannedRows:
    """The way of a database."""
    return _OneStatement(orders) if dialect == "postgresql" else _ByPlace(orders)


class _ByPlace:
    """Nobody else writes meanwhile, so nothing needs a lock."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        # Not of the class: there they would be columns of it.
        self.place: Any = RunCase.place
        self.copies: Any = RunCase.copies.expression

    def latest(self, paths: Sequence[Path]) -> Select[Any]:
        family = Family(self._orders.project_id)
        others = [family.indexed_on(path) for path in paths]
        return self.with_cases(select(*map(func.max, (Case.indexed_on, *others))))

    def with_cases(self, rows: Select[Any]) -> Select[Any]:
        of_row = (Case.project_id == RunCase.project_id) & (Case.id == RunCase.case)
        return rows.select_from(RunCase).join(Case, of_row).where(*self.places())

    def forms(self, making: Insert) -> FormRows:
        return _FormsByPlace(self._orders, self, making)

    def places(self) -> list[ColumnElement[bool]]:
        return [
            RunCase.project_id == self._orders.project_id,
            RunCase.run == self._orders.run_id,
            RunCase.place >= FIRST,
            RunCase.place < FIRST + COUNT,
        ]


class _FormsByPlace:
    def __init__(self, orders: Orders, planned: _ByPlace, making: Insert) -> None:
        self._orders = orders
        self._planned = planned
        self._making = making
        self.form: Any = Submission.id
        self.tick: Any = Submission.received_on
        self.copies: Any = planned.copies

    def with_cases(self, rows: Select[Any]) -> Select[Any]:
        return self._planned.with_cases(rows).join(Submission, self._is_form())

    def is_case(self) -> list[ColumnElement[bool]]:
        of_row = (Case.project_id == self._orders.project_id, Case.id == RunCase.case)
        return [*of_row, *self._planned.places(), self._is_form()]

    def writing(self, transactions: Insert, cases: Update) -> Sequence[Insert | Update]:
        return self._making, transactions, cases

    def _is_form(self) -> ColumnElement[bool]:
        return (
            (Submission.project_id == self._orders.project_id)
            & (Submission.run_id == self._orders.run_id)
            & (Submission.run_place == RunCase.place)
            & (Submission.run_part == 0)
        )


class _OneStatement:
    """Rows are found by `webapp.database.find_by_key`. Sums keep indexes out of it that begin with
    the project and go on with something else."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        planned = (
            select(RunCase.place, RunCase.case, RunCase.copies)
            .where(
                RunCase.project_id == orders.project_id,
                RunCase.run == orders.run_id,
                RunCase.place >= FIRST,
            )
            # An order and a limit, which only the right index gives without more ado.
            .order_by(RunCase.place)
            .limit(COUNT)
            .subquery("planned")
        )
        self._planned: Any = planned
        self.place: Any = planned.c.place
        self.copies: Any = planned.c.copies

    def latest(self, paths: Sequence[Path]) -> Select[Any]:
        key = self._planned.c.case
        wanted: Any = select(key)
        if paths:
            project_id = bindparam("of_project", self._orders.project_id, Integer())
            wanted = wanted.union_all(*(select(target_of(project_id, key, path)) for path in paths))
        # Whoever changed one of them meanwhile is waited for, and then its row is the new one.
        locked = (
            select(Case.indexed_on)
            .where(
                Case.id == any_(func.array(wanted.scalar_subquery())),
                Case.project_id + 0 == self._orders.project_id,
            )
            .order_by(Case.id)
            .with_for_update(key_share=True)
            .subquery()
        )
        return select(func.max(locked.c.indexed_on))

    def with_cases(self, rows: Select[Any]) -> Select[Any]:
        of_row = _is_case(self._orders, self._planned.c.case)
        return rows.select_from(self._planned).join(Case, of_row)

    def forms(self, making: Insert) -> FormRows:
        return _FormsMade(self._orders, making)


class _FormsMade:
    def __init__(self, orders: Orders, making: Insert) -> None:
        self._orders = orders
        made = making.returning(Submission.id, Submission.received_on, Submission.run_place).cte(
            "made"
        )
        self._made: Any = made
        self.form: Any = made.c.id
        self.tick: Any = made.c.received_on
        self.copies: Any = RunCase.copies.expression

    def with_cases(self, rows: Select[Any]) -> Select[Any]:
        made = rows.select_from(self._made).join(RunCase, self._is_row())
        return made.join(Case, _is_case(self._orders, RunCase.case))

    def is_case(self) -> list[ColumnElement[bool]]:
        return [self._is_row(), _is_case(self._orders, RunCase.case)]

    def writing(self, transactions: Insert, cases: Update) -> Sequence[Insert | Update]:
        return (cases.add_cte(transactions.cte("noted")),)

    def _is_row(self) -> ColumnElement[bool]:
        return (
            (RunCase.project_id == self._orders.project_id)
            & (RunCase.run == self._orders.run_id)
            & (RunCase.place == self._made.c.run_place)
        )


def _is_case(orders: Orders, key: Any) -> ColumnElement[bool]:
    return (Case.id == key) & (Case.project_id + 0 == orders.project_id)
