"""Only looking: what a run would change, counted and kept, and nothing written (SPEC R22, R28)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.database import insert_new
from webapp.rules.changes import CaseChange, ValueChange
from webapp.rules.models import Rule, RuleState, Run, RunCase
from webapp.rules.orders import Orders
from webapp.rules.preview import Preview, preview_beside

#: So many cases of a run that only looks are kept with what it would do to them.
KEPT = 1000


def count_changes(session: Session, run: Run, orders: Orders, *, shown: int = 0) -> Preview:
    """Count what a run would do, into `run.would`. A preview: a few queries over the open cases."""
    found = preview_beside(session, run.project_id, orders.definition, orders.moment, shown=shown)
    run.would = {
        "changed": found.would_change,
        "closed": found.would_close,
        "related_updates": found.related_updates,
        "submissions": found.submissions,
        "errors": found.errors,
    }
    return found


def watches(session: Session, run: Run) -> bool:
    """Whether the rule of a run only watches now. One query."""
    state = session.scalar(
        select(Rule.state).where(Rule.project_id == run.project_id, Rule.id == run.rule)
    )
    return state is RuleState.WATCHING


def watch(session: Session, run: Run, orders: Orders) -> None:
    """Do a run that only looks: its numbers, and the first cases with before and after."""
    found = count_changes(session, run, orders, shown=KEPT)
    run.open_cases, run.matched = found.open_cases, found.matched
    keys = dict(
        session.execute(
            select(Case.case_id, Case.id).where(
                Case.project_id == run.project_id,
                Case.case_id.in_([change.case_id for change in found.cases]),
            )
        ).all()
    )
    rows = [
        {
            "project_id": run.project_id,
            "run": run.id,
            "place": place,
            "case": keys[change.case_id],
            "would": asdict(change),
        }
        for place, change in enumerate(found.cases)
    ]
    insert_new(session, RunCase, rows)


def watched_cases(
    session: Session, run: Run, *, after: int = -1, limit: int = 100
) -> list[tuple[int, CaseChange]]:
    """What a run that only looked found, from behind a place, as (place, change). One query."""
    rows = session.execute(
        select(RunCase.place, RunCase.would)
        .where(
            RunCase.project_id == run.project_id,
            RunCase.run == run.id,
            RunCase.would.is_not(None),
            RunCase.place > after,
        )
        .order_by(RunCase.place)
        .limit(limit)
    )
    return [(row.place, _read(row.would)) for row in rows]


def _read(written: dict[str, Any]) -> CaseChange:
    changes = tuple(ValueChange(**one) for one in written["changes"])
    return CaseChange(written["case_id"], written["name"], written["closes"], changes)
