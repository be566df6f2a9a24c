"""The files of exports, in the data folder: nobody but the server can read them, and nobody guess
their names."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from flask import current_app

#: A file that no row names is let go after so many seconds: what writes it is long over.
ORPHANED_S = 24 * 3600.0


def place(name: str) -> Path:
    """Where the file with this name lies."""
    return _folder() / name


@contextmanager
def new_file(token: str, ending: str) -> Iterator[tuple[str, IO[bytes]]]:
    """A new file and its name. It is on disk when the block ends, and gone when the block fails.

    Never one that there is already: whoever was replaced and does not know it yet writes to their
    own.
    """
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = f"{token}-{secrets.token_hex(8)}.{ending}"
    path = folder / name
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield name, file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def let_go(names: Collection[str]) -> None:
    """Remove files; one that is not here is none."""
    for name in names:
        place(name).unlink(missing_ok=True)


def older_than(at: float) -> list[str]:
    """The names of all files that were written last before an instant, in seconds since 1970."""
    folder = _folder()
    if not folder.is_dir():
        return []
    with os.scandir(folder) as found:
        return [one.name for one in found if one.is_file() and one.stat().st_mtime < at]


def _folder() -> Path:
    folder: Path = current_app.extensions["settings"].exports
    return folder
