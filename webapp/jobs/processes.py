"""The processes of `worker.py`: the RQ workers and the tick, under a parent that only watches.

The tick, with the post, has a process of its own. So the parent holds no connection and runs no
thread: forking stays safe however often a child must be replaced, and a tick that waits for the
database keeps nobody from being replaced, nor the parent from ending in time.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

from flask import Flask

from webapp.clock import now
from webapp.extensions import db
from webapp.jobs.tick import EVERY_S, tick
from webapp.jobs.worker import work_for_ever
from webapp.mail.outbox import send_due

#: Children that are asked to end get this long: an item takes milliseconds, and killing them in the
#: middle of one does no harm either.
GRACE_S = 1.2
#: A child that ends at once is started again this often, and not more.
PAUSE_S = 1.0
#: What is held or failed is in people's mail within a minute.
SEND_EVERY_S = 10.0

Duty = Callable[[Flask], None]

_log = logging.getLogger(__name__)


def run(app: Flask, workers: int) -> int:
    """Run so many RQ workers and the tick until SIGTERM or SIGINT; return the exit status.

    What dies is started again. When this process itself is killed, its children end by themselves.
    """
    return _Crew(app, [*[work_for_ever] * workers, tick_for_ever]).run()


def tick_for_ever(app: Flask) -> None:
    """Tick now, and then every 30 seconds.

    Letters are sent beside it, by a thread: a mail server that hangs must not delay a night.
    """
    threading.Thread(target=_for_ever, args=(app, _send, SEND_EVERY_S), daemon=True).start()
    _for_ever(app, tick, EVERY_S)


def _send() -> int:
    return send_due(now())


def _for_ever(app: Flask, do: Callable[[], int], every_s: float) -> None:
    """Do it now, and again and again. An outage is logged, and over with the next time."""
    while True:
        try:
            with app.app_context():
                do()
        except Exception:  # noqa: BLE001  it must go on, and the log says what it was
            _log.exception("%s failed; it is done again in %d s", do.__name__, every_s)
        time.sleep(every_s)


class _Crew:
    def __init__(self, app: Flask, duties: Sequence[Duty]) -> None:
        self._app = app
        self._duties = duties
        self._children: dict[int, Duty] = {}
        self._stopping = False
        # Nothing is ever written here. The parent alone holds the other end, so reading it ends
        # when the parent does, however it ended, on every system.
        self._parent_lives, self._parent = os.pipe()

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        for duty in self._duties:
            self._start(duty)
        while not self._stopping:
            for duty in self._reap():
                _log.warning("%s ended and is started again", duty.__name__)
                time.sleep(PAUSE_S)
                if not self._stopping:
                    self._start(duty)
            time.sleep(0.1)
        self._end()
        return 0

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _start(self, duty: Duty) -> None:
        child = os.fork()
        if child:
            self._children[child] = duty
        else:
            self._serve(duty)

    def _serve(self, duty: Duty) -> None:
        """The life of a child: it never returns from here."""
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.close(self._parent)
            threading.Thread(target=self._die_with_parent, daemon=True).start()
            with self._app.app_context():
                db.engine.dispose(close=False)  # connections of the parent are not ours
            duty(self._app)
            status = 0
        except BaseException:  # noqa: BLE001  the process ends here, whatever it was
            _log.exception("%s failed", duty.__name__)
        finally:
            os._exit(status)

    def _die_with_parent(self) -> None:
        os.read(self._parent_lives, 1)
        os._exit(1)  # every item is one transaction, so this is no worse than at any other moment

    def _reap(self) -> list[Duty]:
        ended = []
        while self._children:
            child, _ = os.waitpid(-1, os.WNOHANG)
            if not child:
                break
            ended.append(self._children.pop(child))
        return ended

    def _end(self) -> None:
        self._signal(signal.SIGTERM)
        until = time.monotonic() + GRACE_S
        while self._children and time.monotonic() < until:
            self._reap()
            time.sleep(0.02)
        self._signal(signal.SIGKILL)
        while self._children:
            child, _ = os.waitpid(-1, 0)
            self._children.pop(child, None)

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children:
            os.kill(child, number)
