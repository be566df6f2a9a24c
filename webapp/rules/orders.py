"""What a run is to do, read once: the rule version as it acts, and what its forms say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.clock import Micros
from webapp.rules.definition import Definition
from webapp.rules.models import Rule, RuleVersion, Run
from webapp.rules.moment import Moment
from webapp.rules.queries import definition_of


@dataclass(frozen=True, slots=True)
class Orders:
    """A planned run: whatever changes about its rule, this stays (R19)."""

    project_id: int
    run_id: int
    #: Key and public id of the rule.
    rule_key: int
    rule_id: str
    #: The rule's name at that version.
    name: str
    definition: Definition
    #: Everything with a later tick was changed since.
    planned_on: Micros
    #: The time that stands in its forms (R14).
    started_on: Micros
    moment: Moment


def orders_of(session: Session, run: Run) -> Orders:
    """The orders of a run whose planning has begun. Two queries."""
    if run.planned_on is None or run.started_on is None or run.matched_at is None:
        raise ValueError(f"run {run.id} has no plan")
    rule_id = session.scalars(
        select(Rule.rule_id).where(Rule.project_id == run.project_id, Rule.id == run.rule)
    ).one()
    return Orders(
        run.project_id,
        run.id,
        run.rule,
        rule_id,
        run.rule_name,
        definition_of(session, version_of(session, run)),
        run.planned_on,
        run.started_on,
        Moment(run.matched_at, date.fromisoformat(run.today or "")),
    )


def version_of(session: Session, run: Run) -> RuleVersion:
    """The version of the rule that acts. One query."""
    return session.scalars(
        select(RuleVersion).where(
            RuleVersion.project_id == run.project_id, RuleVersion.id == run.version
        )
    ).one()
