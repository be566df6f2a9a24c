"""Keeping PostgreSQL's planner informed while a job fills tables.

Until somebody has counted a table, the planner takes a wide one for nearly empty, and cannot tell
the index that leads to one row from another that begins with the project: a check of a foreign key
then reads all forms of the project, each time. Its own daemon counts once a minute at best; a run
may have written 100,000 forms by then.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

#: Tables smaller than this are read quickly anyhow (pages of 8 kB).
SMALL = 16

_GROWN = text(
    "SELECT quote_ident(relname) FROM pg_class"
    " WHERE relname IN ('cases', 'submission', 'case_transaction', 'run_case')"
    " AND relnamespace = current_schema()::regnamespace AND relkind = 'r'"
    " AND pg_relation_size(oid) / 8192 > :small + 2 * relpages"
)


def count_what_has_grown(session: Session) -> bool:
    """Count tables that have more than doubled since they were counted last; whether there were
    any. Commit then before going on: it locks out another counting. One small query where nothing
    has grown; counting reads some 30,000 rows of a table. Nothing is done on SQLite."""
    if session.get_bind().dialect.name != "postgresql":
        return False
    grown = session.scalars(_GROWN, {"small": SMALL}).all()
    for table in grown:
        session.execute(text(f"ANALYZE {table}"))
    return bool(grown)
