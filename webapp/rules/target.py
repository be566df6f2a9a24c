"""The case that a path leads to, as an expression of SQL (SPEC R7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Text, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webapp.rules.references import STEPS


class Target(FunctionElement[int]):
    """The key of the case, deleted or not, to which a path leads over cases that are not deleted:
    NULL where it breaks. Made by `target_of`."""

    type = BigInteger()
    inherit_cache = True
    name = "target_of_path"


def target_of(project_id: Any, key: Any, path: Sequence[str]) -> Target:
    """Where a path leads from the case whose project and key are these columns."""
    if not path or not set(path) <= set(STEPS):
        raise ValueError(f"{path!r} is no path")
    return Target(project_id, key, literal_column(f"'{'/'.join(path)}'", Text()))


def _parts(element: Target, compiler: SQLCompiler, **kw: Any) -> tuple[str, str, list[str]]:
    project_id, key, path = (compiler.process(clause, **kw) for clause in element.clauses)
    return project_id, key, path.strip("'").split("/")


@compiles(Target, "postgresql")
def _target_postgresql(element: Target, compiler: SQLCompiler, **kw: Any) -> str:
    """Nested scalar queries of one table each: nothing is left to be planned."""
    project, near, path = _parts(element, compiler, **kw)
    target = ""
    for n, step in enumerate(path):
        if target:
            near = (
                f"(SELECT t{n}.id FROM cases AS t{n} WHERE t{n}.project_id = {project}"  # noqa: S608
                f" AND t{n}.id = {target} AND NOT t{n}.deleted)"
            )
        index = f'i{n}.project_id = {project} AND i{n}."case" = {near}'
        which = (
            f"{index} AND i{n}.identifier = 'parent'"
            if step == "parent"
            # Of several, the one of the smallest identifier.
            else f"{index} AND i{n}.relationship = 'extension'"
            f' ORDER BY i{n}.identifier COLLATE "C" LIMIT 1'
        )
        target = f"(SELECT i{n}.target FROM case_index AS i{n} WHERE {which})"  # noqa: S608
    return target


@compiles(Target, "sqlite")
def _target_sqlite(element: Target, compiler: SQLCompiler, **kw: Any) -> str:
    """One query, because SQLite's parser takes few levels; CROSS JOIN keeps its order."""
    project, near, path = _parts(element, compiler, **kw)
    tables, conditions = [], []
    for n, step in enumerate(path):
        if n:
            tables.append(f"cases AS t{n}")
            conditions.append(
                f"t{n}.project_id = {project} AND t{n}.id = i{n - 1}.target AND NOT t{n}.deleted"
            )
            near = f"t{n}.id"
        tables.append(f"case_index AS i{n}")
        conditions.append(f'i{n}.project_id = {project} AND i{n}."case" = {near}')
        conditions.append(
            f"i{n}.identifier = 'parent'"
            if step == "parent"
            else f"i{n}.identifier = (SELECT min(h{n}.identifier) FROM case_index AS h{n}"  # noqa: S608
            f' WHERE h{n}.project_id = {project} AND h{n}."case" = {near}'
            f" AND h{n}.relationship = 'extension')"
        )
    last = len(path) - 1
    return (
        f"(SELECT i{last}.target FROM {' CROSS JOIN '.join(tables)}"  # noqa: S608
        f" WHERE {' AND '.join(conditions)})"
    )
