"""Alembic's environment: runs migrations on the application's database."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from webapp.cases.names import is_of_names
from webapp.extensions import Base, db
from webapp.time_limit import without_limit

#: Any number that nothing else locks: one process upgrades at a time.
UPGRADE_LOCK = 0x_CA5E_4EE9


def is_modelled(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a model says a table: the search table of names has none."""
    return kind != "table" or not is_of_names(name)


def run(connection: Connection) -> None:
    """Run the migrations on an open connection, one after the other in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        include_name=is_modelled,
    )
    with context.begin_transaction():
        without_limit(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations look at the data, so they cannot be written out as SQL.")

with db.engine.connect() as connection:
    run(connection)
