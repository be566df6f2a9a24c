"""A program that works on one job in small chunks, and writes its plan in pieces, to be killed or
paused: told the number of the job on standard input, it forks a child that works on it and prints
the child's process id. So a new worker costs no start of Python."""

from __future__ import annotations

import os
import sys

from webapp import create_app
from webapp.extensions import db
from webapp.jobs import pace, tasks
from webapp.rules import look, matches


def main() -> None:
    """Fork a worker for each line; end with the input."""
    pace.FIRST = pace.LEAST = pace.MOST = int(sys.argv[1])
    matches.BATCH = look.PIECE = int(sys.argv[2])
    app = create_app()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            with app.app_context():
                db.engine.dispose(close=False)
                tasks.work(int(line))
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
