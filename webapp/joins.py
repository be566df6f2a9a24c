"""How one gets from a row to those that it points at, and from a few to theirs.

PostgreSQL counts its tables now and then. It takes a project that it has not met in them for a row
or two; then any index that begins with the project seems to be as good as the one that leads to the
row, and all of the project is read for each row.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


def row_of(table: Any, key: Any, project_id: Any) -> ColumnElement[bool]:
    """Whether it is the row of `table` with this key, in this project. The sum keeps those indexes
    out of it that begin with the project."""
    return and_(table.id == key, table.project_id + 0 == project_id)


def same_project(table: Any, row: Any) -> ColumnElement[bool]:
    """Whether a row of `table` is in the project of `row`, for an index of the table that is asked
    for the project and for something else of `row`: not for the project alone, as the difference
    sees to. (From the sum above it would be concluded which project it is.)"""
    is_it: ColumnElement[bool] = table.project_id == row.project_id - 0
    return is_it


def one_of(value: Any, found: Select[Any] | CompoundSelect[Any]) -> ColumnElement[bool]:
    """Whether a value is one of those that a query finds, which are few."""
    return _OneOf(value, found.scalar_subquery())


class _OneOf(FunctionElement[Any]):
    """PostgreSQL finds the few first, and looks for each of them in an index. Of `IN` it makes a
    join, and may read on and on until it has met enough of them (of one clinic's forms among 5
    million: 200,000 rows), or find the few anew for each row. No boolean for SQLAlchemy, which
    would say `IN (…) = 1` on SQLite, where no index is asked for that."""

    inherit_cache = True


@compiles(_OneOf)
def _in(element: _OneOf, compiler: SQLCompiler, **more: Any) -> str:
    value, found = (compiler.process(one, **more) for one in element.clauses)
    return f"{value} IN {found}"


@compiles(_OneOf, "postgresql")
def _any_of(element: _OneOf, compiler: SQLCompiler, **more: Any) -> str:
    value, found = (compiler.process(one, **more) for one in element.clauses)
    return f"{value} = ANY (ARRAY{found})"
