"""Runs that were stopped, and that a later one of their rule has made past (SPEC R19, R20)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import open_case
from tests.rules.nights import NIGHT, NOON, night_at, project_at, rule_at, work_at
from tests.rules.test_apply_parity import assert_clean
from tests.rules.test_planning import while_it_looks
from webapp.audit.record import events_about
from webapp.clock import DAY, HOUR, Micros, pretend
from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.jobs import queue
from webapp.projects.models import Project
from webapp.projects.operations import get_project, set_project
from webapp.rules import obsolete, plan
from webapp.rules.held import approve
from webapp.rules.models import Rule, RuleState, Run, RunCase, RunState, Trigger
from webapp.rules.obsolete import drop_obsolete_plans
from webapp.rules.operations import delete_rule, set_state, undelete_rule
from webapp.rules.runs import resume, start_run, stop


@pytest.fixture
def backlog(session: Session) -> Project:
    """Forty stale cases, of which a day may do five."""
    project = project_at(NOON, daily_limit=5)
    with pretend(NOON):
        for number in range(40):
            open_case(session, project.id, f"c{number:02}", status="stale")
    return project


def planned(session: Session, project: Project) -> int:
    session.rollback()
    rows = select(func.count()).where(RunCase.project_id == project.id)
    return session.scalar(rows) or 0


def by_hand(moment: Micros, session: Session, rule: Rule, **asked: Micros) -> Run:
    with pretend(moment), write_transaction() as writing:
        run = start_run(
            writing, rule.project_id, writing.get_one(Rule, rule.id),
            trigger=Trigger.PERSON, by=actor(), **asked,
        )  # fmt: skip
        run_id = run.id
    work_at(moment, session, session.get_one(Project, rule.project_id))
    return session.get_one(Run, run_id, populate_existing=True)


def gone_on(run: Run, way: Callable[..., object] = resume) -> None:
    with write_transaction() as writing:
        way(writing, run.project_id, run.id if way is resume else run.job_id, by=actor())


def test_a_backlog_keeps_one_plan_however_many_nights_it_takes(
    app: Flask, session: Session, backlog: Project
):
    rule_at(NOON, backlog, brake=None)
    kept = []
    for night in range(4):
        night_at(NIGHT + night * DAY, session, backlog)
        drop_obsolete_plans(NIGHT)
        kept.append(planned(session, backlog))
    # What is done of a plan is dropped with it.
    assert kept == [40, 35, 30, 25]
    assert_clean(app, session, backlog)


def test_it_does_not_go_on_and_says_why(session: Session, backlog: Project):
    rule_at(NOON, backlog, brake=None)
    (first,) = night_at(NIGHT, session, backlog)
    (second,) = night_at(NIGHT + DAY, session, backlog)
    session.refresh(first)
    assert (first.state, first.superseded_by, second.superseded_by) == (
        RunState.STOPPED, second.id, None,
    )  # fmt: skip
    for way in (resume, queue.resume):  # as a run, and as the job that works on it
        with pytest.raises(Refused, match=f"Run {second.id} of the same rule has decided anew"):
            gone_on(first, way)
    gone_on(second)
    (event,) = [
        one
        for one in session.scalars(events_about(backlog.id, f"run:{first.id}"))
        if one.tag == "run.supersede"
    ]
    assert event.after == {"rule": "Tidy", "left": 35, "run": second.id}


def test_one_that_a_person_starts_makes_it_past_too(session: Session, backlog: Project):
    rule = rule_at(NOON, backlog, brake=None)
    (first,) = night_at(NIGHT, session, backlog)
    second = by_hand(NIGHT + DAY - HOUR, session, rule)
    session.refresh(first)
    assert first.superseded_by == second.id


def test_one_that_is_resumed_while_a_later_one_is_planned_ends_at_its_turn(
    app: Flask, session: Session, backlog: Project
):
    rule = rule_at(NOON, backlog, brake=None)
    (first,) = night_at(NIGHT, session, backlog)
    ids = backlog.id, first.id

    def resumed(other: Session) -> None:
        with write_transaction():
            resume(other, *ids, by=actor())

    with while_it_looks(app, resumed):
        second = by_hand(NIGHT + DAY, session, rule)
    session.refresh(first)
    assert (second.changed, second.left) == (5, 30)
    assert (first.state, first.superseded_by, first.changed) == (RunState.STOPPED, second.id, 5)
    assert f"Run {second.id} of the same rule has decided anew" in str(first.problem)
    drop_obsolete_plans(NIGHT)
    assert planned(session, backlog) == 35


def test_one_that_waits_for_a_person_makes_none_past_before_it_is_approved(
    session: Session, backlog: Project
):
    rule_at(NOON, backlog)
    (first,) = night_at(NIGHT, session, backlog)
    with write_transaction() as writing:
        project = get_project(writing, backlog.name)
        set_project(writing, project, {"brake_cases": 1, "brake_percent": 1}, by=actor())
    (held,) = night_at(NIGHT + DAY, session, backlog)
    session.refresh(first)
    assert (held.state, first.superseded_by) == (RunState.HELD, None)
    with pretend(NIGHT + DAY + HOUR), write_transaction() as writing:
        approve(writing, backlog.id, held.id, by=actor())
    work_at(NIGHT + DAY + HOUR, session, backlog)
    session.refresh(first)
    assert first.superseded_by == held.id


def test_what_was_written_of_a_plan_is_dropped_also_when_it_is_stopped_twice(
    session: Session, backlog: Project
):
    rule = rule_at(NOON, backlog, brake=None)
    with pretend(NOON), write_transaction() as writing:
        run = start_run(
            writing, backlog.id, writing.get_one(Rule, rule.id), trigger=Trigger.PERSON, by=actor()
        )
        # As if it had been stopped while its plan was written.
        run.obsolete_plan = True
        run_id = run.id
    with write_transaction() as writing:
        stop(writing, backlog.id, run_id, by=actor())
    assert session.get_one(Run, run_id, populate_existing=True).obsolete_plan


def test_one_as_of_another_day_is_about_other_cases(session: Session, backlog: Project):
    rule = rule_at(NOON, backlog, brake=None)
    (first,) = night_at(NIGHT, session, backlog)
    other_day = by_hand(NIGHT + DAY - HOUR, session, rule, as_of=NOON)
    session.refresh(first)
    assert first.superseded_by is None
    (second,) = night_at(NIGHT + DAY, session, backlog)
    for run in (first, other_day):
        session.refresh(run)
    assert (first.superseded_by, other_day.superseded_by) == (second.id, None)


def test_one_that_only_looks_makes_none_past(session: Session, backlog: Project):
    rule = rule_at(NOON, backlog, brake=None)
    (first,) = night_at(NIGHT, session, backlog)
    _set(session, rule, RuleState.WATCHING)
    night_at(NIGHT + DAY, session, backlog)
    session.refresh(first)
    assert first.superseded_by is None


def test_why_a_case_was_left_out_stays(session: Session):
    project = project_at(NOON, daily_limit=2)
    with pretend(NOON):
        open_case(session, project.id, "b", status="stale", long="x" * 300)
        for number in range(6):
            open_case(session, project.id, f"d{number}", status="stale", long="short")
    copy = {"kind": "copy", "property": "name", "from": "long"}
    rule_at(NOON, project, brake=None, actions=[copy, {"kind": "close"}])
    (first,) = night_at(NIGHT, session, project)
    assert (first.state, first.changed, first.errors) == (RunState.STOPPED, 2, 1)
    night_at(NIGHT + DAY, session, project)
    drop_obsolete_plans(NIGHT)
    session.rollback()
    left = session.scalars(select(RunCase).where(RunCase.run == first.id)).all()
    assert [row.failed for row in left] == [True]


def test_many_plans_are_dropped_in_one_tick(
    session: Session, backlog: Project, monkeypatch: pytest.MonkeyPatch
):
    rules = [rule_at(NOON, backlog, brake=None, name=f"Rule {number}") for number in range(3)]
    for night in range(2):
        night_at(NIGHT + night * DAY, session, backlog)
    assert len(rules) == 3
    before = planned(session, backlog)
    with monkeypatch.context() as patch:
        patch.setattr(plan, "DROPPED", 7)
        patch.setattr(obsolete, "LIMIT_S", 0.0)
        drop_obsolete_plans(NIGHT)  # the time is up at once
        assert planned(session, backlog) == before
        patch.setattr(obsolete, "LIMIT_S", 30.0)
        drop_obsolete_plans(NIGHT)
    still = session.scalars(select(Run).where(Run.obsolete_plan)).all()
    assert still == []
    assert planned(session, backlog) < before


@pytest.mark.parametrize(
    ("state", "why"),
    [(RuleState.DRAFT, "is a draft by now"), (RuleState.WATCHING, "only watches by now")],
)
def test_it_does_not_go_on_when_its_rule_would_not_run(
    session: Session, backlog: Project, state: RuleState, why: str
):
    rule = rule_at(NOON, backlog, brake=None)
    (run,) = night_at(NIGHT, session, backlog)
    _set(session, rule, state)
    for way in (resume, queue.resume):
        with pytest.raises(Refused, match=why):
            gone_on(run, way)
    _set(session, rule, RuleState.INACTIVE)
    gone_on(run)


def test_it_does_not_go_on_while_its_rule_is_deleted(session: Session, backlog: Project):
    rule = rule_at(NOON, backlog, brake=None)
    (run,) = night_at(NIGHT, session, backlog)
    with write_transaction() as writing:
        delete_rule(writing, backlog.id, rule.rule_id, by=actor())
    for way in (resume, queue.resume):
        with pytest.raises(Refused, match="The rule is deleted"):
            gone_on(run, way)
    with write_transaction() as writing:
        undelete_rule(writing, backlog.id, rule.rule_id, by=actor())
    gone_on(run)


def _set(session: Session, rule: Rule, state: RuleState) -> None:
    with pretend(NIGHT + HOUR), write_transaction() as writing:
        set_state(writing, rule.project_id, rule.rule_id, state, by=actor())
    session.rollback()
