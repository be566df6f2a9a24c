"""Ending statements from beside, alike on both databases."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from sqlalchemy import Connection

#: Seconds between two looks.
EACH_S = 0.3
#: A database that does not take an order within so many seconds is asked again.
PATIENCE_S = 2.0


@contextmanager
def ends_when(is_over: Callable[[], bool], *connections: Connection) -> Iterator[None]:
    """End the statements of connections that run inside, from when `is_over` is true.

    They fail as one that takes too long does (`webapp.time_limit.was_too_slow`). `is_over` is asked
    in a thread of its own. The transactions must not end inside: their connections would be
    somebody else's then.
    """
    drivers = [one.connection.driver_connection for one in connections]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(EACH_S):
            if is_over():
                for driver in drivers:
                    _end(driver)

    watcher = threading.Thread(target=watch, name="ends-when", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _end(driver: Any) -> None:
    """End the statement that runs there, if one does. Both ways are meant for other threads."""
    if isinstance(driver, sqlite3.Connection):
        driver.interrupt()
    elif isinstance(driver, psycopg.Connection):
        with suppress(psycopg.Error):
            driver.cancel_safe(timeout=PATIENCE_S)
