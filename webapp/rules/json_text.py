"""JSON put together as text in SQL, alike on both databases.

As text, because SQLite's `json_patch` drops nulls, which mean "was not there", and because only
what differs is to stand in an object.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Text, case, func, literal, literal_column, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webapp.columns import JsonObject

#: Members of an object, each with a comma in front; none is the empty text.
Members = ColumnElement[Any]


class Quoted(FunctionElement[str]):
    """A text as JSON; null for none."""

    type = Text()
    inherit_cache = True
    name = "json_quoted"


@compiles(Quoted, "sqlite")
def _quoted_sqlite(element: Quoted, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_quote({_parts(element, compiler, **kw)[0]})"


@compiles(Quoted, "postgresql")
def _quoted_postgresql(element: Quoted, compiler: SQLCompiler, **kw: Any) -> str:
    return f"coalesce(to_json(({_parts(element, compiler, **kw)[0]})::text)::text, 'null')"


class Digits(FunctionElement[str]):
    """A whole number as JSON; null for none."""

    type = Text()
    inherit_cache = True
    name = "json_digits"


@compiles(Digits, "sqlite")
@compiles(Digits, "postgresql")
def _digits(element: Digits, compiler: SQLCompiler, **kw: Any) -> str:
    return f"coalesce(CAST({_parts(element, compiler, **kw)[0]} AS TEXT), 'null')"


class AsJson(FunctionElement[Any]):
    """A text that is JSON, as a value of a JSON column."""

    type = JsonObject
    inherit_cache = True
    name = "as_json"


@compiles(AsJson, "sqlite")
def _as_json_sqlite(element: AsJson, compiler: SQLCompiler, **kw: Any) -> str:
    return _parts(element, compiler, **kw)[0]


@compiles(AsJson, "postgresql")
def _as_json_postgresql(element: AsJson, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({_parts(element, compiler, **kw)[0]})::jsonb"


class Merged(FunctionElement[Any]):
    """An object of texts with the members of another in place of its own: `Merged(column, text)`.

    No value is null, so here `json_patch` is fine.
    """

    type = JsonObject
    inherit_cache = True
    name = "json_merged"


@compiles(Merged, "sqlite")
def _merged_sqlite(element: Merged, compiler: SQLCompiler, **kw: Any) -> str:
    column, members = _parts(element, compiler, **kw)
    return f"json_patch({column}, {members})"


@compiles(Merged, "postgresql")
def _merged_postgresql(element: Merged, compiler: SQLCompiler, **kw: Any) -> str:
    column, members = _parts(element, compiler, **kw)
    return f"({column} || ({members})::jsonb)"


class ListItem(FunctionElement[str]):
    """A text of a JSON list: `ListItem(column, literal number)`; NULL for null."""

    type = Text()
    inherit_cache = True
    name = "json_list_item"


@compiles(ListItem, "sqlite")
def _list_item_sqlite(element: ListItem, compiler: SQLCompiler, **kw: Any) -> str:
    column, number = _parts(element, compiler, **kw)
    return f"json_extract({column}, '$[{number}]')"


@compiles(ListItem, "postgresql")
def _list_item_postgresql(element: ListItem, compiler: SQLCompiler, **kw: Any) -> str:
    column, number = _parts(element, compiler, **kw)
    return f"({column} ->> {number})"


def list_item(column: ColumnElement[Any], number: int) -> ListItem:
    """The text at a place of a JSON list, from 0."""
    return ListItem(column, literal_column(str(number)))


def member(name: str, value: ColumnElement[Any]) -> Members:
    """A member whose value is JSON already. Names are those of references, or our own."""
    return _word(f',"{name}":') + value


def fixed(name: str, value: Any) -> Members:
    """A member with a value that is known."""
    return literal(f',"{name}":{json.dumps(value, ensure_ascii=False)}', Text())


def where(condition: ColumnElement[bool], members: Members) -> Members:
    """Members that are there only where a condition is true."""
    return case((condition, members), else_=_word(""))


def joined(members: Iterable[Members]) -> Members:
    """Members one after the other."""
    found: Members | None = None
    for one in members:
        found = one if found is None else found + one
    return _word("") if found is None else found


def object_of(members: Members) -> ColumnElement[Any]:
    """The object with these members, as text."""
    return _word("{") + func.substr(members, 2) + _word("}")


def nested(name: str, members: Iterable[tuple[ColumnElement[bool], Members]]) -> Members:
    """A member that is an object of those for which a condition is true; not there without any."""
    pairs = list(members)
    if not pairs:
        return _word("")
    inside = object_of(joined(where(condition, one) for condition, one in pairs))
    return where(or_(*(condition for condition, _one in pairs)), member(name, inside))


def _word(text: str) -> ColumnElement[str]:
    """Our own words as a literal: they need no binding, and are in every statement."""
    if "'" in text or "%" in text or "\\" in text:
        raise ValueError(f"{text!r} is no word of ours")
    return literal_column(f"'{text}'", Text())


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]
