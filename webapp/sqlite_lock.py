"""The queue in which SQLite's writers wait for their turn."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from pathlib import Path


class WriteQueue:
    """First come, first served, over the threads of a process and over processes.

    Two steps: the threads of this process queue in order; the one in front then has the process
    stand in line among the processes (`ProcessLine`). Whoever waits longer than it wants to leaves
    either queue, and the others go on.
    """

    def __init__(self, path: Path) -> None:
        self._line = ProcessLine(path)
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False
        os.register_at_fork(after_in_child=self._start_afresh)

    def acquire(self, limit: float) -> bool:
        """Wait up to `limit` seconds in all. False: it was too long.

        A free queue costs a few system calls. Raises `OSError` when the file cannot be opened.
        """
        until = time.monotonic() + limit
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
            if self._line.take(until):
                return True
        except BaseException:
            self._pass_on()
            raise
        self._pass_on()
        return False

    def release(self) -> None:
        """Let the next one in. Only the holder calls it."""
        self._line.give_back()
        self._pass_on()

    def is_awaited(self) -> bool:
        """Whether anybody waits for the holder, in this process or another. Only the holder asks;
        one system call."""
        with self._mutex:
            return bool(self._waiting) or self._line.is_awaited()

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
        self._line.start_afresh()


class ProcessLine:
    """The line of the processes, made of two file locks, which the kernel takes back from a process
    that dies: whoever is first in line holds the one (`_next`) until it gets the other (`_turn`).

    One would not do: the kernel only wakes those who wait for a lock that is free again, and on a
    busy machine whoever gave it back has asked for it anew, and got it, before they are awake. So
    it must pass the first in line here. (A process that is paused while it is first keeps the
    others out, as one that is paused while it writes does.)

    One cannot wait for a lock with a limit, and asking again and again is neither fair nor cheap.
    So where they are not free a thread of its own waits for them, as long as it takes. Whoever
    gives up leaves that thread in the line: the process keeps its place, for the next of its
    writers, or else lets the others pass. One thread of the process is here at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin()

    def _begin(self) -> None:
        self._turn: int | None = None
        self._next: int | None = None
        self._changed = threading.Condition()
        self._stands_in_line = False
        self._wanted = False
        self._has_it = False

    def start_afresh(self) -> None:
        """After a fork: the open files are the parent's, and so are the locks on them."""
        files = self._turn, self._next
        self._begin()
        for file in files:
            if file is not None:
                os.close(file)  # ours only: the parent's own still holds the lock

    def take(self, until: float) -> bool:
        """Wait for the lock until then (`time.monotonic`). False: it did not come."""
        with self._changed:
            if not self._stands_in_line:
                if self._take_if_free():
                    return True
                in_line = threading.Thread(
                    target=self._stand_in_line,
                    args=[self._open_turn(), self._open_next()],
                    daemon=True,
                )
                in_line.start()
                self._stands_in_line = True
            self._wanted = True
            try:
                self._changed.wait_for(lambda: self._has_it, until - time.monotonic())
            except BaseException:  # a signal: nobody will ask for what may have come
                if self._has_it:
                    self._let_go()
                raise
            finally:
                self._wanted = False
            return self._has_it

    def give_back(self) -> None:
        """Let the next process have the lock."""
        with self._changed:
            self._let_go()

    def is_awaited(self) -> bool:
        """Whether another process stands in line. Only the holder asks."""
        with self._changed:
            if not _taken(self._open_next()):
                return True
            fcntl.flock(self._open_next(), fcntl.LOCK_UN)
            return False

    def _let_go(self) -> None:
        self._has_it = False
        # Not by closing: a process that is just being started may have a copy of the file.
        fcntl.flock(self._open_turn(), fcntl.LOCK_UN)

    def _take_if_free(self) -> bool:
        if not _taken(self._open_next()):
            return False
        self._has_it = _taken(self._open_turn())
        fcntl.flock(self._open_next(), fcntl.LOCK_UN)
        return self._has_it

    def _stand_in_line(self, turn: int, next_: int) -> None:
        fcntl.flock(next_, fcntl.LOCK_EX)
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(next_, fcntl.LOCK_UN)
        with self._changed:
            self._stands_in_line = False
            if self._wanted:
                self._has_it = True
                self._changed.notify()
            else:
                self._let_go()

    def _open_turn(self) -> int:
        if self._turn is None:
            self._turn = _opened(self._path)
        return self._turn

    def _open_next(self) -> int:
        if self._next is None:
            self._next = _opened(self._path.with_name(f"{self._path.name}-next"))
        return self._next


def _taken(file: int) -> bool:
    """Take the lock on a file if it is free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
