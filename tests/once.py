"""What is made once, however many processes share the tests."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[], str]) -> str:
    """What `make` returned, in this process or in the one that was first; others wait for it."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # that of all
    made = folder / name
    with made.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            made.write_text(make(), encoding="utf-8")
        return made.read_text(encoding="utf-8")
