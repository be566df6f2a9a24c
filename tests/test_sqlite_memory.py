"""SQLite keeps no books on its memory."""

from __future__ import annotations

import subprocess
import sys

#: Prints how much memory SQLite believes to have while a query has some.
USED = """
import ctypes, importlib.util, sys
{first}
import sqlite3
connection = sqlite3.connect(":memory:")
connection.execute("CREATE TABLE t AS SELECT zeroblob(1000000) AS z")
where = importlib.util.find_spec("_sqlite3").origin
library = ctypes.CDLL(None if where == "built-in" else where)
library.sqlite3_memory_used.restype = ctypes.c_int64
print(library.sqlite3_memory_used() > 0)
"""


def has_books(first: str) -> bool:
    ran = subprocess.run(
        [sys.executable, "-c", USED.format(first=first)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ran.stdout.strip() == "True"


def test_they_are_off_before_anybody_else_imports_it():
    assert has_books("")
    assert not has_books("import webapp")


def test_it_is_too_late_once_it_is_in_use():
    assert has_books(
        "import sqlite3; from webapp.sqlite_memory import keep_no_books; assert not keep_no_books()"
    )
