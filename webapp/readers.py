"""Reading one state of the database with two connections at once.

PostgreSQL shares a long statement among processes by itself. SQLite does all of it in one thread,
while the machine's other core has nothing to do.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select
from sqlalchemy.orm import Session

from webapp.time_limit import TimeLimit

#: Whoever writes at the moment is waited for so long, in seconds; then one connection must do.
PATIENCE_S = 0.1
#: Seconds between two attempts to end a statement that nobody needs any more.
_AGAIN_S = 0.05


class Readers:
    """The session, and maybe one more connection that sees the very same (`is_two`)."""

    def __init__(self, session: Session, limit: TimeLimit, other: Connection | None) -> None:
        self.session = session
        self._limit = limit
        self._other = other

    @property
    def connections(self) -> tuple[Connection, ...]:
        """That of the session, and the other."""
        own = self.session.connection()
        return (own,) if self._other is None else (own, self._other)

    @property
    def is_two(self) -> bool:
        """Whether two statements are read at the same time."""
        return self._other is not None

    def rows(self, statements: Sequence[Select[Any]]) -> list[Row[Any]]:
        """The only row of each of one or two statements, both within the limit."""
        if self._other is None or len(statements) == 1:
            return [self._row(self.session.connection(), one) for one in statements]
        first, second = statements
        with ThreadPoolExecutor(1) as pool:
            beside = pool.submit(self._row, self._other, second)
            try:
                row = self._row(self.session.connection(), first)
            except BaseException:
                _end(self._other, beside)
                raise
            return [row, beside.result()]

    def _row(self, connection: Connection, statement: Select[Any]) -> Row[Any]:
        self._limit.give(connection)
        return connection.execute(statement).one()


def _end(connection: Connection, work: Future[Any]) -> None:
    """End what a thread does with a connection of SQLite: once may be too early."""
    driver: Any = connection.connection.driver_connection
    while not work.done():
        driver.interrupt()
        wait([work], _AGAIN_S)


@contextmanager
def readers(session: Session, limit: TimeLimit, *, two: bool) -> Iterator[Readers]:
    """Read what the session sees, which must be at the beginning of its transaction; with `two`
    connections if these are wanted, and to be had: on SQLite, on a machine with two cores, where
    nobody writes for so long that it would mean waiting. Costs a millisecond.
    """
    engine: Engine = session.get_bind().engine
    if not two or engine.dialect.name != "sqlite" or (os.cpu_count() or 1) < 2:
        yield Readers(session, limit, None)
        return
    with engine.connect() as other:
        is_same = _begin_together(engine, session.connection(), other)
        yield Readers(session, limit, other if is_same else None)


def _begin_together(engine: Engine, *connections: Connection) -> bool:
    """Let transactions begin to read where nobody can write between them. Whether that was possible
    within `PATIENCE_S`."""
    keeper = sqlite3.connect(str(engine.url.database), timeout=PATIENCE_S, isolation_level=None)
    try:
        keeper.execute("BEGIN IMMEDIATE")
        for connection in connections:
            connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").all()
    except sqlite3.OperationalError:  # somebody writes
        return False
    else:
        return True
    finally:
        keeper.close()
