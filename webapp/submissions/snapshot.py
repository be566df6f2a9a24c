"""Reading a state that stands still."""

from __future__ import annotations

from sqlalchemy.orm import Session

from webapp.time_limit import without_limit


def snapshot(session: Session, *, limited: bool = False) -> None:
    """Begin to read a state that no other transaction changes meanwhile; ends the present one.
    Statements may take what they take, unless they are to be `limited` as usual."""
    session.rollback()
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    # An SQLite transaction is a snapshot from its first statement on.
    if not limited:
        without_limit(session)
