"""Runs that wait for a decision, and end without one when their rule is changed, switched off or
deleted (SPEC R22)."""

from __future__ import annotations

from collections.abc import Iterable

from flask import flash
from flask_babel import ngettext

from webapp.rules.models import Run, RunState


def ended(waiting: Iterable[Run]) -> list[int]:
    """The numbers of those that no longer wait; to be asked in the transaction that ended them."""
    return [run.id for run in waiting if run.state is RunState.EXPIRED]


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
