"""How transactions begin and end on the two databases.

PostgreSQL needs little of this. SQLite does: writers starve behind
`busy_timeout`, and a transaction that read before it writes fails at once whatever the timeout is.
So every transaction that may write goes through `write_transaction`, which queues for a lock of our
own and begins with BEGIN IMMEDIATE; everything else only reads, and a flush there is an error.
"""

from __future__ import annotations

import hashlib
import select as waiting
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask, current_app
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Executable,
    Row,
    bindparam,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import Session, UOWTransaction

from webapp.database_faults import FULL, is_busy, is_full
from webapp.errors import Busy
from webapp.extensions import Base, db
from webapp.sqlite_lock import WriteQueue
from webapp.time_limit import STATEMENT_LIMIT_S, begin_on_sqlite, limit_sqlite

_writing: ContextVar[bool] = ContextVar("casekeeper_writing", default=False)

LOCK_LIMIT_S = 20.0


def init_database(app: Flask) -> None:
    """Bind the extension to the app and prepare its engine."""
    db.init_app(app)
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
        app.extensions["write_queue"] = WriteQueue(Path(str(engine.url.database) + ".lock"))
    else:
        _prepare_postgresql(engine)


@contextmanager
def write_transaction() -> Iterator[Session]:
    """Run the block in one transaction that may write: commit at its end, roll back on an error.

    What the session read before is let go first, so objects loaded earlier are read again on
    their next use. Raises `Busy` when the database cannot be had within `LOCK_LIMIT_S`. Not to be
    nested.
    """
    session = db.session
    if _writing.get():
        raise RuntimeError("write_transaction is not to be nested: one commit per request or job")
    session.rollback()
    queue: WriteQueue | None = current_app.extensions.get("write_queue")
    if queue is not None and not queue.acquire(LOCK_LIMIT_S):
        raise Busy("The database is busy. Nothing was stored; please try again in a moment.")
    token = _writing.set(True)
    try:
        yield session()
        _write_last(session())
        session.commit()
    except BaseException as error:
        session.rollback()
        if is_full(error):
            raise Busy(FULL) from error
        if is_busy(error):
            raise Busy(
                "The database is busy. Nothing was stored; please try again in a moment."
            ) from error
        raise
    finally:
        _writing.reset(token)
        session().info.pop(_WITH_COMMIT, None)
        if queue is not None:
            queue.release()


_WITH_COMMIT = "the write that goes with the commit"


def write_with_commit(
    session: Session, statement: Executable, values: Mapping[str, object]
) -> None:
    """Leave a write, of which nothing is wanted back, to the end of the transaction: PostgreSQL
    gets it together with the commit, and the locks that it takes are gone before we hear of it.

    Only there, once in a transaction, and as its last: whoever read afterwards would not find what
    is still to be written.
    """
    if _WITH_COMMIT in session.info:
        raise RuntimeError("only one write of a transaction can go with its commit")
    session.info[_WITH_COMMIT] = (statement, values)


def _write_last(session: Session) -> None:
    if _WITH_COMMIT not in session.info:
        return
    session.flush()  # what is still to be written goes before
    connection = session.connection()
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        with driver.pipeline():
            connection.execute(*session.info[_WITH_COMMIT])
            driver.execute("COMMIT", prepare=False)
    except psycopg.Error as error:  # after the pipeline's end SQLAlchemy is not there to say so
        if driver.closed:
            connection.invalidate(error)
        raise DBAPIError.instance(None, None, error, psycopg.Error) from error


def lock_name(session: Session, *parts: object) -> None:
    """Make transactions that name the same thing wait for each other, until the commit.

    For names that may have no row yet (a submission id that arrives twice at once). On SQLite the
    write lock does it already.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    session.connection().execute(_LOCK_NAME, {"name": int.from_bytes(digest, signed=True)})


_LOCK_NAME = select(func.pg_advisory_xact_lock(bindparam("name", type_=BigInteger)))


def read_alone(
    session: Session, statement: Executable, values: Mapping[str, object]
) -> Sequence[Row[Any]]:
    """What one statement reads; on PostgreSQL outside of any transaction.

    For what is asked before a form is read, when whatever is open is ended: at a rollback, with
    which reading ends, psycopg forgets all statements that the server has prepared; planning them
    anew costs as much as doing them.
    """
    if session.get_bind().dialect.name != "postgresql":
        return session.connection().execute(statement, values).all()
    engine = session.get_bind().engine
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return connection.execute(statement, values).all()


def find_by_key(session: Session) -> None:
    """Make PostgreSQL find every row by its key for the rest of the transaction, whatever it
    believes about its tables. For statements that are given some hundred keys.

    Its statistics lag behind: a project whose rows they do not have yet counts as empty, and
    reading all of it seems as good as the index that leads to one row (100,000 forms: a minute
    instead of a second). So no values are looked up in them (`force_generic_plan`), which saves
    most of the planning as well. One statement; nothing on SQLite, which has no such freedom.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(_FIND_BY_KEY)


