"""What an error of the database means for whoever asked it."""

from __future__ import annotations

import errno
import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError

FULL = "The server's disk is full. Nothing was stored; please try again later."

_SQLITE_NOT_NOW = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,  # so it says where a quota is used up
}

#: How SQLAlchemy calls it: https://docs.sqlalchemy.org/en/20/errors.html#error-8s2b
_CONNECTION_LOST = "8s2b"


def is_busy(error: BaseException) -> bool:
    """Whether an error of the database means "not now" (locked, unreachable, timed out, deadlock,
    no room), so that the same may be asked again."""
    if isinstance(error, PendingRollbackError):
        # Somebody went on after the connection was lost. (Any other transaction that is to be
        # rolled back has another reason, and asking again would meet that again.)
        return error.code == _CONNECTION_LOST
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        # 25P03: the server ended the transaction of a process that was paused in the middle of it.
        return state[:2] in {"08", "53", "57"} or state in {"25P03", "40001", "40P01", "55P03"}
    if isinstance(error.orig, psycopg.OperationalError):
        return True  # the server did not say it: it was not found, or did not answer
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_NOT_NOW
    return isinstance(error, OperationalError) and any(
        word in str(error.orig)
        for word in ("locked", "busy", "connect", "closed", "unable to open")
    )


def is_full(error: BaseException) -> bool:
    """Whether an error means that there is no room left, in the database or for a file."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    if not isinstance(error, DBAPIError):
        return False
    return (
        getattr(error.orig, "sqlstate", None) == "53100"
        or getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    )
