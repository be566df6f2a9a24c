"""The RQ worker of this product."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job as Entry
from rq.serializers import JSONSerializer
from rq.worker.base import WorkerStatus
from sqlalchemy import event

from webapp.extensions import db
from webapp.jobs.queue import queue_of
from webapp.jobs.tasks import leaving

#: After so many wake-ups a worker makes room for a fresh one, so that memory cannot creep up.
MOST_ENTRIES = 500
#: A paused worker keeps its locks no longer than this (PostgreSQL): less than until it is replaced.
IDLE_LIMIT_S = 30


class JobWorker(SimpleWorker):
    """Works in its own process instead of forking one per wake-up: `worker.py` replaces a worker
    that dies, and the database knows how far the work is, so a second process in between would only
    be one more to watch. Told to end, it hands its job back after the present item.
    """

    #: After an outage of Redis, look again at least this often (seconds).
    max_connection_wait_time = 5.0
    app: Flask

    def perform_job(self, job: Entry, queue: Queue) -> bool:
        """Run the task in an application context, and so a database session, of its own."""
        with self.app.app_context():
            return super().perform_job(job, queue)

    def _install_signal_handlers(self) -> None:
        # RQ's own handler talks to Redis in the middle of whatever is going on, and waits for the
        # end of the job.
        signal.signal(signal.SIGTERM, self._leave)
        signal.signal(signal.SIGINT, self._leave)

    def _leave(self, _number: int, _frame: FrameType | None) -> None:
        leaving.set()
        self._stop_requested = True
        if self.get_state() != WorkerStatus.BUSY:
            raise StopRequested


def work_for_ever(app: Flask) -> None:
    """Serve the queue until told to end, or until it is time for a fresh process.

    Raises when Redis is not there at the start; whoever started this tries again.
    """
    _limit_idle_transactions(app)
    connection = Redis.from_url(app.extensions["settings"].redis_url)
    worker = JobWorker([queue_of(connection)], connection=connection, serializer=JSONSerializer)
    worker.app = app
    worker.work(max_jobs=MOST_ENTRIES, logging_level="WARNING")


def _limit_idle_transactions(app: Flask) -> None:
    with app.app_context():
        engine = db.engine
    if engine.dialect.name != "postgresql":
        return

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_LIMIT_S * 1000}")
        connection.commit()
