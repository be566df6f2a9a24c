"""The rules and runs that the filters of Submit History offer (SPEC U6)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from webapp.clock import Micros
from webapp.rules.models import Rule, Run
from webapp.submissions.models import Submission

#: So many rules, and so many of the newest runs, are offered.
OFFERED_RULES, OFFERED_RUNS = 500, 50


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """A rule, as it is called now. `namesake`: another one of those offered has the same name."""

    rule_id: str
    name: str
    deleted: bool
    namesake: bool = False


@dataclass(frozen=True, slots=True)
class RunChoice:
    """A run, and the rule with its name and version at that time."""

    number: int
    rule_name: str
    rule_version: int
    queued_on: Micros


def rule_choices(session: Session, project_id: int, *, chosen: str = "") -> list[RuleChoice]:
    """The rules of a project by name, and the deleted ones that have forms, for these stay. The one
    that is chosen is among them in any case. One query; one more for a rule that is not."""
    # Not EXISTS: PostgreSQL makes a join of that, over all forms of all rules. And in an order:
    # else it reads the table from its beginning, to the end for a rule without forms.
    first_form = (
        select(Submission.id)
        .where(Submission.project_id == Rule.project_id, Submission.rule_key == Rule.id)
        .order_by(Submission.received_on)
        .limit(1)
        .scalar_subquery()
    )
    found = session.execute(
        _rules(project_id)
        .where(or_(Rule.deleted_on.is_(None), first_form.is_not(None)))
        .order_by(Rule.name, Rule.id)
        .limit(OFFERED_RULES)
    ).all()
    if chosen and chosen not in {row.rule_id for row in found}:
        found = [*found, *session.execute(_rules(project_id).where(Rule.rule_id == chosen))]
    called = Counter(row.name for row in found)
    return [
        RuleChoice(row.rule_id, row.name, row.deleted_on is not None, called[row.name] > 1)
        for row in found
    ]


def run_choices(session: Session, project_id: int, *, chosen: int | None = None) -> list[RunChoice]:
    """The newest runs that wrote forms, newest first, and the one that is chosen. One query; one
    more for a run that is not among them."""
    found = session.execute(
        _runs(project_id)
        .where(Run.submissions > 0)
        .order_by(Run.queued_on.desc(), Run.id.desc())
        .limit(OFFERED_RUNS)
    ).all()
    if chosen is not None and chosen not in {row.id for row in found}:
        found = [*found, *session.execute(_runs(project_id).where(Run.id == chosen))]
    return [RunChoice(row.id, row.rule_name, row.rule_version, row.queued_on) for row in found]


def _rules(project_id: int) -> Select[str, str, Micros | None]:
    return select(Rule.rule_id, Rule.name, Rule.deleted_on).where(Rule.project_id == project_id)


def _runs(project_id: int) -> Select[int, str, int, Micros]:
    return select(Run.id, Run.rule_name, Run.rule_version, Run.queued_on).where(
        Run.project_id == project_id
    )
