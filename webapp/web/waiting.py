"""Runs that wait for a decision, and end without one when their rule is changed, switched off or
deleted (SPEC R22)."""

from __future__ import annotations

from collections.abc import Iterable

from flask import flash
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.rules.models import Rule, Run, RunState


def waiting_runs(session: Session, *rules: Rule) -> list[Run]:
    """The runs of some rules of a project that wait for a decision. One query."""
    found = select(Run).where(
        Run.project_id == rules[0].project_id,
        Run.rule.in_([rule.id for rule in rules]),
        Run.state == RunState.HELD,
    )
    return list(session.scalars(found.order_by(Run.id)))


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
