"""How long statements may take (SPEC X5), alike on both databases.

PostgreSQL ends a statement by itself. SQLite has no such setting, but asks a function of ours from
time to time whether to go on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from webapp.errors import TooSlow

#: A statement may take this long, in seconds, where nobody says otherwise. What writes on SQLite is
#: not limited: nobody is kept from reading by it.
STATEMENT_LIMIT_S = 30.0
#: SQLite asks after so many steps of its machine: some tenths of a second. Not more often, because
#: to be asked a thread needs the interpreter, which another may hold for some milliseconds.
STEPS = 2_000_000

_CLOCK = "time_limit"


class _Clock:
    """Of one SQLite connection: how long a statement may take, and until when the present one."""

    __slots__ = ("each", "until")

    def __init__(self) -> None:
        self.each = self.until = inf

    def statement(self) -> None:
        """One begins."""
        self.until = time.monotonic() + self.each

    def over(self) -> bool:
        """Whether to end it."""
        return time.monotonic() > self.until


def limit_sqlite(engine: Engine) -> None:
    """Let the statements of an engine be limited; `begin_on_sqlite` says which are."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: Any) -> None:
        clock = record.info[_CLOCK] = _Clock()
        connection.set_progress_handler(clock.over, STEPS)

    @event.listens_for(engine, "before_cursor_execute")
    def on_execute(connection: Connection, *_: Any) -> None:
        connection.info[_CLOCK].statement()


def begin_on_sqlite(connection: Connection, *, limited: bool) -> None:
    """A transaction begins."""
    connection.info[_CLOCK].each = STATEMENT_LIMIT_S if limited else inf


def without_limit(session: Session | Connection) -> None:
    """Let the statements of this transaction take what they take. For those of jobs and commands
    that look at all of a project."""
    _limit_each(session, inf)


def was_too_slow(error: DBAPIError) -> bool:
    """Whether the database ended a statement because it took too long."""
    return getattr(error.orig, "sqlstate", None) == "57014" or (
        isinstance(error, OperationalError) and str(error.orig) == "interrupted"
    )


class TimeLimit:
    """A time that is given to several statements together: see `time_limit`."""

    def __init__(self, session: Session, seconds: float, says: str) -> None:
        self._session = session
        self._until = time.monotonic() + seconds
        self._says = says

    @property
    def left(self) -> float:
        """Seconds; not more than nothing when they are over."""
        return self._until - time.monotonic()

    def renew(self) -> None:
        """Give the next statement what is left. Raises `TooSlow` when nothing is. One small
        statement on PostgreSQL."""
        self.give(self._session)

    def give(self, reader: Session | Connection) -> None:
        """The same for a statement of another connection, which runs at the same time."""
        left = self.left
        if left <= 0:
            raise TooSlow(self._says)
        _limit_each(reader, left)


@contextmanager
def time_limit(session: Session, seconds: float | None, says: str) -> Iterator[TimeLimit]:
    """Give what is read inside so many seconds in all (None: what it takes): `renew` the limit
    before each statement that may take long.

    When they are over, raises `TooSlow` with the sentence `says`, and the transaction is at its
    end: so it is not for one that writes. Afterwards statements are limited as usual.
    """
    limit = TimeLimit(session, inf if seconds is None else seconds, says)
    try:
        limit.renew()
        yield limit
        _limit_each(session, STATEMENT_LIMIT_S)
    except TooSlow:
        session.rollback()
        raise
    except DBAPIError as error:
        if not was_too_slow(error):
            raise
        session.rollback()
        raise TooSlow(says) from error


def _limit_each(session: Session | Connection, seconds: float) -> None:
    connection = session.connection() if isinstance(session, Session) else session
    if connection.dialect.name == "sqlite":
        connection.info[_CLOCK].each = seconds
    else:
        milliseconds = 0 if seconds == inf else max(1, int(seconds * 1000))  # 0 is no limit
        connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
