"""Finding cases by a part of their name (SPEC U5).

The names stand in a table of their own, `case_name`, which triggers keep (migration 0015): by three
characters, so that any part of a name with as many is found by an index.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    bindparam,
    column,
    func,
    select,
    table,
    union,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webapp.cases.models import Case
from webapp.joins import one_of

#: Fewer characters are in too many names for an index, and are looked for in all of them.
SHORTEST = 3

#: On SQLite the database makes more tables that begin like it.
TABLE = "case_name"
_names = table(TABLE, column("rowid", BigInteger()), column("name"))


class _NameHas(FunctionElement[Any]):
    """Whether a row of `case_name` has a text in its name: `_NameHas(name, phrase, pattern)`, the
    text as each database wants it. No boolean for SQLAlchemy, which would say `MATCH … = 1`."""

    inherit_cache = True
    name = "name_has"


@compiles(_NameHas, "sqlite")
def _name_has_sqlite(element: _NameHas, compiler: SQLCompiler, **kw: Any) -> str:
    _name, phrase, _pattern = element.clauses
    return f"{TABLE} MATCH {compiler.process(phrase, **kw)}"


@compiles(_NameHas, "postgresql")
def _name_has_postgresql(element: _NameHas, compiler: SQLCompiler, **kw: Any) -> str:
    name, _phrase, pattern = (compiler.process(one, **kw) for one in element.clauses)
    return f"lower({name}) LIKE {pattern}"


def among(*queries: Select[int]) -> ColumnElement[Any]:
    """Whether a case is one of those whose keys the queries give, each by its own index."""
    found = union(*queries) if len(queries) > 1 else queries[0]
    return one_of(Case.id, found)


def named(project_id: int, text: str) -> Select[int]:
    """The keys of the cases of a project with a text in their name, as it stands (no wildcards) and
    without regard to case; those of other projects may be among them. A deleted case has no name of
    its own any more. Reads the names of all cases of the project for one or two characters."""
    if len(text) < SHORTEST or "\0" in text:
        return select(Case.id).where(Case.project_id == project_id, has(Case.name, text))
    phrase = '"' + text.replace('"', '""') + '"'
    pattern = "%" + _escaped(text.lower()) + "%"
    return select(_names.c.rowid).where(
        _NameHas(_names.c.name, bindparam(None, phrase), bindparam(None, pattern))
    )


def has(name: ColumnElement[Any] | Any, text: str) -> ColumnElement[bool]:
    """Whether a column has a text in it, likewise, without an index."""
    found: ColumnElement[bool] = func.lower(name).contains(text.lower(), autoescape=True)
    return found


def _escaped(text: str) -> str:
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, "\\" + sign)
    return text


def is_of_names(table_name: str | None) -> bool:
    """Whether a table is `case_name`, or one that SQLite keeps for it: no model says them."""
    return table_name is not None and (table_name == TABLE or table_name.startswith(f"{TABLE}_"))
