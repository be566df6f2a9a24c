"""What people, groups, levels and locations may be called, and what may be said of a worker."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from flask_babel import gettext as _

from webapp.dictionary.names import is_property_name
from webapp.errors import InvalidEntry

#: The longest names: of groups, levels and locations, and of people.
LONGEST, LONGEST_OF_PEOPLE = 255, 100
#: So many texts are kept about a worker, each with so many characters: all of it goes to the phone
#: at every restore.
MOST_DATA, LONGEST_DATA = 100, 2000

#: What the phone is told by itself begins like that (`commcare_first_name`, `commcare_project`).
OURS = "commcare"

#: Characters that XML cannot carry, or that have nothing to show: control characters, halves of a
#: pair, and what is no character.
_NEVER = frozenset({"Cc", "Cs", "Cn"})


def checked_name(name: str) -> str:
    """The name of a group, level or location, with single spaces. Raises `InvalidEntry`."""
    name = " ".join(name.split())
    if not name:
        raise InvalidEntry("name", _("Give it a name."))
    if len(name) > LONGEST or not _is_shown(name):
        raise InvalidEntry(
            "name",
            _("A name has at most %(most)s characters, all of which can be shown.", most=LONGEST),
        )
    return name


def checked_persons_name(name: str, field: str) -> str:
    """A first or last name, which may be empty. Raises `InvalidEntry`."""
    name = " ".join(name.split())
    if len(name) > LONGEST_OF_PEOPLE or not _is_shown(name):
        raise InvalidEntry(
            field,
            _(
                "A person's name has at most %(most)s characters, all of which can be shown.",
                most=LONGEST_OF_PEOPLE,
            ),
        )
    return name


def check_user_data(user_data: Mapping[str, str]) -> None:
    """Raise `InvalidEntry` unless the phone can be told that about a worker."""
    if len(user_data) > MOST_DATA:
        raise _wrong_data(_("At most %(most)s values are kept for a worker.", most=MOST_DATA))
    for name, text in user_data.items():
        if not is_property_name(name) or name.lower().startswith("xml"):
            raise _wrong_data(
                _(
                    "“%(name)s”: a name starts with a letter or “_” and not with “xml”; then"
                    " letters, digits, “_”, “-” and “.” may follow, 255 characters at most.",
                    name=name[:80],
                )
            )
        if name.startswith(OURS):
            raise _wrong_data(
                _(
                    "“%(name)s”: names that begin with “%(ours)s” are the phone's own.",
                    name=name[:80],
                    ours=OURS,
                )
            )
        if len(text) > LONGEST_DATA or not _is_shown(text.translate(_LINES)):
            raise _wrong_data(
                _(
                    "“%(name)s”: a value has at most %(most)s characters, and none that cannot be"
                    " shown.",
                    name=name[:80],
                    most=LONGEST_DATA,
                )
            )


#: Values may have several lines.
_LINES = str.maketrans("", "", "\t\n")


def _wrong_data(message: str) -> InvalidEntry:
    return InvalidEntry("user_data", message)


def _is_shown(text: str) -> bool:
    return all(unicodedata.category(char) not in _NEVER for char in text)
