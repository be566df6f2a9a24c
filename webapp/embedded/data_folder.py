"""The data folder of an embedded installation: closed to others, used by one instance."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.errors import CasekeeperError

#: What a killed instance left has ended this long after it, in seconds (see leash.py).
AFTERMATH_S = 5.0


class InUse(CasekeeperError):
    """Another instance runs on the same data folder."""


def prepare(folder: Path) -> None:
    """Make the folder if need be, readable by its owner alone.

    Raises `CasekeeperError` when that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise _unusable(folder, error) from error


@contextmanager
def only_instance(folder: Path) -> Iterator[int]:
    """Hold the folder; the value is the descriptor of the lock. Raises `InUse` when another has it,
    `CasekeeperError` when nobody may write there.

    The kernel gives the lock back when the last process that has the descriptor ends, however it
    ends. The leash has it too: so nobody starts while the children of a killed instance still
    write here, and whoever tries to waits for their end.
    """
    try:
        file = os.open(folder / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        _take(file, folder)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield file
    finally:
        os.close(file)


def _unusable(folder: Path, error: OSError) -> CasekeeperError:
    return CasekeeperError(
        f"The data folder {folder} cannot be used: {error.strerror}. Set CASEKEEPER_DATA to"
        " another one."
    )


def _take(file: int, folder: Path) -> None:
    until = time.monotonic() + AFTERMATH_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip()
            if _lives(holder) or time.monotonic() > until:
                raise InUse(
                    f"Casekeeper is already running on {folder} (process {holder or 'unknown'})."
                    " Stop that one first, or set CASEKEEPER_DATA to another folder."
                ) from None
            time.sleep(0.05)
        else:
            return


def _lives(process: str) -> bool:
    if not process.isdigit():
        return False  # it is about to write its number
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True
