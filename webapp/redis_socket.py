"""Where the Redis server of an embedded installation listens."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

#: The path of a unix socket may be this long on every system, in bytes.
LONGEST_SOCKET = 100


def redis_folder(data: Path) -> Path:
    """The folder of the server's files, in the data folder of an installation."""
    return data / "redis"


def socket_path(folder: Path) -> Path:
    """The server's socket: in the folder of its files, or when its path is too long for a socket in
    a folder of its own under the temporary one. The same each time; nothing is made."""
    socket = folder.resolve() / "redis.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET:
        return socket
    mark = hashlib.sha256(os.fsencode(socket)).hexdigest()[:12]
    return Path(tempfile.gettempdir(), f"casekeeper-{mark}", "redis.sock")


def address_of_own(data: Path) -> str | None:
    """The address of the server that `up` started on a data folder, as it seems; None where there
    is none. A socket that belongs to another than the folder is not believed."""
    socket = socket_path(redis_folder(data))
    try:
        there = socket.lstat()
        own = stat.S_ISSOCK(there.st_mode) and there.st_uid == data.stat().st_uid
    except OSError:
        return None
    return f"unix://{socket}" if own else None
