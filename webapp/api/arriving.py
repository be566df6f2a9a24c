"""The body of a request on its way here: all of it or nothing (SPEC S1, S4).

We do not leave it to the framework: where the sender did not say how long the body is, it cuts off
what is too large without a word; and where the server knows the end of the body, it takes what
broke off for all of it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore, Timer
from typing import IO

from flask import Flask, current_app, g, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from webapp.config import Settings

#: How much is read at a time.
CHUNK = 1 << 16
#: Of what is refused no more is waited for, in bytes and seconds. Whoever may send forms could send
#: a good one as slowly.
MOST = 1_000_000_000
KNOWN_S = 600
#: Strangers hold a thread so long, and at most half of the threads of a process: the others answer
#: at once, whether that is heard or not.
STRANGER_S = 60


class Arriving:
    """The body of this request. There is one for a request (`arriving`)."""

    def __init__(self) -> None:
        self._stream: IO[bytes] = request.environ["wsgi.input"]
        #: None: it comes in chunks, and the server knows the end.
        self._left = request.content_length
        if self._left is None and "wsgi.input_terminated" not in request.environ:
            self._left = 0

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end. Raises `BadRequest` when it ends before."""
        size = size if self._left is None else min(size, self._left)
        try:
            some = self._stream.read(size) if size else b""
        except Exception as error:  # each server has its own ones
            self._left = 0
            raise _broken_off() from error
        if self._left is not None:
            self._left -= len(some)
            if size and not some:
                self._left = 0
                raise _broken_off()
        return some

    def copy_to(self, file: IO[bytes], limit: int, too_large: RequestEntityTooLarge) -> None:
        """Copy all of it; raise `too_large` if it has more bytes than `limit`, and `BadRequest`."""
        if (self._left or 0) > limit:
            raise too_large
        size = 0
        while some := self.read(CHUNK):
            size += len(some)
            if size > limit:
                raise too_large
            file.write(some)

    def let_it_come(self, seconds: float) -> None:
        """Read what is still on its way, for so long at most, and forget it: a phone that is cut
        off while it sends takes that for a bad connection, never reads the answer and tries again
        for ever."""
        if self._left is None or self._left <= MOST:
            left = MOST
            with _ends_after(seconds), suppress(BadRequest):
                while left > 0 and (some := self.read(CHUNK)):
                    left -= len(some)
        self._left = 0

    def let_it_come_from_strangers(self) -> None:
        """The same for whom we do not know, in what they may take of us."""
        places: BoundedSemaphore = current_app.extensions["places_of_strangers"]
        if self._left == 0:
            return
        if not places.acquire(blocking=False):
            _stop(_connection())  # else the server would wait for it, some seconds
            return
        try:
            self.let_it_come(STRANGER_S)
        finally:
            places.release()


def init_arriving(app: Flask) -> None:
    """Count the threads that wait for strangers."""
    settings: Settings = app.extensions["settings"]
    places = BoundedSemaphore(settings.web_threads // 2)
    app.extensions["places_of_strangers"] = places


@contextmanager
def _ends_after(seconds: float) -> Iterator[None]:
    """Let reading end then, whatever comes until then: a limit of the socket's own would begin
    anew with each byte."""
    timer = Timer(seconds, _stop, [_connection()])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _connection() -> socket.socket | None:
    """None in tests, and where it is encrypted: then it cannot be stopped from beside."""
    found = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    return found if type(found) is socket.socket else None


def _stop(connection: socket.socket | None) -> None:
    """What has come can still be read; then it ends."""
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


def arriving() -> Arriving:
    """The body of this request."""
    if "arriving" not in g:
        g.arriving = Arriving()
    body: Arriving = g.arriving
    return body


def _broken_off() -> BadRequest:
    return BadRequest("The connection broke off before all of it came. Please send it again.")
