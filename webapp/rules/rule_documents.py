"""Rules as machines read them: SPEC §4.9 and the names of I7, for the API and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.clock import iso, now
from webapp.projects.models import Project
from webapp.rules.models import Rule, RuleVersion, Run
from webapp.rules.nights import next_runs
from webapp.rules.queries import last_good_runs, last_runs

#: What a rule has beside the JSON of §4.9.
EXTRA = (
    "id",
    "version",
    "last_run",
    "last_run_id",
    "last_attempt",
    "last_attempt_id",
    "last_attempt_state",
    "next_run",
)


def rule_document(session: Session, rule: Rule) -> dict[str, Any]:
    """A rule. Five queries."""
    return rule_documents(session, rule.project_id, [rule])[0]


def rule_documents(
    session: Session, project_id: int, rules: Sequence[Rule]
) -> list[dict[str, Any]]:
    """Rules of one project, in the same order. Five queries for all of them.

    `last_run` is when the last run began that finished without errors, `last_attempt` when the last
    one began, or was queued, whatever became of it (R20); `next_run` is its next slot (R17), null
    where it does not run by itself.
    """
    keys = [rule.id for rule in rules]
    definitions = {
        row.rule: row.definition
        for row in session.execute(
            select(RuleVersion.rule, RuleVersion.definition)
            .join(
                Rule,
                (Rule.project_id == RuleVersion.project_id)
                & (Rule.id == RuleVersion.rule)
                & (Rule.version == RuleVersion.number),
            )
            .where(RuleVersion.project_id == project_id, RuleVersion.rule.in_(keys))
        )
    }
    runs = last_good_runs(session, project_id, keys)
    attempts = last_runs(session, project_id, keys)
    following = next_runs(session, session.get_one(Project, project_id), now())
    return [
        definitions[rule.id]
        | {
            "state": rule.state.value,
            "id": rule.rule_id,
            "version": rule.version,
            "last_run": _began(runs.get(rule.id)),
            "last_run_id": runs[rule.id].id if rule.id in runs else None,
            "last_attempt": _began(attempts.get(rule.id)),
            "last_attempt_id": attempts[rule.id].id if rule.id in attempts else None,
            "last_attempt_state": attempts[rule.id].state.value if rule.id in attempts else None,
            "next_run": iso(following[rule.id]) if rule.id in following else None,
        }
        for rule in rules
    ]


def portable_documents(
    session: Session, project_id: int, rules: Sequence[Rule]
) -> list[dict[str, Any]]:
    """The same as `rules import` takes them (§4.9), with their states. Five queries."""
    return [portable(each) for each in rule_documents(session, project_id, rules)]


def portable(document: dict[str, Any]) -> dict[str, Any]:
    """A rule's document without what only a rule that exists has."""
    return {name: value for name, value in document.items() if name not in EXTRA}


def _began(run: Run | None) -> str | None:
    return None if run is None else iso(run.began_on)
