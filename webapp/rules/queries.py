"""Rules read back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.errors import NotFound
from webapp.rules.definition import Definition
from webapp.rules.models import Rule, RuleState, RuleVersion, Run, RunState
from webapp.rules.portable import RuleData, rule_from_json


class Health(StrEnum):
    """What a rule's last attempt asks of a person (R30)."""

    HELD = "held"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule of the list. `last_run` is the last that finished without errors (R20), `last_attempt`
    the last of all."""

    rule: Rule
    last_run: Run | None
    last_attempt: Run | None

    @property
    def health(self) -> Health | None:
        """None where the last attempt asks for nothing, and where there is none."""
        return None if self.last_attempt is None else health_of(self.last_attempt)


def health_of(run: Run) -> Health | None:
    """What a run asks of a person, as the last of its rule."""
    if run.state is RunState.HELD:
        return Health.HELD
    failed = run.state is RunState.FAILED or (run.state is RunState.FINISHED and run.errors > 0)
    return Health.FAILING if failed else None


def get_rule(session: Session, project_id: int, rule_id: str, *, deleted: bool = False) -> Rule:
    """A rule by its public id; with `deleted` also one that is deleted. Raises `NotFound`. One
    query."""
    statement = select(Rule).where(Rule.project_id == project_id, Rule.rule_id == rule_id)
    if not deleted:
        statement = statement.where(Rule.deleted_on.is_(None))
    rule = session.scalar(statement.execution_options(populate_existing=True))
    if rule is None:
        raise NotFound(_("There is no such rule in this project."))
    return rule


def list_rules(
    session: Session,
    project_id: int,
    *,
    name: str = "",
    case_type: str = "",
    state: RuleState | None = None,
    health: Health | None = None,
    deleted: bool = False,
) -> list[RuleRow]:
    """The rules in the order in which they run, with their last runs; deleted ones, newest first,
    when `deleted`. `name` is a part of it, in any case. Three queries."""
    statement = select(Rule).where(Rule.project_id == project_id)
    if deleted:
        statement = statement.where(Rule.deleted_on.is_not(None)).order_by(Rule.deleted_on.desc())
    else:
        statement = statement.where(Rule.deleted_on.is_(None)).order_by(Rule.position, Rule.id)
    if name:
        statement = statement.where(func.lower(Rule.name).contains(name.lower(), autoescape=True))
    if case_type:
        statement = statement.where(Rule.case_type == case_type)
    if state is not None:
        statement = statement.where(Rule.state == state)
    rules = session.scalars(statement).all()
    keys = [rule.id for rule in rules]
    last, attempts = last_good_runs(session, project_id, keys), last_runs(session, project_id, keys)
    rows = [RuleRow(rule, last.get(rule.id), attempts.get(rule.id)) for rule in rules]
    return rows if health is None else [row for row in rows if row.health is health]


def rules_among(session: Session, project_id: int, rule_ids: Collection[str]) -> Sequence[Rule]:
    """Those of some rules, by their public ids, that are there, in their order. One query."""
    return session.scalars(
        select(Rule)
        .where(
            Rule.project_id == project_id,
            Rule.rule_id.in_(rule_ids),
            Rule.deleted_on.is_(None),
        )
        .order_by(Rule.position, Rule.id)
        .execution_options(populate_existing=True)
    ).all()


@dataclass(frozen=True, slots=True)
class Past:
    """What a rule did in its life: runs, and forms that they wrote."""

    runs: int = 0
    forms: int = 0


def pasts_of(session: Session, project_id: int, keys: Sequence[int]) -> dict[int, Past]:
    """What rules (by their keys) did; those that never ran are not in it. One query."""
    rows = session.execute(
        select(Run.rule, func.count(), func.sum(Run.submissions))
        .where(Run.project_id == project_id, Run.rule.in_(keys))
        .group_by(Run.rule)
    )
    return {rule: Past(runs, int(forms or 0)) for rule, runs, forms in rows}


def last_runs(session: Session, project_id: int, keys: Sequence[int]) -> dict[int, Run]:
    """The last attempt of each rule (by key): the one that began last, or as long as it has not,
    was queued last, whatever became of it (R20). That may be an older one than another, when it was
    stopped before it began, and resumed. One query."""
    began = func.coalesce(Run.started_on, Run.queued_on)
    place = func.row_number().over(partition_by=Run.rule, order_by=(began.desc(), Run.id.desc()))
    newest = (
        select(Run.id, place.label("place"))
        .where(Run.project_id == project_id, Run.rule.in_(keys))
        .subquery()
    )
    last = select(newest.c.id).where(newest.c.place == 1)
    runs = session.scalars(select(Run).where(Run.project_id == project_id, Run.id.in_(last)))
    return {run.rule: run for run in runs}


def last_good_runs(session: Session, project_id: int, keys: Sequence[int]) -> dict[int, Run]:
    """The last run of each rule (by key): the last to finish without errors (R20). That may be an
    older one than another, when it was stopped and resumed. One query."""
    place = func.row_number().over(
        partition_by=Run.rule, order_by=(Run.finished_on.desc(), Run.id.desc())
    )
    good = (
        select(Run.id, place.label("place"))
        .where(
            Run.project_id == project_id,
            Run.rule.in_(keys),
            Run.state == RunState.FINISHED,
            Run.errors == 0,
            Run.finished_on.is_not(None),
        )
        .subquery()
    )
    runs = session.scalars(
        select(Run)
        .join(good, good.c.id == Run.id)
        .where(Run.project_id == project_id, good.c.place == 1)
    )
    return {run.rule: run for run in runs}


def all_data_of(session: Session, project_id: int, keys: Sequence[int]) -> dict[int, RuleData]:
    """All that rules say now, by their keys. One query."""
    rows = session.scalars(
        select(RuleVersion)
        .join(
            Rule,
            (Rule.project_id == RuleVersion.project_id)
            & (Rule.id == RuleVersion.rule)
            & (Rule.version == RuleVersion.number),
        )
        .where(RuleVersion.project_id == project_id, RuleVersion.rule.in_(keys))
    )
    return {version.rule: data_of(version) for version in rows}


def version_of(session: Session, rule: Rule, number: int) -> RuleVersion:
    """A version of a rule by its number. Raises `NotFound`. One query."""
    found = versions_with(session, rule, RuleVersion.number == min(number, 2**31 - 1))
    if not found:
        raise NotFound(_("This rule has no version with this number."))
    return found[0]


def versions_of(session: Session, rule: Rule) -> Sequence[RuleVersion]:
    """All versions of a rule, newest first. One query."""
    return versions_with(session, rule)


def versions_with(session: Session, rule: Rule, *which: Any) -> Sequence[RuleVersion]:
    """Those versions of a rule that are meant, newest first. One query."""
    return session.scalars(
        select(RuleVersion)
        .where(RuleVersion.project_id == rule.project_id, RuleVersion.rule == rule.id, *which)
        .order_by(RuleVersion.number.desc())
    ).all()


def definition_of(session: Session, of: Rule | RuleVersion) -> Definition:
    """What a rule says now, or a version said. One query for a rule, none for a version."""
    version = of if isinstance(of, RuleVersion) else version_of(session, of, of.version)
    return data_of(version).definition


def data_of(version: RuleVersion) -> RuleData:
    """All that a version says, with schedule and brake. No queries."""
    return rule_from_json(version.definition)
