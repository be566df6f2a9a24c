"""The queue in which SQLite's writers wait for their turn."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
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


#: Where the lock is free and yet whoever is first in line has not come for so many seconds, it is
#: asleep: others pass it, for some time without waiting for it again.
ASLEEP_S = 0.5
PASSED_S = 2.0


class ProcessLine:
    """The line of the processes, made of two file locks, which the kernel takes back from a process
    that dies: whoever is first in line holds the one (`next`) until it gets the other (`turn`).

    One would not do: the kernel only wakes those who wait for a lock that is free again, and on a
    busy machine whoever gave it back has asked for it anew, and got it, before they are awake. So
    nobody passes the first in line, unless that was paused.

    One cannot wait for a lock with a limit, and asking again and again is neither fair nor cheap.
    So where they are not free a thread of its own waits for them, as long as it takes. Whoever
    gives up leaves that thread in the line: the process keeps its place, for the next of its
    writers, or else lets the others pass. One writer of the process is here at a time.
    """

    def __init__(self, path: Path) -> None:
        self._turn_path = path
        self._next_path = path.with_name(f"{path.name}-next")
        self._begin()

    def _begin(self) -> None:
        self._own: _Locks | None = None
        self._in_line: _Locks | None = None
        #: With which of the two we have the turn.
        self._held: _Locks | None = None
        self._changed = threading.Condition()
        self._wanted = False
        self._pass_until = 0.0

    def start_afresh(self) -> None:
        """After a fork: the open files are the parent's, and so are the locks on them."""
        opened = {self._own, self._in_line, self._held} - {None}
        self._begin()
        for locks in opened:
            assert locks is not None
            locks.close()  # ours only: the parent's own files still hold the locks

    def take(self, until: float) -> bool:
        """Wait for the lock until then (`time.monotonic`). False: it did not come."""
        with self._changed:
            if self._take_if_free():
                return True
            if self._in_line is None:
                self._in_line = self._opened()
                threading.Thread(
                    target=self._stand_in_line, args=[self._in_line], daemon=True
                ).start()
            self._wanted = True
            try:
                self._wait(until)
            except BaseException:  # a signal: nobody will ask for what may have come
                if self._held is not None:
                    self._let_go()
                raise
            finally:
                self._wanted = False
            return self._held is not None

    def give_back(self) -> None:
        """Let the next process have the lock."""
        with self._changed:
            self._let_go()

    def is_awaited(self) -> bool:
        """Whether another process stands in line. Only the holder asks."""
        with self._changed:
            own = self._mine()
            if not _taken(own.next):
                return True
            _give_back(own.next)
            return False

    def _wait(self, until: float) -> None:
        while self._held is None and (left := until - time.monotonic()) > 0:
            self._changed.wait_for(lambda: self._held is not None, min(left, ASLEEP_S))
            if self._held is None and left > ASLEEP_S and _taken(self._mine().turn):
                self._held = self._mine()
                self._pass_until = time.monotonic() + PASSED_S

    def _take_if_free(self) -> bool:
        own = self._mine()
        is_first = _taken(own.next)
        if not is_first and time.monotonic() > self._pass_until:
            return False
        if _taken(own.turn):
            self._held = own
        if is_first:
            _give_back(own.next)
        return self._held is not None

    def _stand_in_line(self, locks: _Locks) -> None:
        fcntl.flock(locks.next, fcntl.LOCK_EX)
        fcntl.flock(locks.turn, fcntl.LOCK_EX)
        _give_back(locks.next)
        with self._changed:
            self._in_line = None
            self._held = locks
            if self._wanted:
                self._changed.notify()
            else:
                self._let_go()

    def _let_go(self) -> None:
        locks, self._held = self._held, None
        if locks is None:
            return
        # Not by closing: a process that is just being started may have a copy of the file.
        _give_back(locks.turn)
        if locks is not self._own:
            locks.close()

    def _mine(self) -> _Locks:
        if self._own is None:
            self._own = self._opened()
        return self._own

    def _opened(self) -> _Locks:
        turn = _opened(self._turn_path)
        try:
            return _Locks(turn, _opened(self._next_path))
        except OSError:
            os.close(turn)
            raise


@dataclass(frozen=True, slots=True)
class _Locks:
    """Both files, open. Each opening is a holder of its own for the kernel."""

    turn: int
    next: int

    def close(self) -> None:
        os.close(self.turn)
        os.close(self.next)


def _taken(file: int) -> bool:
    """Take the lock on a file if it is free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _give_back(file: int) -> None:
    fcntl.flock(file, fcntl.LOCK_UN)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
