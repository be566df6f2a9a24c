"""Which cases a phone has, from the owners whose cases it carries (SPEC P2).

An extension index counts unless the same case has a child index to the same target; an index to a
deleted case never counts. A case is *available* if it is open and extends nothing, or is an open
extension of an available case. Those that are owned and available are on the phone, and then,
again and again, what a case on the phone points to and the open extensions of a case on the phone.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, BigInteger, String, TextClause, bindparam, text
from sqlalchemy.orm import Session

#: So many keys go from hand to hand at once.
_SOME = 10_000


def scope(session: Session, project_id: int, owner_ids: Collection[str]) -> array[int]:
    """The keys of the cases on a phone whose owner set is `owner_ids`, ascending.

    One recursive query: it begins at the owners' open cases and follows indexes, so it costs what
    the phone carries, and never what the project has. Eight bytes a case in memory.
    """
    keys = array("q")
    if not owner_ids:
        return keys
    found = session.connection().execute(
        _scope(session.get_bind().dialect.name),
        {"project": project_id, "owners": sorted(owner_ids)},
    )
    for some in found.partitions(_SOME):
        keys.extend([row[0] for row in some])
    return array("q", sorted(keys))


def available(session: Session, project_id: int, keys: Collection[int]) -> set[int]:
    """Which of these cases are available: on the phone of whoever owns them. One query."""
    if not keys:
        return set()
    rows = session.connection().execute(
        _available(session.get_bind().dialect.name), {"project": project_id, "keys": sorted(keys)}
    )
    return {row[0] for row in rows}


# As texts, for the two databases are to be led to it in different ways. SQLite takes tables in the
# order of a CROSS JOIN. PostgreSQL looks everything up from the case at hand in scalar queries of
# one table, and reads a common table only through an `IN` that it hashes; the project comes out of
# a query too, so that it counts for an average one and not for one that nobody has counted yet,
# where any index that begins with it would seem as good as another. So whatever PostgreSQL believes
# about its tables, it can only begin at the owners and follow the indexes.

_PROJECT = "(SELECT CAST(:project AS integer))"


def _is(which: str, case: str) -> str:
    """Whether the case with this key is `which`; `+ 0`, for its key leads to one row."""
    return (
        f"(SELECT {which} FROM cases AS t WHERE t.id = {case}"  # noqa: S608  of words from here
        f" AND t.project_id + 0 = {_PROJECT})"
    )


#: Whether index `i` makes its case an extension of its target.
_EXTENDS = f"""i.relationship = 'extension' AND (SELECT count(*) FROM case_index AS j
    WHERE j.project_id = {_PROJECT} AND j."case" = i."case"
    AND j.target = i.target AND j.relationship = 'child') = 0"""  # noqa: S608
_FROM = f'i.project_id = {_PROJECT} AND i."case" = {{near}}'
_TO = f"i.project_id = {_PROJECT} AND i.target = {{near}}"
_LIVE, _OPEN = "NOT t.deleted", "NOT (t.deleted OR t.closed)"

#: Ways from a case: to what it points to, to its hosts, to those that are open, and to its open
#: extensions. Each is what is read of an index `i`, and of which.
_TARGETS = "i.target", f"{_FROM} AND {_is(_LIVE, 'i.target')}"
_HOSTS = "i.target", f"{_FROM} AND {_EXTENDS} AND {_is(_LIVE, 'i.target')}"
_OPEN_HOSTS = "i.target", f"{_FROM} AND {_EXTENDS} AND {_is(_OPEN, 'i.target')}"
_CASE = 'i."case"'
_EXTENSIONS = _CASE, f"{_TO} AND {_EXTENDS} AND {_is(_OPEN, _CASE)}"


def _step(dialect: str, table: str, *ways: tuple[str, str], among: str = "") -> str:
    """The recursive part of a common table of ids: from each of them all of these ways, to whatever
    there is, or only to what is `among` another table."""
    if dialect == "sqlite":
        return " UNION ".join(
            f"SELECT {what} FROM {table} AS near CROSS JOIN case_index AS i"  # noqa: S608
            f" WHERE {which.format(near='near.id')}"
            + (f" AND {what} IN (SELECT id FROM {among})" if among else "")  # noqa: S608
            for what, which in ways
        )
    arrays = " || ".join(
        f"ARRAY(SELECT {what} FROM case_index AS i WHERE {which.format(near='near.id')})"  # noqa: S608
        for what, which in ways
    )
    step = f"SELECT unnest({arrays}) AS id FROM {table} AS near"  # noqa: S608
    if not among:
        return step
    # As a truth value, and not as a join.
    return f"SELECT id FROM ({step}) AS far WHERE (id IN (SELECT id FROM {among})) IS TRUE"  # noqa: S608


def _tables(dialect: str, chosen: str) -> str:
    """Common tables: `chosen`, the open ones of those cases, with whether each `extends` another;
    `above`, those that do, and the open ones of their hosts, and of those again; and the `free`
    ones of these, which are available."""
    extends = f"(SELECT count(*) FROM case_index AS i WHERE {_HOSTS[1]}) > 0"  # noqa: S608
    return f"""
    chosen (id, extends) AS MATERIALIZED (
        SELECT c.id, {extends.format(near="c.id")} FROM {chosen}
    ), above (id) AS (
        SELECT id FROM chosen WHERE extends
        UNION {_step(dialect, "above", _OPEN_HOSTS)}
    ), free (id) AS (
        SELECT id FROM above WHERE NOT {extends.format(near="above.id")}
        UNION {_step(dialect, "free", _EXTENSIONS, among="above")}
    )"""  # noqa: S608


#: The open cases `c` of the owners, and those with some keys. Not by an index of open cases, which
#: has all of the project's.
_OF_OWNERS = {
    "sqlite": """cases AS c WHERE c.project_id = :project AND c.owner_id IN :owners
        AND NOT c.closed AND NOT c.deleted""",
    "postgresql": f"""unnest(:owners) AS o (id) CROSS JOIN LATERAL unnest(ARRAY(
        SELECT t.id FROM cases AS t WHERE t.project_id = {_PROJECT} AND t.owner_id = o.id
        AND CAST(t.closed AS integer) + CAST(t.deleted AS integer) = 0)) AS c (id)""",  # noqa: S608
}
_OF_KEYS = {
    "sqlite": """cases AS c WHERE c.project_id = :project AND c.id IN :keys
        AND NOT c.closed AND NOT c.deleted""",
    "postgresql": f"unnest(:keys) AS c (id) WHERE {_is(_OPEN, 'c.id')}",
}


@cache
def _scope(dialect: str) -> TextClause:
    return _given(
        f"""WITH RECURSIVE {_tables(dialect, _OF_OWNERS[dialect])}, live (id) AS (
            SELECT id FROM chosen WHERE NOT extends OR id IN (SELECT id FROM free)
            UNION {_step(dialect, "live", _TARGETS, _EXTENSIONS)}
        ) SELECT id FROM live""",  # noqa: S608
        dialect,
        owners=String(),
    )


@cache
def _available(dialect: str) -> TextClause:
    return _given(
        f"""WITH RECURSIVE {_tables(dialect, _OF_KEYS[dialect])}
            SELECT id FROM chosen WHERE NOT extends OR id IN (SELECT id FROM free)""",  # noqa: S608
        dialect,
        keys=BigInteger(),
    )


def _given(statement: str, dialect: str, **lists: Any) -> TextClause:
    """A statement that takes `project`, and lists of values of a type."""
    if dialect == "postgresql":
        params = [bindparam(name, type_=ARRAY(kind)) for name, kind in lists.items()]
    else:
        params = [bindparam(name, type_=kind, expanding=True) for name, kind in lists.items()]
    return text(statement).bindparams(*params)
