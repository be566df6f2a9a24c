"""Rules and runs of a project as statements: for the API and the command line, which take parts of
lists by their place."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from webapp.rules.models import Rule, RuleState, Run, RunState
from webapp.rules.runs import runs_of


def rules_of(
    project_id: int,
    *,
    name: str | None = None,
    case_type: str | None = None,
    state: RuleState | None = None,
) -> Select[Rule]:
    """The rules of a project that are not deleted, in the order in which they run (R18). `name` is
    a part of it, in any case."""
    found = select(Rule).where(Rule.project_id == project_id, Rule.deleted_on.is_(None))
    if name is not None:
        found = found.where(func.lower(Rule.name).contains(name.lower(), autoescape=True))
    if case_type is not None:
        found = found.where(Rule.case_type == case_type)
    if state is not None:
        found = found.where(Rule.state == state)
    return found.order_by(Rule.position, Rule.id)


def newest_runs(
    project_id: int, *, rule_id: str | None = None, state: RunState | None = None
) -> Select[Run]:
    """The runs of a project, newest first; also those of a rule that is deleted now. `rule_id` is
    the public one."""
    found = runs_of(project_id, state=state)
    if rule_id is not None:
        rule = select(Rule.id).where(Rule.project_id == project_id, Rule.rule_id == rule_id)
        found = found.where(Run.rule == rule.scalar_subquery())
    return found.order_by(Run.id.desc())


def count(session: Session, found: Select[Any]) -> int:
    """How many rows a statement has. One query."""
    rows = found.order_by(None).subquery()
    return session.scalar(select(func.count()).select_from(rows)) or 0
