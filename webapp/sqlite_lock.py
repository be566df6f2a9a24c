"""The queue in which SQLite's writers wait for their turn."""

from __future__ import annotations

import fcntl
import os
import threading
from collections import deque
from pathlib import Path


class WriteQueue:
    """First come, first served, over the threads of a process and over processes.

    Two steps: the threads of this process queue in order and give up after their limit; the one
    in front then waits for the other processes on a file lock, which the kernel hands out in
    order and takes back from a process that dies. At most one thread per process is ever in that
    second queue, so its wait is as short as the others' transactions.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False
        self._file: int | None = None
        os.register_at_fork(after_in_child=self._start_afresh)

    def acquire(self, limit: float) -> bool:
        """Wait up to `limit` seconds among this process's threads. False: it was too long."""
        with self._mutex:
            if not self._taken:
                self._taken = True
                turn = None
            else:
                turn = threading.Event()
                self._waiting.append(turn)
        if turn is not None and not turn.wait(limit):
            with self._mutex:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                    return False
            # The turn came between the timeout and the mutex: it is ours.
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._pass_on()
            raise
        return True

    def release(self) -> None:
        """Let the next one in. Only the holder calls it."""
        if self._file is not None:
            os.close(self._file)  # closing gives the file lock back
            self._file = None
        self._pass_on()

    def _pass_on(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False

    def _start_afresh(self) -> None:
        """A forked child has none of its parent's waiting threads, and not its turn."""
        self._mutex = threading.Lock()
        self._waiting = deque()
        self._taken = False
        if self._file is not None:
            os.close(self._file)  # inherited; the parent's own still holds the lock
        self._file = None
