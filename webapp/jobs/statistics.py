"""Keeping PostgreSQL's planner informed while tables fill.

Until somebody has counted a table, the planner takes a wide one for nearly empty, and cannot tell
the index that leads to one row from another that begins with the project: a check of a foreign key
then reads all forms of the project, each time. Its own daemon counts once a minute at best; a run
may have written 100,000 forms by then. So runs count as they go, and the tick counts for the forms
that phones send to a new installation.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from webapp.database import write_transaction
from webapp.extensions import db

#: Tables smaller than this are read quickly anyhow (pages of 8 kB).
SMALL = 16

#: By table, the columns by which a job's statements find rows. Texts and JSON are left to the
#: database's own daemon: sorting them takes ten times as long as all of these.
COLUMNS = {
    "cases": "id, project_id, type, closed, deleted, indexed_on",
    "submission": "id, project_id, state, received_on, run_id",
    "case_transaction": 'id, project_id, submission, "case"',
    "run_case": 'project_id, run, place, "case"',
}

_GROWN = text(
    "SELECT relname FROM pg_class"
    " WHERE relname = ANY (:tables)"
    " AND relnamespace = current_schema()::regnamespace AND relkind = 'r'"
    " AND pg_relation_size(oid) / 8192 > :small + 2 * relpages"
)


def count_what_has_grown(session: Session) -> bool:
    """Count tables that have more than doubled since they were counted last; whether there were
    any. Commit then before going on: it locks out another counting. One small query where nothing
    has grown; counting reads some 30,000 rows of a table, 0.1 s. Nothing is done on SQLite."""
    if session.get_bind().dialect.name != "postgresql":
        return False
    grown = session.scalars(_GROWN, {"small": SMALL, "tables": [*COLUMNS]}).all()
    for table in grown:
        session.execute(text(f"ANALYZE {table} ({COLUMNS[table]})"))
    return bool(grown)


def keep_counted() -> None:
    """The same in a transaction of its own, for whoever comes by now and then."""
    if db.engine.dialect.name == "postgresql":
        with write_transaction() as session:
            count_what_has_grown(session)
