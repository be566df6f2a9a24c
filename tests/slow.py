"""A statement that takes long."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session


def take_long(session: Session, seconds: float = 20) -> None:
    """Keep the database at work: for so long on PostgreSQL, for about as long on SQLite."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
    else:
        session.execute(_COUNT, {"rows": int(3_000_000 * seconds)}).all()


_COUNT = text(
    "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :rows)"
    " SELECT sum(n) FROM s"
)
