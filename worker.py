"""Start the RQ workers and the tick: `python worker.py`.

Reads the same environment as the web server (README): REDIS_URL is needed, WORKERS says how many.
Ends within 3 seconds after SIGTERM or Ctrl-C; an unfinished job goes on at the next start.
"""

from __future__ import annotations

import logging
import sys

from webapp import create_app
from webapp.config import want_installation
from webapp.errors import CasekeeperError
from webapp.jobs.processes import run


def main() -> int:
    """Run until told to end; return the exit status (2 when a setting is wrong)."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        app = create_app()
        want_installation(app.extensions["settings"])
    except CasekeeperError as error:
        return refuse(error.message)
    settings = app.extensions["settings"]
    if not settings.redis_url:
        return refuse("REDIS_URL must be set to the address of a Redis server.")
    return run(app, settings.workers)


def refuse(sentence: str) -> int:
    """Say why it does not start."""
    sys.stderr.write(f"{sentence}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
