"""Only looking: what a run would change, counted and kept, and nothing written (SPEC R22, R28)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.database import insert_new
from webapp.rules.changes import CaseChange, ValueChange
from webapp.rules.models import Rule, RuleState, Run, RunCase, Trigger

#: So many cases of a run that only looks are kept with what it would do to them.
KEPT = 1000


def only_looks(run: Run, rule: Rule) -> bool:
    """Whether a run changes nothing: its rule watched when it was queued, or, where nobody asked
    for the run, watches by now."""
    return run.watching or (run.trigger is Trigger.SCHEDULE and rule.state is RuleState.WATCHING)


def keep_changes(session: Session, run: Run, changes: Sequence[CaseChange]) -> None:
    """Keep what a run that only looks would do to the first cases. Two statements."""
    keys = dict(
        session.execute(
            select(Case.case_id, Case.id).where(
                Case.project_id == run.project_id,
                Case.case_id.in_([change.case_id for change in changes]),
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
        for place, change in enumerate(changes)
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
