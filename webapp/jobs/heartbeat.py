"""Reading for long while nothing is locked, with signs of life, and ended as soon as nobody wants
it any more.

A worker that reads for minutes cannot look at its job meanwhile. So a thread does: every few
seconds it holds the job for a moment, as any step of the work does.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from flask import Flask, current_app
from sqlalchemy.orm import Session

from webapp.clock import now
from webapp.database import write_transaction
from webapp.database_faults import is_busy
from webapp.errors import Busy
from webapp.extensions import db
from webapp.jobs.claim import Claim, hold
from webapp.submissions.snapshot import snapshot

#: How often the job is held, in seconds: so long a person waits who stops it, at most.
EVERY_S = 2.0
#: How often a statement that is to end is told so: one may begin right after another was ended.
AGAIN_S = 0.1
#: PostgreSQL is told over a connection of its own, which may take so long, in seconds.
TELLING_S = 5.0

_log = logging.getLogger(__name__)


class Ended(Exception):  # no error of the job
    """The reading was ended: the job is to stop, or this process."""


@contextmanager
def reading(held: Claim, leaving: threading.Event) -> Iterator[Session]:
    """A session that reads one state, in statements that take what they take.

    Where the job is asked to stop, or `leaving` is set, the present statement is ended and `Ended`
    raised; `Replaced` where another worker has the job; `Busy` where the database is away. A thread
    and a second connection, and a short transaction every `EVERY_S`.
    """
    try:
        with Session(db.engine) as session:
            snapshot(session)
            with _watched(session, held, leaving) as watch:
                session.info[WATCH] = watch
                yield session
    except Exception as error:
        if is_busy(error):
            raise Busy("The database is busy, so nothing could be read.") from error
        raise


#: Where a session has its watch.
WATCH = "watch of the job"


def check(session: Session) -> None:
    """For whoever works for long between two statements of a `reading`: raises what ends it."""
    why = session.info[WATCH].why
    if why is not None:
        raise why


@contextmanager
def _watched(session: Session, held: Claim, leaving: threading.Event) -> Iterator[_Watch]:
    watch = _Watch(held, session.connection().connection.driver_connection, leaving)
    watch.start()
    try:
        yield watch
    except Exception:
        # Whatever a statement says that was ended from here; why it was is raised below.
        if watch.why is None:
            raise
    finally:
        watch.over()
        if watch.why is not None:
            # It may still be told to end, which must not meet a statement of somebody else.
            session.invalidate()
    if watch.why is not None:
        raise watch.why


class _Watch(threading.Thread):
    """Looks at a job while a connection reads for it. `why` the reading was ended, if it was."""

    def __init__(self, held: Claim, connection: Any, leaving: threading.Event) -> None:
        super().__init__(name=f"watch-{held.job_id}", daemon=True)
        self.why: Exception | None = None
        # Flask's own way.
        self._app: Flask = cast(Any, current_app)._get_current_object()  # noqa: SLF001
        self._held = held
        self._connection = connection
        self._leaving = leaving
        #: Held while the connection is spoken to from here: it may be another's afterwards.
        self._speaking = threading.Lock()
        self._over = threading.Event()

    def over(self) -> None:
        """The reading is at its end; the thread, too, when this returns."""
        with self._speaking:
            self._over.set()
        self.join()

    def run(self) -> None:
        """Until the reading is over."""
        look_on = time.monotonic() + EVERY_S
        while not self._over.wait(AGAIN_S):
            if self.why is None and self._leaving.is_set():
                self.why = Ended()
            if self.why is None and time.monotonic() >= look_on:
                self._look_at_job()
                look_on = time.monotonic() + EVERY_S
            if self.why is not None:
                self._end_statement()

    def _look_at_job(self) -> None:
        try:
            with self._app.app_context(), write_transaction() as session:
                job = hold(session, self._held)
                job.heartbeat_on = now()
                if job.stop_asked:
                    self.why = Ended()
        except Busy as busy:
            _log.warning("job %d gives no sign of life: %s", self._held.job_id, busy)
        except Exception as error:  # noqa: BLE001  whoever reads has to know, and raises it
            self.why = error

    def _end_statement(self) -> None:
        with self._speaking:
            if self._over.is_set():
                return
            try:
                if isinstance(self._connection, sqlite3.Connection):
                    self._connection.interrupt()
                else:
                    self._connection.cancel_safe(timeout=TELLING_S)
            except Exception as error:  # noqa: BLE001  it is tried again
                _log.warning("job %d: what it reads goes on: %s", self._held.job_id, error)