_FIND_BY_KEY = text(
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', true),"
    " set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)"
)


def find_by_index(session: Session) -> None:
    """Keep PostgreSQL from reading whole tables for the rest of the transaction. For lists that are
    cut off after some thousand rows.

    It thinks that it meets so many of them soon, wherever in the table it begins; but what came in
    one week stands together (of 5 million forms it read 3 million to count 10,000). One statement;
    nothing on SQLite, which takes an index wherever there is one.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(_FIND_BY_INDEX)


_FIND_BY_INDEX = text("SELECT set_config('enable_seqscan', 'off', true)")


def is_awaited(session: Session) -> bool:
    """Whether somebody waits for this transaction: on PostgreSQL for a row that it has locked, on
    SQLite for their turn to write. One small query, or a system call."""
    queue: WriteQueue | None = current_app.extensions.get("write_queue")
    if queue is not None:
        return queue.is_awaited()
    return bool(session.connection().scalar(_AWAITED))


#: Whoever waits for a row waits for the transaction that locked it, or that part of it.
_AWAITED = text(
    "SELECT EXISTS (SELECT FROM pg_locks ours JOIN pg_locks theirs USING (transactionid)"
    " WHERE ours.pid = pg_backend_pid() AND ours.granted AND NOT theirs.granted)"
)


def insert_new(
    session: Session,
    table: type[Base],
    rows: Sequence[dict[str, Any]],
    *,
    returning: tuple[str, ...] = (),
) -> Sequence[Row[Any]]:
    """Insert rows, leaving out those whose key is there already (`ON CONFLICT DO NOTHING`).

    Gives back the columns `returning` of those that went in, in any order. One statement.
    """
    if not rows:
        return []
    statement = _insert_new(session.get_bind().dialect.name, table, returning)
    result = session.connection().execute(statement, one_or_many(rows))
    return result.all() if returning else []


@cache
def _insert_new(dialect: str, table: type[Base], returning: tuple[str, ...]) -> Executable:
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = make(table.__table__).on_conflict_do_nothing()  # type: ignore[arg-type]
    if not returning:
        return statement
    return statement.returning(*(table.__table__.c[name] for name in returning))


def one_or_many(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | list[dict[str, Any]]:
    """What to execute a statement with: psycopg takes a longer path for a list of one."""
    return rows[0] if len(rows) == 1 else list(rows)


@event.listens_for(Session, "before_flush")
def _refuse_writes_outside(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    if not _writing.get() and (session.new or session.dirty or session.deleted):
        raise RuntimeError("a write outside write_transaction()")


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "do_connect")
    def on_do_connect(_dialect: Any, _record: Any, cargs: tuple[Any, ...], _cparams: Any) -> None:
        # SQLite would make it, and whoever asks in the wrong folder must leave nothing there.
        if not Path(cargs[0]).exists():
            raise sqlite3.OperationalError("unable to open database file")

    limit_sqlite(engine)

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # a phone deletes its copy at our 201: it must be on disk
            "foreign_keys = ON",
            "busy_timeout = 5000",
            "cache_size = -32000",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        # SQLite's own knows only the letters of ASCII.
        connection.create_function(
            "lower", 1, lambda text: None if text is None else str(text).lower(), deterministic=True
        )

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        begin_on_sqlite(connection, limited=not _writing.get())
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing.get() else "BEGIN")


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {int(STATEMENT_LIMIT_S * 1000)}")
            cursor.execute(f"SET lock_timeout = {int(LOCK_LIMIT_S * 1000)}")
            cursor.execute("SET timezone = 'UTC'")
        connection.commit()

    @event.listens_for(engine, "checkout")
    def on_checkout(connection: psycopg.Connection[Any], *_: Any) -> None:
        # A server that ends a connection says so, and nobody read it. Where anything came since it
        # was last used, SQLAlchemy makes a new one: a system call, where to ask the server whether
        # it is there (`pool_pre_ping`) costs half as much as a small statement.
        if connection.closed or _something_came(connection):
            raise DisconnectionError


def _something_came(connection: psycopg.Connection[Any]) -> bool:
    poll = waiting.poll()
    poll.register(connection.fileno(), waiting.POLLIN)
    return bool(poll.poll(0))
