"""Somebody flips a sign, and nearly every open case would close tonight (SPEC R22)."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.world import fill
from tests.factories import actor
from tests.forms import case_block, form, send
from tests.rules.nights import at, night_at, project_at, rule_at, work_at
from webapp.cases.models import Case, CaseTransaction
from webapp.clock import DAY, HOUR, pretend
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.rules.held import approve, reject
from webapp.rules.models import Run, RunState
from webapp.submissions.models import Submission

NOON = at("2026-03-10T12:00:00")
NIGHT = at("2026-03-11T00:00:10")


@pytest.fixture
def programme(session: Session) -> Project:
    """22,000 open cases, a tenth of them at high risk; and the rule that should close those."""
    project = project_at(NOON, daily_limit=0)
    with pretend(NOON):
        fill(session.get_bind().dialect.name, project.id, 22_000)
    flipped = {"kind": "property", "property": "risk", "operator": "not_equals", "value": "high"}
    rule_at(NOON, project, name="Close the others", criteria=[flipped])
    return project


def traces(session: Session, project: Project) -> tuple[int, ...]:
    """What a run would leave: forms, transactions, closed cases, later ticks."""
    session.rollback()
    of_cases = select(
        func.count(),
        func.max(Case.indexed_on),
        func.max(Case.server_modified_on),
        func.count().filter(Case.closed),
    ).where(Case.project_id == project.id)
    counts = (
        session.scalar(select(func.count()).where(table.project_id == project.id))
        for table in (Submission, CaseTransaction)
    )
    return (*map(int, session.execute(of_cases).one()), *(count or 0 for count in counts))


def test_nothing_is_written_and_rejecting_leaves_it_so(session: Session, programme: Project):
    before = traces(session, programme)
    (run,) = night_at(NIGHT, session, programme)
    assert (run.state, run.would_change, run.open_cases) == (RunState.HELD, 19_800, 22_000)
    assert traces(session, programme) == before
    with pretend(NIGHT + HOUR), write_transaction() as writing:
        reject(writing, programme.id, run.id, by=actor())
    assert traces(session, programme) == before


def test_approved_after_three_days_it_closes_the_planned_that_still_match(
    session: Session, programme: Project
):
    (run,) = night_at(NIGHT, session, programme)
    with pretend(NIGHT + 3 * DAY - 2 * HOUR):
        for first in (1, 11):  # never a tenth: those were not planned
            risky = [case_block(f"case-{first + n}", update={"risk": "high"}) for n in range(9)]
            send(session, programme.id, form(*risky))
        planned_no_more = 18
        send(session, programme.id, form(case_block("case-10", update={"risk": "low"})))
    with write_transaction() as writing, pretend(NIGHT + 3 * DAY - HOUR):
        approve(writing, programme.id, run.id, by=actor(), reason="It was meant so.")
    work_at(NIGHT + 3 * DAY - HOUR, session, programme)
    done = session.get_one(Run, run.id, populate_existing=True)
    assert (done.state, done.changed, done.skipped) == (
        RunState.FINISHED, 19_800 - planned_no_more, planned_no_more,
    )  # fmt: skip
    open_still = session.scalar(
        select(func.count()).where(Case.project_id == programme.id, ~Case.closed)
    )
    assert open_still == 2_200 + planned_no_more
