"""Rules from a file: the JSON of SPEC §4.9, one or a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.errors import Invalid
from webapp.rules.models import Rule, RuleState
from webapp.rules.operations import create_rule
from webapp.rules.portable import InvalidRule, RuleData, rule_from_json
from webapp.rules.rule_documents import portable


@dataclass(frozen=True, slots=True)
class Faulty:
    """A rule of a file that is none: its number from 1 on (None where the file is one rule), its
    name if it has one, and a sentence for each path at fault."""

    number: int | None
    name: str
    fields: Mapping[str, str]


class InvalidFile(Invalid):
    """A file has things in it that are no rules: all of them are in `faulty`."""

    def __init__(self, faulty: Sequence[Faulty]) -> None:
        super().__init__(_("Nothing was imported."))
        self.faulty = tuple(faulty)


def rules_in(sent: object) -> list[RuleData]:
    """The rules that a file says; what the API shows of a rule can be imported too. Raises
    `InvalidFile`, or `Invalid` where there is none."""
    rules, faulty = [], []
    several = isinstance(sent, list)
    for number, one in enumerate(sent if isinstance(sent, list) else [sent], 1):
        try:
            rules.append(rule_from_json(portable(one) if isinstance(one, dict) else one))
        except InvalidRule as error:
            name = one.get("name") if isinstance(one, dict) else None
            known = name if isinstance(name, str) else ""
            faulty.append(Faulty(number if several else None, known, error.fields))
    if faulty:
        raise InvalidFile(faulty)
    if not rules:
        raise Invalid(_("The file has no rule in it."))
    return rules


def import_rules(
    session: Session, project_id: int, given: Sequence[RuleData], *, by: Actor
) -> tuple[list[Rule], set[str]]:
    """Make rules, last in the order and switched off, whatever state they say; nothing is
    overwritten. Also gives those of their names that a rule had before."""
    there = set(
        session.scalars(
            select(Rule.name).where(Rule.project_id == project_id, Rule.deleted_on.is_(None))
        )
    )
    made = [
        create_rule(session, project_id, data, by=by, state=RuleState.INACTIVE) for data in given
    ]
    return made, there & {rule.name for rule in made}
