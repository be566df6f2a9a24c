"""Lists of what belongs to some people of many, newest first: neither the index that has this order
nor that of the people is right for all of them.

Few rows may lie anywhere, and a walk along the order would see all others. Many are met soon on
that walk, and looking all of them up to sort them takes long. What the database believes about it
is about some average person. So it is counted first, up to `FEW`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webapp.joins import one_of

#: Of so many rows all are looked up.
FEW = 2000


def of_some(
    session: Session,
    rows: Select[Any],
    key: InstrumentedAttribute[int],
    person: InstrumentedAttribute[str],
    people: Select[Any],
) -> ColumnElement[bool]:
    """The condition that a row is of one of the `people`, for a list in an order of its own; `rows`
    are those of the project, with the column `person` that an index begins with. One query, which
    reads as many keys."""
    found = session.scalars(
        rows.with_only_columns(key).where(one_of(person, people)).limit(FEW + 1)
    ).all()
    if len(found) <= FEW:
        return key.in_(found)
    # No column of an index any more: then only the one with the order is left.
    return person.concat("").in_(people)


class not_by_index(FunctionElement[Any]):  # noqa: N801  read as a function
    """A column as SQLite must not look it up: it knows how many rows a value has on average, and
    not that nearly all forms are normal, or a mobile worker's. PostgreSQL knows."""

    inherit_cache = True

    def __init__(self, column: InstrumentedAttribute[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(not_by_index)
def _plain(element: not_by_index, compiler: SQLCompiler, **more: Any) -> str:
    return compiler.process(element.clauses, **more)


@compiles(not_by_index, "sqlite")
def _plus(element: not_by_index, compiler: SQLCompiler, **more: Any) -> str:
    return f"+{compiler.process(element.clauses, **more)}"
