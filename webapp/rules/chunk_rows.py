"""The rows of a chunk as a table that statements read, in the way that suits each database.

SQLite reads the plan itself, and finds the forms that were just made by their places. PostgreSQL is
given arrays: with tables that have just been filled its planner cannot tell one index from
another, and may read the whole plan for each chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CursorResult,
    Insert,
    Integer,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.database import find_by_key
from webapp.rules.definition import Copy
from webapp.rules.json_text import AsJson
from webapp.rules.models import RunCase
from webapp.rules.orders import Orders
from webapp.rules.target import target_of
from webapp.rules.view import Path
from webapp.submissions.models import Submission


@dataclass(frozen=True, slots=True)
class Held:
    """A chunk whose cases are locked: how many rows it has, and the values that statements over
    it take."""

    count: int
    values: dict[str, Any]


class ChunkRows(Protocol):
    """Columns of the rows, first as they are planned, then of those for which a form was made, and
    how to put statements together with them."""

    place: Any
    #: The values to copy: of a planned row, and of one with a form.
    copies: Any
    copies_of_forms: Any
    #: The key and the tick of a form.
    form: Any
    tick: Any

    def hold(self, session: Session, first: int, end: int, paths: Sequence[Path]) -> Held:
        """Lock the cases of places, and those that paths lead to, in the order of their keys."""

    def with_cases(self, rows: Select[Any]) -> Select[Any]:
        """Columns of planned rows and their cases."""

    def making_forms(self, statement: Insert) -> Insert:
        """The statement that makes the forms, fit for `forms_made`."""

    def forms_made(self, made: CursorResult[Any], held: Held) -> tuple[int, dict[str, Any]]:
        """How many forms were made, and the values for statements over them."""

    def forms_with_cases(self, rows: Select[Any]) -> Select[Any]:
        """Columns of rows with a form, and their cases."""

    def is_case_of_form(self) -> list[ColumnElement[bool]]:
        """Where an update of cases finds rows with a form."""


def rows_on(dialect: str, orders: Orders) -> ChunkRows:
    """The way of a database."""
    return _Arrays(orders) if dialect == "postgresql" else _Plan(orders)


class _Plan:
    """The rows where they stand; nobody else writes meanwhile, so nothing needs a lock."""

    def __init__(self, orders: Orders) -> None:
        self._project_id = orders.project_id
        self._run_id = orders.run_id
        # Not of the class: there they would be columns of it.
        self.place: Any = RunCase.place
        self.copies: Any = RunCase.copies.expression
        self.copies_of_forms: Any = RunCase.copies.expression
        self.form: Any = Submission.id
        self.tick: Any = Submission.received_on

    def hold(self, _session: Session, first: int, end: int, _paths: Sequence[Path]) -> Held:
        return Held(end - first, {"first": first, "end": end})

    def with_cases(self, rows: Select[Any]) -> Select[Any]:
        of_row = (Case.project_id == RunCase.project_id) & (Case.id == RunCase.case)
        return rows.select_from(RunCase).join(Case, of_row).where(*self._places())

    def making_forms(self, statement: Insert) -> Insert:
        return statement.execution_options(preserve_rowcount=True)

    def forms_made(self, made: CursorResult[Any], held: Held) -> tuple[int, dict[str, Any]]:
        return made.rowcount, held.values

    def forms_with_cases(self, rows: Select[Any]) -> Select[Any]:
        return self.with_cases(rows).join(Submission, self._is_form()).order_by(RunCase.place)

    def is_case_of_form(self) -> list[ColumnElement[bool]]:
        of_row = (Case.project_id == self._project_id, Case.id == RunCase.case)
        return [*of_row, *self._places(), self._is_form()]

    def _places(self) -> list[ColumnElement[bool]]:
        return [
            RunCase.project_id == self._project_id,
            RunCase.run == self._run_id,
            RunCase.place >= bindparam("first"),
            RunCase.place < bindparam("end"),
        ]

    def _is_form(self) -> ColumnElement[bool]:
        return (
            (Submission.project_id == self._project_id)
            & (Submission.run_id == self._run_id)
            & (Submission.run_place == RunCase.place)
            & (Submission.run_part == 0)
        )


class _Arrays:
    """The rows as arrays of places, keys and values to copy; cases are found by their key alone."""

    def __init__(self, orders: Orders) -> None:
        self._project_id = orders.project_id
        self._run_id = orders.run_id
        self._has_copies = any(isinstance(one, Copy) for one in orders.definition.updates)
        self._planned = _table("planned", place=Integer(), key=BigInteger(), copies=Text())
        self._made = _table(
            "made", form=BigInteger(), tick=BigInteger(), key=BigInteger(), copies=Text()
        )
        self.place = self._planned.c.place
        self.copies = AsJson(self._planned.c.copies)
        self.copies_of_forms = AsJson(self._made.c.copies)
        self.form = self._made.c.form
        self.tick = self._made.c.tick
        values: Any = cast(RunCase.copies, Text()) if self._has_copies else RunCase.copies
        self._read = (
            select(RunCase.place, RunCase.case, values)
            .where(
                RunCase.project_id == self._project_id,
                RunCase.run == self._run_id,
                RunCase.place >= bindparam("first"),
            )
            # An order and a limit, which only the right index gives without more ado.
            .order_by(RunCase.place)
            .limit(bindparam("number", type_=Integer()))
        )

    def hold(self, session: Session, first: int, end: int, paths: Sequence[Path]) -> Held:
        find_by_key(session)
        connection = session.connection()
        rows = connection.execute(self._read, {"first": first, "number": end - first}).all()
        values = dict(
            zip(("place", "key", "copies"), map(list, zip(*rows, strict=True)), strict=True)
        )
        connection.execute(self._locking(paths), values)
        return Held(len(rows), {"first": first, **values})

    def with_cases(self, rows: Select[Any]) -> Select[Any]:
        return rows.select_from(self._planned).join(Case, self._is_case(self._planned))

    def making_forms(self, statement: Insert) -> Insert:
        return statement.returning(Submission.run_place, Submission.id, Submission.received_on)

    def forms_made(self, made: CursorResult[Any], held: Held) -> tuple[int, dict[str, Any]]:
        rows = made.all()
        number = {place: at for at, place in enumerate(held.values["place"])}
        at = [number[row.run_place] for row in rows]
        return len(rows), {
            "form": [row.id for row in rows],
            "tick": [row.received_on for row in rows],
            "key": [held.values["key"][one] for one in at],
            "copies": [held.values["copies"][one] for one in at],
        }

    def forms_with_cases(self, rows: Select[Any]) -> Select[Any]:
        return rows.select_from(self._made).join(Case, self._is_case(self._made))

    def is_case_of_form(self) -> list[ColumnElement[bool]]:
        return [self._is_case(self._made)]

    def _is_case(self, rows: Any) -> ColumnElement[bool]:
        # The sum keeps indexes that begin with the project out of it.
        return (Case.id == rows.c.key) & (Case.project_id + 0 == self._project_id)

    def _locking(self, paths: Sequence[Path]) -> Select[Any]:
        keys: Any = bindparam("key", type_=ARRAY(BigInteger()))
        if paths:
            key = self._planned.c.key
            project_id = bindparam("of_project", self._project_id, Integer())
            wanted = select(key).union_all(
                *(
                    select(target_of(project_id, key, path)).select_from(self._planned)
                    for path in paths
                )
            )
            keys = func.array(wanted.scalar_subquery())
        locked = (
            select(Case.id)
            .where(Case.id == any_(keys), Case.project_id + 0 == self._project_id)
            .order_by(Case.id)
            .with_for_update(key_share=True)
            .subquery()
        )
        return select(func.count()).select_from(locked)


def _table(name: str, **columns: Any) -> Any:
    """Bound arrays of these names as a table."""
    arrays = (bindparam(one, type_=ARRAY(kind)) for one, kind in columns.items())
    typed = (column(one, kind) for one, kind in columns.items())
    return func.unnest(*arrays).table_valued(*typed).render_derived(name=name)
