"""Starting, watching and stopping the processes of an embedded installation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

#: Everything has ended this long after it was asked to, in seconds.
GRACE_S = 2.5
#: So much of that is kept for what the others need to the end.
LAST_S = 0.4
#: A child that keeps dying is started again after 0.5, 1, 2, … and at most so many seconds.
LONGEST_PAUSE_S = 10.0
#: A child that lived this long has recovered.
STEADY_S = 30.0


@dataclass
class Child:
    """One process that is kept running."""

    name: str
    command: list[str]
    #: It serves the others, and is asked to end only when they have.
    outlasts: bool = False
    #: Descriptors of ours that it gets under the same number.
    files: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    start_again_at: float = field(default=0.0)


class Supervisor:
    """Keeps children running until it is told to stop.

    All are in one process group, which a leash leads: when this process dies in whatever way, the
    leash ends the group. A leash that dies is replaced. Use it as a context manager; leaving stops
    everything within `GRACE_S`. `lock` is a descriptor that the leash holds too, so that it is
    free only when the children are gone.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        say: Callable[[str], None],
        *,
        lock: int,
    ):
        self._folder = folder
        self._environment = dict(environment)
        self._say = say
        self._lock = lock
        self._children: list[Child] = []
        self._stopping = False

    def __enter__(self) -> Supervisor:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        self._leash = self._put_on_leash(0)
        self._group = self._leash.pid
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the end."""
        return self._stopping

    def start(
        self, name: str, command: list[str], *, outlasts: bool = False, files: tuple[int, ...] = ()
    ) -> None:
        """Start a child and keep it running from now on. One that `outlasts` the others is asked
        to end after them. `files` are descriptors that it is given, and keep their numbers."""
        child = Child(name, command, outlasts, files)
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

    def _put_on_leash(self, group: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("leash.py"))],
            stdin=subprocess.PIPE,
            process_group=group,
            pass_fds=[self._lock],
        )

    def _watch_leash(self) -> None:
        if self._leash.poll() is None:
            return
        self._let_go()
        try:
            self._leash = self._put_on_leash(self._group)
        except OSError:  # the group went with its last process
            self._leash = self._put_on_leash(0)
            self._group = self._leash.pid

    def _let_go(self) -> None:
        if self._leash.stdin is not None:
            self._leash.stdin.close()

    def _launch(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            child.command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            process_group=self._group,
            pass_fds=child.files,
        )

    def _watch(self) -> None:
        self._watch_leash()
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
        first = [child for child in self._children if not child.outlasts]
        last = [child for child in self._children if child.outlasts]
        self._end_these(first, until - LAST_S)
        self._end_these(last, until)
        with suppress(ProcessLookupError):
            os.killpg(self._group, signal.SIGKILL)  # whoever is left, and the leash itself
        self._leash.wait()
        self._let_go()

    @staticmethod
    def _end_these(children: Sequence[Child], until: float) -> None:
        processes = [child.process for child in children if child.process is not None]
        for process in processes:
            process.terminate()
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
