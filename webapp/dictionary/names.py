"""What a property may be called."""

from __future__ import annotations

import re

#: A name that rules can refer to (SPEC R31). Forms may bring others, which are kept all the same.
PROPERTY_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
#: The longest name of a property that rules can refer to and the dictionary lists, in characters.
LONGEST = 255

#: What each case has as an attribute: a form that sets one of these sets that, and no property
#: (SPEC S9b).
NEVER_PROPERTIES = frozenset(
    {
        *("case_id", "case_name", "case_type", "date_modified", "date_opened", "external_id"),
        *("name", "owner_id", "user_id"),
    }
)

#: What each case has and nobody writes by that name (SPEC R12), also where a form calls a property
#: so.
NOT_WRITABLE = frozenset(
    {
        *("case_id", "case_type", "opened_on", "date_opened", "opened_by", "user_id"),
        *("modified_on", "last_modified", "modified_by", "server_modified_on", "indexed_on"),
        *("closed", "closed_on", "closed_by", "date_modified"),
    }
)


def is_property_name(text: str) -> bool:
    """Whether a rule can refer to a property of that name."""
    return len(text) <= LONGEST and PROPERTY_NAME.fullmatch(text) is not None
