"""Restore tokens: what a phone calls the document that it received (SPEC P4).

A token is a random number that is also the key of its row, in hexadecimal. So a form that comes
with one says which row that is, and nobody has to look while the form is received.
"""

from __future__ import annotations

import re
import secrets

_TOKEN = re.compile(r"[0-7][0-9a-f]{15}")


def new_key() -> int:
    """A key that nobody can guess: 63 random bits, so that it fits into a column."""
    return secrets.randbits(63)


def token_of(key: int) -> str:
    """The token of a key: 16 hexadecimal digits."""
    return f"{key:016x}"


def key_of(token: str) -> int | None:
    """The key of a token; None for what is none of ours."""
    return int(token, 16) if _TOKEN.fullmatch(token) else None
