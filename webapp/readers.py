"""Reading one state of the database with two connections at once.

PostgreSQL shares a long statement among processes by itself. SQLite does all of it in one thread,
while the machine's other core has nothing to do.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.time_limit import TimeLimit, was_too_slow

#: Whoever writes at the moment is waited for so long, in seconds; then one connection must do.
PATIENCE_S = 0.1
#: Seconds between two attempts to end a statement that nobody needs any more.
_AGAIN_S = 0.05
#: Two at once in a process: more would only share the cores among them, and take each other's
#: connections.
_one_pair = threading.Lock()


class Readers:
    """The session, and maybe one more connection that sees the very same (`is_two`)."""

    def __init__(self, session: Session, limit: TimeLimit, other: Connection | None = None) -> None:
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
        """The only row of each of one or two statements, both within the limit. Where one fails,
        the other is ended."""
        if self._other is None or len(statements) == 1:
            own = self.session.connection()
            return [self._row(own, one) for one in statements]
        both, over = self.connections, (threading.Event(), threading.Event())

        def row(at: int, beside: int) -> Row[Any]:
            try:
                return self._row(both[at], statements[at])
            except BaseException:
                over[at].set()
                _end(both[beside], over[beside])
                raise
            finally:
                over[at].set()

        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(row, 1, 0)
            try:
                first = row(0, 1)
            except BaseException:
                _raise_what_was_wrong(second)
                raise
            return [first, second.result()]

    def _row(self, connection: Connection, statement: Select[Any]) -> Row[Any]:
        self._limit.give(connection)
        return connection.execute(statement).one()


def _end(connection: Connection, over: threading.Event) -> None:
    """End what another thread does with a connection of SQLite: once may be too early."""
    driver: Any = connection.connection.driver_connection
    while not over.is_set():
        driver.interrupt()
        over.wait(_AGAIN_S)


def _raise_what_was_wrong(work: Future[Any]) -> None:
    """Raise the error for which everything was ended, if it was this work's."""
    error = work.exception()
    if error is not None and not (isinstance(error, DBAPIError) and was_too_slow(error)):
        raise error


def may_be_two(session: Session) -> bool:
    """Whether a second connection would be of use: on SQLite, on a machine with two cores."""
    return session.get_bind().dialect.name == "sqlite" and (os.cpu_count() or 1) > 1


@contextmanager
def readers(session: Session, limit: TimeLimit, *, two: bool) -> Iterator[Readers]:
    """Read what the session sees, which must be at the beginning of its transaction; with `two`
    connections if these are wanted, of use, and to be had: where nobody writes for longer than
    `PATIENCE_S`, and nobody else in this process reads with two. Takes a millisecond, or that long.
    """
    if not (two and may_be_two(session) and _one_pair.acquire(blocking=False)):
        yield Readers(session, limit)
        return
    try:
        with session.get_bind().engine.connect() as other:
            if _begin_together(session.connection(), other):
                yield Readers(session, limit, other)
                return
    finally:
        _one_pair.release()
    yield Readers(session, limit)


def _begin_together(*connections: Connection) -> bool:
    """Let transactions begin to read where nobody can write between them. Whether that was possible
    within `PATIENCE_S`."""
    file = str(connections[0].engine.url.database)
    keeper = sqlite3.connect(file, timeout=PATIENCE_S, isolation_level=None)
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
