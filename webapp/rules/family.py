"""The cases that a rule reads, in SQL: the mirror of `webapp.rules.view`.

Another case is looked up from the one that points to it, in scalar queries and not by joins: there
PostgreSQL may begin at the far end, and does when its statistics are old, so that a rule over
20,000 fresh cases took minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    any_,
    bindparam,
    exists,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased

from webapp.cases.models import Case, CaseIndex
from webapp.rules.references import TIMES, Reference
from webapp.rules.sql import InstantText, PropertyText, quoted
from webapp.rules.target import target_of
from webapp.rules.view import Path

Condition = ColumnElement[bool]
_Columns = Mapping[Reference, ColumnElement[Any]]
_NONE: _Columns = MappingProxyType({})


class Family:
    """A case of a project (`case`, in what `select` gives), and those that paths lead to from it.

    `case` is `Case`, or an alias of some of its rows. Then what references of its own find may be
    columns of the alias, which are computed already: `texts`, and `days`, the days that stand there
    (`compile.day_of`).
    """

    def __init__(
        self, project_id: int, case: Any = Case, texts: _Columns = _NONE, days: _Columns = _NONE
    ) -> None:
        self.project_id = project_id
        self.case = case
        self.texts = texts
        self.days = days

    def select(self, *columns: Any) -> Select[Any]:
        """A `Select` of columns for every case of the project."""
        of_project = self.case.project_id == self.project_id
        return select(*columns).select_from(self.case).where(of_project)

    def text(self, reference: Reference) -> ColumnElement[Any]:
        """What a reference finds: NULL for a property that was never set, and where there is no
        case."""
        if not reference.path:
            return self.value(self.case, reference)
        other = aliased(Case)
        return self._at(
            _of(other, value_of(other, reference)), other, reference.path
        ).scalar_subquery()

    def value(self, table: Any, reference: Reference) -> ColumnElement[Any]:
        """What a reference finds in the table that `holds` gives to a condition."""
        known = None if reference.path else self.texts.get(reference)
        return value_of(table, reference) if known is None else known

    def holds(self, path: Path, condition: Callable[[Any], Condition]) -> Condition:
        """Whether a path leads to a case for which a condition is true. `condition` takes the
        table; asked this way, however long it is, the case is looked up once."""
        if not path:
            return condition(self.case)
        other = aliased(Case)
        return exists(self._at(_of(other, 1), other, path).where(condition(other)))

    def key(
        self, path: Path, condition: Callable[[Any], Condition] | None = None
    ) -> ColumnElement[Any]:
        """The key of the case that a path that is not empty leads to: NULL where there is none, or
        for which the condition is not true."""
        other = aliased(Case)
        rows = self._at(_of(other, other.id), other, path)
        return (rows if condition is None else rows.where(condition(other))).scalar_subquery()

    def found(self, path: Path) -> Condition:
        """Whether a path that is not empty leads to a case."""
        other = aliased(Case)
        return exists(self._at(_of(other, 1), other, path))

    def parent_found(self) -> Condition:
        """Whether index `parent` with relationship `child` points to a case."""
        return self._parent(lambda _parent: true())

    def parent_closed(self) -> Condition:
        """Whether the case that it points to is closed."""
        return self._parent(lambda parent: parent.closed)

    def indexed_on(self, path: Path) -> ColumnElement[Any]:
        """When the case that a path leads to last changed, for whatever cause; also of a deleted
        one. NULL where there is none."""
        other = aliased(Case)
        return (
            _of(other, other.indexed_on)
            .where(
                other.project_id == self.project_id,
                other.id == target_of(self.case.project_id, self.case.id, path),
            )
            .scalar_subquery()
        )

    def _parent(self, condition: Callable[[Any], Condition]) -> Condition:
        other, index = aliased(Case), aliased(CaseIndex)
        target = _of(index, index.target).where(
            index.project_id == self.project_id,
            index.case == self.case.id,
            index.identifier == "parent",
            index.relationship == "child",
        )
        return exists(
            _of(other, 1).where(
                other.project_id == self.project_id,
                other.id == target.scalar_subquery(),
                condition(other),
                ~other.deleted,
            )
        )

    def _at(self, rows: Select[Any], other: Any, path: Path) -> Select[Any]:
        """Only the case that a path leads to, unless it is deleted (R5)."""
        return rows.where(
            other.project_id == self.project_id,
            other.id == target_of(self.case.project_id, self.case.id, path),
            ~other.deleted,
        )


def value_of(case: Any, reference: Reference) -> ColumnElement[Any]:
    """What a reference's name means in a table of cases; NULL for a property that was never set."""
    attribute = reference.attribute
    if attribute is None:
        return PropertyText(case.properties, quoted(reference.name))
    column = getattr(case, attribute)
    return InstantText(column) if attribute in TIMES else column


def is_among(session: Session) -> Condition:
    """Whether a case is one of those whose keys a statement is given, as `keys`."""
    if session.get_bind().dialect.name == "postgresql":
        return Case.id == any_(bindparam("keys", type_=ARRAY(BigInteger)))
    return Case.id.in_(bindparam("keys", expanding=True))


def _of(table: Any, column: Any) -> Select[Any]:
    """A `Select` from one table; whatever else it names is of the queries around it."""
    return select(column).select_from(table).correlate_except(table)
