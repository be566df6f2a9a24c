"""A Redis server of the tests' own."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

from webapp.embedded.redis_server import server_program


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a server on a socket of its own; the value is its address."""
    # Not pytest's folder: the path of a socket may have about 100 characters.
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        socket = Path(folder, "redis.sock")
        options = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder)
        server = subprocess.Popen([server_program(), *options], stdout=subprocess.DEVNULL)
        try:
            url = f"unix://{socket}"
            _wait_for(url)
            yield url
        finally:
            server.kill()
            server.wait()


def _wait_for(url: str) -> None:
    until = time.monotonic() + 10
    with redis.Redis.from_url(url) as connection:
        while time.monotonic() < until:
            with suppress(redis.ConnectionError):
                connection.ping()
                return
            time.sleep(0.01)
    raise RuntimeError("the test's Redis server did not start")
