"""Processes of the tests' own that need not read the program first, which takes a second of a
processor: they are forked from one that has read it, and does nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from typing import Any

from flask import Flask

import worker

_ready = multiprocessing.get_context("forkserver")
_ready.set_forkserver_preload(["tests.jobs.work", "tests.rules.slow_worker"])


def environment_of(app: Flask) -> dict[str, str]:
    """What a process is told to work on the database of the app."""
    settings = app.extensions["settings"]
    return {
        "CASEKEEPER_DATA": str(settings.data),
        "CASEKEEPER_SECRET": settings.secret,
        "DATABASE_URL": settings.database_url,
        "SMTP_URL": settings.smtp_url,
        "MAIL_FROM": settings.mail_from,
        "PUBLIC_URL": settings.public_url,
    }


def forked(do: Callable[..., object], environment: Mapping[str, str], *args: Any) -> BaseProcess:
    """Start a process that does something, in an environment; `args` can be pickled."""
    process = _ready.Process(target=_in_environment, args=(environment, do, *args))
    process.start()
    return process


def pipe() -> tuple[Any, Any]:
    """Two ends, one of which can be given to a process."""
    return _ready.Pipe()


def _in_environment(environment: Mapping[str, str], do: Callable[..., object], *args: Any) -> None:
    os.environ.update(environment)
    do(*args)


def be_worker() -> None:
    """What `python worker.py` does."""
    sys.exit(worker.main())


class ForkedWorker:
    """A process that does what `python worker.py` does, with the face of a `subprocess.Popen`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = forked(be_worker, environment)
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Its exit status, if it has ended."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, if it has not ended."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int | None:
        """Its exit status; None where it has not ended in so many seconds."""
        self._process.join(timeout)
        return self.poll()
