"""A process that works on one job in small chunks, and writes its plan in pieces, to be killed or
paused: told the number of the job, it forks a child that works on it and says the child's process
id. So a new worker costs next to nothing."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection

from webapp import create_app
from webapp.extensions import db
from webapp.jobs import pace, tasks
from webapp.rules import look, matches


def serve(told: Connection, chunk: int, piece: int) -> None:
    """Fork a worker for each number of a job; end when nobody is there to tell one."""
    pace.FIRST = pace.LEAST = pace.MOST = chunk
    matches.BATCH = look.PIECE = piece
    app = create_app()
    while True:
        try:
            job_id = told.recv()
        except EOFError:
            return
        child = os.fork()
        if child == 0:
            with app.app_context():
                db.engine.dispose(close=False)
                tasks.work(job_id)
            os._exit(0)
        told.send(child)
