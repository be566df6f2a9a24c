"""The open cases of a type in tables that lie one over the other (SPEC R25)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, func
from sqlalchemy.orm import Session, aliased

from webapp.cases.models import OPEN, Case
from webapp.rules.family import Family
from webapp.rules.references import Reference

Columns = Mapping[Reference, ColumnElement[Any]]


class Layer:
    """What a layer computes is a column of the next, and so computed once for each case. `family`
    are the cases in it. The first are the rows as they stand, of which `conditions` are true."""

    def __init__(
        self,
        session: Session,
        family: Family,
        table: Subquery | None = None,
        conditions: Sequence[Any] = (),
    ) -> None:
        self.family = family
        self._session = session
        self._table = table
        self._conditions = conditions

    @classmethod
    def of_type(
        cls, session: Session, project_id: int, case_type: str, half: int | None = None
    ) -> Layer:
        """The first: all cases, or one `half` of them, 0 or 1."""
        conditions: list[Any] = [Case.type == case_type, *OPEN]
        if half is not None:
            conditions.append(Case.id // _TOGETHER % 2 == half)
        return cls(session, Family(project_id), conditions=conditions)

    def select(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """A `Select` of columns for each case."""
        return self.family.select(*columns).where(*self._conditions)

    def column(self, name: str) -> ColumnElement[Any]:
        """A column that this layer has from the one below."""
        assert self._table is not None, "the first has none"
        found: ColumnElement[Any] = self._table.c[name]
        return found

    def with_columns(
        self, columns: Mapping[str, ColumnElement[Any]], *conditions: ColumnElement[bool]
    ) -> Layer:
        """One over this, with these columns, for the cases of which conditions are true."""
        table = self._over([column.label(name) for name, column in columns.items()], *conditions)
        texts, days = (_again(table, one) for one in (self.family.texts, self.family.days))
        return self._on(table, texts, days)

    def with_texts(self, references: Sequence[Reference], attributes: Collection[str]) -> Layer:
        """One over the first, with what references of a case's own find, and attributes."""
        named = {one: f"text{number}" for number, one in enumerate(references)}
        texts = [self.family.text(one).label(name) for one, name in named.items()]
        more = (getattr(Case, name) for name in attributes if name not in _ALWAYS)
        table = self._over([*more, *texts])
        return self._on(table, {one: table.c[name] for one, name in named.items()}, {})

    def with_days(self, days: Columns) -> Layer:
        """One over this, with the days that references of a case's own find."""
        named = {one: f"day{number}" for number, one in enumerate(days)}
        table = self._over([days[one].label(name) for one, name in named.items()])
        found = {one: table.c[name] for one, name in named.items()}
        return self._on(table, _again(table, self.family.texts), found)

    def _over(
        self, new: Sequence[ColumnElement[Any]], *conditions: ColumnElement[bool]
    ) -> Subquery:
        if self._table is None:
            below = [getattr(Case, name) for name in _ALWAYS]
        else:
            below = [column for column in self._table.c if column.name != _APART]
        return apart(self._session, self.select(*below, *new).where(*conditions)).subquery()

    def _on(self, table: Subquery, texts: Columns, days: Columns) -> Layer:
        of_table = aliased(Case, table, adapt_on_names=True)
        family = Family(self.family.project_id, of_table, texts, days)
        return Layer(self._session, family, table)


def _again(table: Subquery, known: Columns) -> Columns:
    return {one: table.c[str(column.key)] for one, column in known.items()}


#: Attributes that are known in each.
_ALWAYS = ("id", "project_id", "server_modified_on")
#: Cases that were opened one after the other stand together in the file: so many are in one half.
_TOGETHER = 64
#: The column that keeps layers apart, where there is one.
_APART = "apart"


def apart(session: Session, rows: Select[Any]) -> Select[Any]:
    """Columns for a subquery that is computed by itself, once for each case; else they would be
    put into each place that names them, and computed there anew."""
    if session.get_bind().dialect.name == "sqlite":
        return rows.limit(-1)
    # The clock is never the same twice; a limit would keep processes from sharing the work.
    return rows.add_columns(func.clock_timestamp().label(_APART))
