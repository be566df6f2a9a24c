"""What stands in a cell besides plain text: yes or no, and lists of names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from flask_babel import gettext as _

from webapp.errors import Invalid

_NEEDS_QUOTES = frozenset(';"')
#: What people and spreadsheets write.
_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def yes_or_no(text: str) -> bool | None:
    """What a cell says; None where it is neither."""
    return _WORDS.get(text.strip().lower())


def yes_no(value: bool) -> str:  # it is what is written
    """A cell that `yes_or_no` reads."""
    return "yes" if value else "no"


def names_in(text: str) -> list[str]:
    """The names of a list, each once: semicolons or new lines stand between them, and one that has
    a semicolon itself stands in quotes. Raises `Invalid` where one is longer than any can be."""
    # `newline=None`: new lines of all kinds, also those of old Macs, at which the reader fails.
    lines = io.StringIO(text, newline=None)
    try:
        rows = list(csv.reader(lines, delimiter=";", skipinitialspace=True))
    except csv.Error as error:  # the reader has a longest cell
        raise Invalid(_("a name in this list is too long.")) from error
    names = (" ".join(name.split()) for row in rows for name in row)
    return list(dict.fromkeys(name for name in names if name))


def list_of(names: Iterable[str]) -> str:
    """A cell that `names_in` reads."""
    return "; ".join(
        '"{}"'.format(name.replace('"', '""')) if _NEEDS_QUOTES & set(name) else name
        for name in names
    )
