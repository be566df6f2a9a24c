"""SQLite without its books on memory: each piece that a query takes and gives back is entered in
them under one lock, which is a quarter of the time of counting a million cases. Nothing here reads
them, and SQLite's makers advise to build it without."""

from __future__ import annotations

import ctypes
import importlib.util
import sys

#: `SQLITE_CONFIG_MEMSTATUS` and `SQLITE_OK`.
_MEMSTATUS, _OK = 9, 0


def keep_no_books() -> bool:
    """Switch them off for this process, and return whether that was possible: only before SQLite is
    used for the first time, and where its library can be reached. Costs less than a millisecond."""
    if "_sqlite3" in sys.modules:
        return False
    found = importlib.util.find_spec("_sqlite3")
    if found is None or found.origin is None:
        return False
    try:
        # Python's own module, not imported: it leads to whatever library it was made with.
        library = ctypes.CDLL(None if found.origin == "built-in" else found.origin)
        configure = library.sqlite3_config
    except (OSError, AttributeError):
        return False
    configure.argtypes = [ctypes.c_int]  # what follows is variadic, which some machines must know
    configure.restype = ctypes.c_int
    return bool(configure(_MEMSTATUS, ctypes.c_int(0)) == _OK)
