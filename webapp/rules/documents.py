"""Runs, previews and explanations as machines read them: the names of SPEC I7, for the API and the
command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.clock import Micros, iso
from webapp.jobs.models import Job
from webapp.rules.changes import CaseChange, ValueChange
from webapp.rules.definition import Definition, Match
from webapp.rules.describe import criterion_words
from webapp.rules.explain_case import Explained
from webapp.rules.models import Rule, Run, RunCase
from webapp.rules.outlook import Outlook
from webapp.rules.preview import Preview
from webapp.rules.undone import undone_of

#: Cases at fault that are named of each run; `errors` is how many there are.
FAULTS = 100

Document = dict[str, Any]


def run_document(session: Session, run: Run) -> Document:
    """A run. Five queries."""
    return run_documents(session, run.project_id, [run])[0]


def run_documents(session: Session, project_id: int, runs: Sequence[Run]) -> list[Document]:
    """Runs of one project, in the same order. Five queries for all of them.

    Beside the names of I7: `problem`, a sentence on why it failed or stopped; `slot`, which it was
    scheduled for; `watching`, whether it only looked; `would_change`, counted where a brake or
    watching asked for it; `held_on` and `decision` of one that a brake held; `superseded_by`, the
    later run in whose favour one that was stopped or has failed does not go on any more; `undone`,
    how many of its forms are undone; and `undo`, the last job that took it back, or took that back.
    """
    rule_ids = dict(
        session.execute(
            select(Rule.id, Rule.rule_id).where(
                Rule.project_id == project_id, Rule.id.in_({run.rule for run in runs})
            )
        ).all()
    )
    back = undone_of(session, project_id, runs)
    keys = {run.job_id for run in runs if run.job_id is not None}
    jobs = {
        job.id: job
        for job in session.scalars(
            select(Job).where(Job.project_id == project_id, Job.id.in_(keys))
        )
    }
    faults = _faults(session, project_id, [run.id for run in runs if run.errors])
    return [
        {
            "id": run.id,
            "rule_id": rule_ids[run.rule],
            "rule_name": run.rule_name,
            "rule_version": run.rule_version,
            "trigger": run.trigger.value,
            "slot": _instant(run.slot),
            "as_of": _instant(run.as_of),
            "watching": run.watching,
            "state": run.state.value,
            "problem": run.problem,
            "open_cases": run.open_cases,
            "matched": run.matched,
            "changed": run.changed,
            "closed": run.closed,
            "related_updates": run.related_updates,
            "submissions": run.submissions,
            "unchanged": run.unchanged,
            "skipped": run.skipped,
            "errors": run.errors,
            "left": run.left,
            "queued_on": _instant(run.queued_on),
            "started_on": _instant(run.started_on),
            "finished_on": _instant(run.finished_on),
            "attempts": jobs[run.job_id].attempts if run.job_id in jobs else 0,
            "error_cases": faults.get(run.id, []),
            "would_change": run.would_change,
            "held_on": _instant(run.held_on),
            "decision": None
            if run.decided_on is None
            else {"by": run.decider, "on": iso(run.decided_on), "reason": run.decision},
            "superseded_by": run.superseded_by,
            "undone": back[run.id].forms,
            "undo": _undo(back[run.id].last),
        }
        for run in runs
    ]


def preview_document(
    definition: Definition,
    found: Preview,
    ahead: Outlook,
    warnings: Sequence[str],
    as_of: Micros | None,
) -> Document:
    """What a rule would do. No queries.

    Beside the names of I7: `unchanged`, `errors`, and `warnings`, sentences on what may be a
    mistake.
    """
    number = "matches" if definition.match is Match.ANY else "left"
    return {
        "as_of": _instant(as_of),
        "open_cases": found.open_cases,
        "matched": found.matched,
        "would_change": found.would_change,
        "would_close": found.would_close,
        "related_updates": found.related_updates,
        "submissions": found.submissions,
        "unchanged": found.unchanged,
        "errors": found.errors,
        "funnel": [
            {"criterion": criterion_words(step.criterion), number: step.cases}
            for step in found.funnel
        ],
        "unreadable": [
            {"criterion": criterion_words(step.criterion), "count": step.cases}
            for step in found.unreadable
        ],
        "limit": {
            "daily": ahead.use.daily,
            "used": ahead.use.used,
            "left": ahead.use.left,
            "cuts": ahead.cuts,
        },
        "brake": None
        if ahead.brake is None
        else {
            "cases": ahead.brake.cases,
            "percent": ahead.brake.percent,
            "holds": ahead.holds,
        },
        "warnings": list(warnings),
        "cases": [_case(case) for case in found.cases],
    }


def _case(change: CaseChange) -> Document:
    return {
        "case_id": change.case_id,
        "name": change.name,
        "closes": change.closes,
        "changes": _changes(change.changes),
    }


def explanation_document(explained: Explained, as_of: Micros | None) -> Document:
    """Why a rule matches a case or not, and what it would do to it. No queries."""
    explanation = explained.explanation
    return {
        "as_of": _instant(as_of),
        "case_id": explained.change.case_id,
        "matches": explanation.matches,
        "reason": explanation.reason,
        "criteria": [
            {
                "words": criterion_words(verdict.criterion),
                "found": verdict.found,
                "wanted": verdict.wanted,
                "matches": verdict.matches,
            }
            for verdict in explanation.verdicts
        ],
        "closes": explained.change.closes,
        "changes": _changes(explained.change.changes),
        "problem": explained.problem,
    }


def _changes(changes: Iterable[ValueChange]) -> list[Document]:
    return [asdict(change) for change in changes]


def _undo(job: Job | None) -> Document | None:
    if job is None:
        return None
    return {
        "job": job.id,
        "kind": job.kind,
        "state": job.state.value,
        "total": job.total,
        "succeeded": job.succeeded,
        "skipped": job.skipped,
        "left": job.left,
        "finished_on": _instant(job.finished_on),
    }


def _faults(
    session: Session, project_id: int, runs: Sequence[int]
) -> dict[int, list[dict[str, str]]]:
    """The first cases at fault of each run. One query, none without such a run."""
    if not runs:
        return {}
    nth = func.row_number().over(partition_by=RunCase.run, order_by=RunCase.place)
    ranked = (
        select(RunCase.run, RunCase.case, RunCase.reason, nth.label("nth"))
        .where(RunCase.project_id == project_id, RunCase.run.in_(runs), RunCase.failed.is_(True))
        .subquery()
    )
    rows = session.execute(
        select(ranked.c.run, Case.case_id, ranked.c.reason)
        .join(Case, (Case.project_id == project_id) & (Case.id == ranked.c.case))
        .where(ranked.c.nth <= FAULTS)
        .order_by(ranked.c.run, ranked.c.nth)
    ).all()
    return {
        run: [{"case_id": row.case_id, "message": row.reason or ""} for row in of_run]
        for run, of_run in groupby(rows, key=lambda row: row.run)
    }


def _instant(micros: Micros | None) -> str | None:
    return None if micros is None else iso(micros)
