"""Work that nobody waits for any more ends (UX "Rule builder": older requests are cancelled).

As people type, a browser drops the preview that it asked for before, and asks for a new one. The
older would go on counting beside it, up to its time limit. A browser that drops a request closes
its connection; so that is looked at from time to time. It needs no register of who asked what, and
it holds for a tab that was closed as well.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from flask import request
from sqlalchemy import Connection

from webapp.ending import ends_when


@contextmanager
def ends_when_hung_up(*connections: Connection) -> Iterator[None]:
    """Let what connections read inside end once the browser that asked for it is gone; it fails as
    what takes too long does, and nobody reads that. For what only reads, in one transaction each.

    Where the server does not say which connection it is (it is neither gunicorn nor Werkzeug's), or
    it is encrypted here, this does nothing.
    """
    found = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    # Of one that is encrypted nothing can be looked at without being taken.
    browser = found if type(found) is socket.socket else None
    if browser is None:
        yield
        return
    with ends_when(lambda: is_closed(browser), *connections):
        yield


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed it: then nothing comes any more. Takes nothing from it."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
