"""What `webapp.cases.apply` does to a case, as values of an UPDATE of `cases`: for changes that are
made or taken back for many cases at once. It leaves the same; a test holds the two together.

Not for changes of indexes, which stand in another table, nor for those that open a case or bring
one back: `is_plain` tells.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, String, and_, case, func, literal_column
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webapp.cases.apply import ATTRIBUTES
from webapp.cases.models import Case
from webapp.columns import JsonObject

#: What can be nothing, so that a null in a before-value means something.
_MAY_BE_NULL = {"opened_on", "modified_on", "closed_on", "server_modified_on"}
_GIVEN = ("type", "name", "owner_id", "external_id", "opened_by")


def is_plain(change: Any, before: Any) -> ColumnElement[bool]:
    """Whether a transaction changed something, and nothing but attributes and properties of a case
    that was there; from its columns `change` and `before`."""
    return and_(
        before.is_not(None),
        _IsEmpty(before).is_(False),
        _Has(before, _word("deleted")).is_(False),
        _Has(before, _word("indices")).is_(False),
        _Has(change, _word("indices")).is_(False),
    )


def gives_nothing(change: Any) -> ColumnElement[bool]:
    """Whether a plain change leaves all alone that a form may give: type, name, owner, external id,
    who opened it and when."""
    return and_(
        _Has(change, _word("given")).is_(False), _Has(change, _word("opened_on")).is_(False)
    )


def reverted(before: Any, *, given: bool) -> dict[str, Any]:
    """The columns of a case after `webapp.cases.apply.revert` of a plain change. Without what is
    `given` there are fewer indexes to write."""
    values: dict[str, Any] = {}
    for name in ATTRIBUTES:
        now, was = getattr(Case, name), _value(before, name, name)
        if name == "deleted" or (name in {*_GIVEN, "opened_on"} and not given):
            continue
        if name in _MAY_BE_NULL:
            values[name] = case((_Has(before, _word(name)), was), else_=now)
        else:
            values[name] = func.coalesce(was, now)
    values["properties"] = _Merged(Case.properties, before)
    return values


def applied(change: Any, *, given: bool) -> dict[str, Any]:
    """The columns of a case after `webapp.cases.apply.apply` of a plain change, likewise."""
    closes = _value(change, "closes", "closed")
    modified_on = _value(change, "date_modified", "modified_on")
    user = _value(change, "user", "modified_by")
    values: dict[str, Any] = {}
    if given:
        values = {
            name: func.coalesce(_value(change, f"given.{name}", name), getattr(Case, name))
            for name in _GIVEN
        }
        opened_on = _value(change, "opened_on", "opened_on")
        values["opened_on"] = func.coalesce(opened_on, Case.opened_on)
    return values | {
        "modified_on": _later(Case.modified_on, modified_on),
        "modified_by": user,
        "closed": func.coalesce(closes, Case.closed),
        "closed_on": case((closes, modified_on), else_=Case.closed_on),
        "closed_by": case((closes, user), else_=Case.closed_by),
        "server_modified_on": _later(
            Case.server_modified_on, _value(change, "arrived_on", "server_modified_on")
        ),
        "properties": _Merged(Case.properties, change),
    }


def _value(row: Any, path: str, like: str) -> ColumnElement[Any]:
    """What stands at a path, with the type of an attribute."""
    kind = getattr(Case, like).type
    return sql_cast(
        _At(row, _word(path)), kind if isinstance(kind, Boolean | BigInteger) else String()
    )


def _later(one: Any, other: Any) -> ColumnElement[Any]:
    return case((one > other, one), else_=other)


def _word(name: str) -> ColumnElement[str]:
    """A name or path of ours as a literal: a bound one could not be put into a path."""
    return literal_column(f"'{name}'", String())


class _At(FunctionElement[Any]):
    """The value at a path of names; NULL where there is none, and for null."""

    inherit_cache = True
    name = "json_at"


class _Has(FunctionElement[bool]):
    """Whether an object has a key, be its value null."""

    type = Boolean()
    inherit_cache = True
    name = "json_has"


class _IsEmpty(FunctionElement[bool]):
    """Whether an object has no keys."""

    type = Boolean()
    inherit_cache = True
    name = "json_is_empty"


class _Merged(FunctionElement[Any]):
    """Properties with those of a change, or of a before-value, in their place; null takes one
    away. No property's own value is null."""

    type = JsonObject
    inherit_cache = True
    name = "json_properties_merged"


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause, **kw).strip("'") for clause in element.clauses]


@compiles(_At, "sqlite")
def _at_sqlite(element: _At, compiler: SQLCompiler, **kw: Any) -> str:
    row, path = _parts(element, compiler, **kw)
    return f"json_extract({row}, '$.{path}')"


@compiles(_At, "postgresql")
def _at_postgresql(element: _At, compiler: SQLCompiler, **kw: Any) -> str:
    row, path = _parts(element, compiler, **kw)
    return f"({row} #>> '{{{path.replace('.', ',')}}}')"


@compiles(_Has, "sqlite")
def _has_sqlite(element: _Has, compiler: SQLCompiler, **kw: Any) -> str:
    row, name = _parts(element, compiler, **kw)
    return f"(json_type({row}, '$.{name}') IS NOT NULL)"


@compiles(_Has, "postgresql")
def _has_postgresql(element: _Has, compiler: SQLCompiler, **kw: Any) -> str:
    row, name = _parts(element, compiler, **kw)
    return f"jsonb_exists({row}, '{name}')"


@compiles(_IsEmpty, "sqlite")
@compiles(_IsEmpty, "postgresql")
def _is_empty(element: _IsEmpty, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({_parts(element, compiler, **kw)[0]} = '{{}}')"


@compiles(_Merged, "sqlite")
def _merged_sqlite(element: _Merged, compiler: SQLCompiler, **kw: Any) -> str:
    properties, row = _parts(element, compiler, **kw)
    return f"coalesce(json_patch({properties}, json_extract({row}, '$.properties')), {properties})"


@compiles(_Merged, "postgresql")
def _merged_postgresql(element: _Merged, compiler: SQLCompiler, **kw: Any) -> str:
    properties, row = _parts(element, compiler, **kw)
    return f"coalesce(jsonb_strip_nulls({properties} || ({row} -> 'properties')), {properties})"
