"""What is installed in .venv, by the locks that were: `locked.py FILE` succeeds if all that FILE
locks is; `locked.py forget FILE` and `locked.py note FILE` stand around an installation.

One list for all locks, a line for each package: what one lock brought another may have replaced.
"""

import re
import sys
from pathlib import Path

INSTALLED = Path(".venv/installed")


def pins(text: str) -> set[str]:
    """The lines that name a package and its version, and where that is for."""
    return {
        line.rstrip(" \\") for line in text.splitlines() if re.match(r"[\w.-]+(\[.*\])?==", line)
    }


def name(pin: str) -> str:
    """Of which package a line is."""
    return pin.partition("==")[0]


def main(*words: str) -> int:
    """The exit status."""
    *what, file = words
    locked = pins(Path(file).read_text())
    installed = pins(INSTALLED.read_text()) if INSTALLED.exists() else set()
    if not what:
        return 0 if locked <= installed else 1
    names = set(map(name, locked))
    kept = {pin for pin in installed if name(pin) not in names}
    now = kept | locked if what == ["note"] else kept
    INSTALLED.write_text("".join(f"{pin}\n" for pin in sorted(now)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
