"""Reading a state that stands still."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session


def snapshot(session: Session) -> None:
    """Begin to read a state that no other transaction changes meanwhile."""
    session.rollback()
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        session.execute(text("SET LOCAL statement_timeout = 0"))  # it may take what it takes
    # An SQLite transaction is a snapshot from its first statement on.
