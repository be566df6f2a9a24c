"""A rule as somebody types it in a terminal."""

from __future__ import annotations

import click
from sqlalchemy.orm import Session

from webapp.cli.command import printable
from webapp.errors import Invalid, NotFound
from webapp.rules.lists import rules_of
from webapp.rules.models import Rule

rule_argument = click.argument("typed", metavar="RULE")


def find_rule(session: Session, project_id: int, typed: str) -> Rule:
    """The rule with this id, else the one with this name, else the one with this name in any case.

    Raises `NotFound`, and `Invalid` with the ids when several have the name. One query: a project
    has tens of rules.
    """
    rules = session.scalars(rules_of(project_id)).all()
    for found in (
        [rule for rule in rules if rule.rule_id == typed],
        [rule for rule in rules if rule.name == typed],
        [rule for rule in rules if rule.name.casefold() == typed.casefold()],
    ):
        if len(found) > 1:
            ids = ", ".join(rule.rule_id for rule in found)
            raise Invalid(f"Several rules are called “{printable(typed)}”. Give an id: {ids}.")
        if found:
            return found[0]
    raise NotFound(
        f"There is no rule “{printable(typed)}”. “rules list” shows those that there are."
    )
