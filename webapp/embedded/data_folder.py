"""The data folder of an embedded installation: closed to others, used by one instance."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.errors import CasekeeperError


class InUse(CasekeeperError):
    """Another instance runs on the same data folder."""


def prepare(folder: Path) -> None:
    """Make the folder if need be, readable by its owner alone."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


@contextmanager
def only_instance(folder: Path) -> Iterator[None]:
    """Hold the folder for this process. Raises `InUse` when another has it.

    The kernel gives the lock back when the process ends, however it ends; the number in the file
    is only for people.
    """
    file = os.open(folder / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 32).decode(errors="replace").strip()
            raise InUse(
                f"Casekeeper is already running on {folder} (process {holder or 'unknown'})."
                " Stop that one first, or set CASEKEEPER_DATA to another folder."
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)
