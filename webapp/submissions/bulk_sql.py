"""Statements that archive or restore many forms at once, put together once for each database.

They are given arrays of keys. On PostgreSQL everything is found by its key alone: with tables that
have just been filled its planner cannot tell one index from another, and may read all of a project
for each row.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Insert,
    Integer,
    Select,
    String,
    Text,
    Update,
    and_,
    any_,
    bindparam,
    column,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import aliased

from webapp.audit.models import AuditEvent
from webapp.cases.apply_sql import applied, gives_nothing, is_plain, reverted
from webapp.cases.models import Case, CaseTransaction
from webapp.columns import JsonObject
from webapp.submissions.models import State, Submission


def array_table(name: str, kind: Any, *, arrays: bool) -> Any:
    """A bound array as a table of values and their places: an array on PostgreSQL, JSON on
    SQLite."""
    value = column("value", kind)
    if arrays:
        rows: Any = func.unnest(bindparam(name, type_=ARRAY(kind)))
        return rows.table_valued(value, with_ordinality="place").render_derived(name="given")
    rows = func.json_each(bindparam(name, type_=String()))
    return rows.table_valued(value, column("key", Integer()), name="given")


def array_value(values: Sequence[Any], *, arrays: bool) -> Any:
    """Values as they are bound to such a table."""
    return list(values) if arrays else json.dumps(values, ensure_ascii=False)


@cache
def statements_on(dialect: str, to: State) -> Statements:
    """The statements for a database, and for what the forms become."""
    return Statements(dialect, to)


class Statements:
    """What is bound: `project`, the arrays `keys` or `ids` (as `array` gives them), `tick` for the
    first of the array, `job` for the one that switches."""

    def __init__(self, dialect: str, to: State) -> None:
        self._arrays = dialect == "postgresql"
        #: SQLite puts tables of which it knows no statistics into any order, but for outer joins.
        self._in_order = not self._arrays
        self._to = to
        self.holding = self._holding()
        self.locking = self._locking()
        self.touching = self._touching()
        self.setting = self._setting()
        self.changing = {few: self._changing(few=few) for few in (True, False)}
        self.recording = self._recording()

    def array(self, values: Sequence[Any]) -> Any:
        """Values as they are bound."""
        return array_value(values, arrays=self._arrays)

    def _holding(self) -> Select[Any]:
        """Lock forms by their public `ids`, in the order of their keys; the last column is the job
        that has brought them into their state. For an unknown one there is none, or a row of
        NULLs."""
        ids = self._table("ids", Text())
        archives = self._to is State.ARCHIVED
        return (
            select(Submission.id, Submission.submission_id, Submission.state)
            .add_columns(Submission.received_on)
            .add_columns(Submission.restored_by if archives else Submission.archived_by)
            .select_from(ids)
            .join(
                Submission,
                and_(Submission.project_id == _PROJECT, Submission.submission_id == ids.c.value),
                isouter=self._in_order,
            )
            # A sum, or SQLite would read all forms of the project because an index has that order.
            .order_by(Submission.id + 0)
            .with_for_update(key_share=True, of=Submission)
        )

    def _locking(self) -> Select[Any] | None:
        """Lock the cases of forms by their `keys`, in the order of theirs. On SQLite nobody else
        writes."""
        if not self._arrays:
            return None
        forms = self._table("keys", BigInteger())
        cases = select(CaseTransaction.case).select_from(forms).join(CaseTransaction, _of(forms))
        locked = (
            select(Case.id)
            .where(Case.id == any_(func.array(cases.scalar_subquery())), _in_project(Case))
            .order_by(Case.id)
            .with_for_update(key_share=True)
            .subquery()
        )
        return select(func.count()).select_from(locked)

    def _touching(self) -> Select[Any]:
        """Transactions of forms by their `keys`, and for each whether it is plain and the last live
        one of its case: so that it can be taken back, or made again, as it stands; and whether it
        is one of the `few` columns. For a form without any there is none, or a row of NULLs."""
        forms = self._table("keys", BigInteger())
        other, its = aliased(Submission), aliased(CaseTransaction)
        later = exists().where(
            its.project_id == _PROJECT,
            its.case == CaseTransaction.case,
            its.submission != CaseTransaction.submission,
            other.id == its.submission,
            _in_project(other),
            other.state == State.NORMAL,
            other.received_on > Submission.received_on,
        )
        simple = [is_plain(CaseTransaction.change, CaseTransaction.before), ~later]
        if self._to is State.NORMAL:
            # Nothing changed the case since the form was archived, so what is kept as the value
            # before the form is what is there now.
            simple += [Case.indexed_on == Submission.indexed_on, ~Case.deleted]
        return (
            select(CaseTransaction.id, CaseTransaction.submission, CaseTransaction.case)
            .add_columns(and_(*simple).label("simple"))
            .add_columns(gives_nothing(CaseTransaction.change).label("few"))
            .select_from(forms)
            .join(
                Submission,
                and_(Submission.id == forms.c.value, _in_project(Submission)),
                isouter=self._in_order,
            )
            .join(CaseTransaction, _of(forms), isouter=self._in_order)
            .join(
                Case,
                and_(Case.id == CaseTransaction.case, _in_project(Case)),
                isouter=self._in_order,
            )
        )

    def _setting(self) -> Update:
        """Set the state of forms by their `keys`; each takes the next tick."""
        forms = self._table("keys", BigInteger())
        job = bindparam("job", type_=Integer())
        archives = self._to is State.ARCHIVED
        return (
            update(Submission.__table__)  # type: ignore[arg-type]  # a Table, as its class says
            .where(Submission.id == forms.c.value, _in_project(Submission))
            .values(
                state=self._to,
                archived_by=job if archives else None,
                restored_by=None if archives else job,
                indexed_on=_TICK + self._place(forms),
            )
        )

    def _changing(self, *, few: bool) -> Update:
        """Take back, or make again, what transactions did, by their `keys`; each case takes the
        next tick."""
        rows = self._table("keys", BigInteger())
        values = (
            applied(CaseTransaction.change, given=not few)
            if self._to is State.NORMAL
            else reverted(CaseTransaction.before, given=not few)
        )
        return (
            update(Case.__table__)  # type: ignore[arg-type]  # a Table, as its class says
            .where(
                CaseTransaction.id == rows.c.value,
                _in_project(CaseTransaction),
                Case.id == CaseTransaction.case,
                _in_project(Case),
            )
            .values(**values, indexed_on=_TICK + self._place(rows))
        )

    def _recording(self) -> Insert:
        """An event for each of the forms with these public `ids`; the rest of it is bound."""
        ids = self._table("ids", Text())
        columns = AuditEvent.__table__.c
        values: dict[str, Any] = {
            name: bindparam(name, type_=columns[name].type)
            for name in ("project_id", "at", "tag", "actor_id", "actor", "source", "reason")
        }
        values["subject"] = bindparam("noun", type_=String()) + ids.c.value
        values["after"] = bindparam("after", type_=JsonObject)
        rows = select(*values.values()).select_from(ids).order_by(self._place(ids))
        return insert(AuditEvent.__table__).from_select([*values], rows)  # type: ignore[arg-type]

    def _table(self, name: str, kind: Any) -> Any:
        return array_table(name, kind, arrays=self._arrays)

    def _place(self, rows: Any) -> ColumnElement[int]:
        """From 0 on."""
        place: ColumnElement[int] = rows.c.place - 1 if self._arrays else rows.c.key
        return place


_PROJECT = bindparam("project", type_=Integer())
_TICK = bindparam("tick", type_=BigInteger())


def _in_project(table: Any) -> ColumnElement[bool]:
    """For rows that are found by their key: the sum keeps indexes that begin with the project out
    of it."""
    found: ColumnElement[bool] = table.project_id + 0 == _PROJECT
    return found


def _of(forms: Any) -> ColumnElement[bool]:
    return and_(CaseTransaction.project_id == _PROJECT, CaseTransaction.submission == forms.c.value)
