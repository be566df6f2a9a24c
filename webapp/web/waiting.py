"""Runs that wait for a decision, and end without one when their rule is changed, switched off or
deleted (SPEC R22)."""

from __future__ import annotations

from flask import flash
from flask_babel import ngettext


def say_ended(numbers: list[int]) -> None:
    """Tell whoever ended runs that they did."""
    if numbers:
        flash(
            ngettext(
                "Run %(runs)s waited for a decision, and ended without one.",
                "Runs %(runs)s waited for a decision, and ended without one.",
                len(numbers),
                runs=", ".join(map(str, numbers)),
            )
        )
