"""Whole numbers as people type them into the form of a rule."""

from __future__ import annotations

import re

_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")


def whole(text: str | None) -> int | str:
    """A whole number, or what was typed instead of one."""
    typed = (text or "").strip()
    return int(typed) if _WHOLE.fullmatch(typed) else typed
