"""Starting, watching and stopping the processes of an embedded installation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

#: Everything has ended this long after it was asked to, in seconds.
GRACE_S = 2.5
#: A child that keeps dying is started again after 0.5, 1, 2, … and at most so many seconds.
LONGEST_PAUSE_S = 10.0
#: A child that lived this long has recovered.
STEADY_S = 30.0


@dataclass
class Child:
    """One process that is kept running."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    start_again_at: float = field(default=0.0)


class Supervisor:
    """Keeps children running until it is told to stop.

    All are in one process group, which a leash leads: when this process dies in whatever way, the
    leash ends the group. Use it as a context manager; leaving stops everything, last started
    first, within `GRACE_S`.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], say: Callable[[str], None]):
        self._folder = folder
        self._environment = dict(environment)
        self._say = say
        self._children: list[Child] = []
        self._stopping = False

    def __enter__(self) -> Supervisor:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        self._leash = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("leash.py"))],
            stdin=subprocess.PIPE,
            process_group=0,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the end."""
        return self._stopping

    def start(self, name: str, command: list[str]) -> None:
        """Start a child and keep it running from now on."""
        child = Child(name, command)
        self._children.append(child)
        self._launch(child)

    def wait_for(self, ready: Callable[[], bool], limit: float) -> bool:
        """Watch until `ready`, for at most `limit` seconds; False when it is not, or the end was
        asked for."""
        until = time.monotonic() + limit
        while not self._stopping and time.monotonic() < until:
            if ready():
                return True
            self._watch()
            time.sleep(0.05)
        return False

    def run(self) -> None:
        """Watch until somebody asks for the end."""
        while not self._stopping:
            self._watch()
            time.sleep(0.1)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _launch(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            child.command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            process_group=self._leash.pid,
        )

    def _watch(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.process is None:
                if now >= child.start_again_at:
                    self._launch(child)
            elif child.process.poll() is not None:
                if now - child.started > STEADY_S:
                    child.deaths = 0
                pause = min(0.5 * 2**child.deaths, LONGEST_PAUSE_S)
                child.deaths += 1
                child.start_again_at = now + pause
                self._say(
                    f"{child.name} ended (status {child.process.returncode});"
                    f" it is started again in {pause:g} s."
                )
                child.process = None

    def _end(self) -> None:
        until = time.monotonic() + GRACE_S
        for child in reversed(self._children):
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        for child in self._children:
            if child.process is not None:
                with suppress(subprocess.TimeoutExpired):
                    child.process.wait(max(0.0, until - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(self._leash.pid, signal.SIGKILL)  # whoever is left, and the leash itself
        self._leash.wait()
        if self._leash.stdin is not None:
            self._leash.stdin.close()
