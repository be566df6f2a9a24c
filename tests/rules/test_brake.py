"""The brake: a run that would change too much waits for a person (SPEC R22); and rules that only
watch (R28)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import actor
from tests.forms import open_case
from tests.rules.nights import (
    NIGHT,
    NOON,
    careful_project,
    held_run,
    night_at,
    project_at,
    rule_at,
    tick_at,
    work_at,
)
from tests.rules.running import case, changes, forms_of
from tests.rules.test_apply_parity import assert_clean
from webapp.audit.record import events_about
from webapp.cases.models import Case, CaseTransaction
from webapp.clock import DAY, HOUR, MINUTE, Micros, pretend
from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.jobs import tasks
from webapp.jobs.models import Job
from webapp.projects.models import Project
from webapp.rules import outlook
from webapp.rules.brake import Brake, brake_of
from webapp.rules.held import approve, reject, tidy_held
from webapp.rules.models import Rule, RuleState, Run, RunCase, RunState, Trigger
from webapp.rules.obsolete import drop_obsolete_plans
from webapp.rules.operations import delete_rule, edit_rule, set_state
from webapp.rules.outlook import MustConfirm, confirmed_changes
from webapp.rules.portable import rule_from_json
from webapp.rules.preview import preview
from webapp.rules.queries import data_of, version_of
from webapp.rules.runs import resume, start_run, stop
from webapp.rules.undo import start_undo
from webapp.rules.watch import watched_cases
from webapp.submissions.models import Submission


@pytest.fixture
def careful(session: Session) -> Project:
    return careful_project(session)


def tables(session: Session, project: Project) -> tuple[object, ...]:
    """What a run may change: all of cases, forms and transactions."""
    session.rollback()
    found: list[object] = []
    for table in (Case, Submission, CaseTransaction):
        rows = session.execute(select(table.__table__).where(table.project_id == project.id)).all()
        found.append(sorted(map(repr, rows)))
    return tuple(found)


def planned(session: Session, run: Run) -> int:
    session.rollback()
    return session.scalar(
        select(func.count()).where(RunCase.project_id == run.project_id, RunCase.run == run.id)
    ) or 0  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "open_cases", "holds"),
    [
        (100, 100, False),  # more than 100, not 100
        (101, 336, True),
        (101, 337, False),  # 101 of 337 is less than 30 %
        (0, 0, False),
        (31_004, 48_210, True),
        (101, 0, True),
    ],
)
def test_more_than_both(changes: int, open_cases: int, holds: bool):
    assert Brake(100, 30).holds(changes, open_cases) == holds


@pytest.mark.parametrize(
    ("own", "brake"),
    [
        ({}, Brake(100, 30)),
        ({"brake": {"cases": 5, "percent": 10}}, Brake(5, 10)),
        # Stricter, but never less strict than the project.
        ({"brake": {"cases": 500, "percent": 10}}, Brake(100, 10)),
        ({"brake": None}, None),
    ],
)
def test_a_rule_may_have_a_stricter_one_or_none(
    session: Session, own: dict[str, Any], brake: Brake | None
):
    project = factories.project()
    assert brake_of(project, rule_from_json({**factories.RULE, **own})) == brake


class TestHeld:
    def test_nothing_is_written_and_reject_leaves_all_as_it_was(
        self, app: Flask, session: Session, careful: Project
    ):
        before = tables(session, careful)
        run = held_run(session, careful)
        assert (run.open_cases, run.matched, run.would_change, run.changed) == (10, 6, 6, 0)
        assert planned(session, run) == 6
        assert tables(session, careful) == before
        with pretend(NIGHT + HOUR), write_transaction() as writing:
            reject(writing, careful.id, run.id, by=actor(), reason="The sign is wrong.")
        session.refresh(run)
        assert run.state is RunState.REJECTED and run.over
        assert (run.decider, run.decision) == ("tester", "The sign is wrong.")
        assert run.decided_on == run.finished_on
        drop_obsolete_plans(NIGHT)
        session.refresh(run)
        assert not run.obsolete_plan
        assert planned(session, run) == 0
        assert tables(session, careful) == before
        assert_clean(app, session, careful)
        (event,) = [
            one
            for one in session.scalars(events_about(careful.id, f"run:{run.id}"))
            if one.tag == "run.reject"
        ]
        assert (event.reason, event.after) == ("The sign is wrong.", {"rule": "Tidy", "matched": 6})

    def test_approved_after_days_it_changes_exactly_the_planned_that_still_match(
        self, app: Flask, session: Session, careful: Project
    ):
        run = held_run(session, careful)
        later = NIGHT + 3 * DAY - HOUR
        with pretend(later - HOUR):
            changes(session, careful, "c0", status="fresh")  # no longer matches
            changes(session, careful, "c1", note="still stale")
            changes(session, careful, "c9", status="stale")  # was not in the plan
        with pretend(later), write_transaction() as writing:
            approve(writing, careful.id, run.id, by=actor(), reason="I looked.")
        work_at(later + MINUTE, session, careful)
        session.refresh(run)
        assert (run.state, run.changed, run.skipped) == (RunState.FINISHED, 5, 1)
        assert {case(session, careful, f"c{n}").closed for n in range(1, 6)} == {True}
        assert not case(session, careful, "c0").closed
        assert not case(session, careful, "c9").closed
        # It matched as of the night; its forms say when they were really written.
        assert run.matched_at < NIGHT + MINUTE
        assert later < run.started_on < later + 2 * MINUTE
        assert {form.time_end for form in forms_of(session, run)} == {run.started_on}
        assert_clean(app, session, careful)

    def test_the_next_rule_runs(self, session: Session, careful: Project):
        rule_at(NOON, careful)
        rule_at(NOON, careful, name="marks", criteria=[], match="every_case", brake=None,
                actions=[{"kind": "set", "property": "seen", "value": "1"}])  # fmt: skip
        held, marks = night_at(NIGHT, session, careful)
        assert (held.state, marks.state, marks.changed) == (
            RunState.HELD, RunState.FINISHED, 10,
        )  # fmt: skip

    def test_what_matches_but_would_not_change_does_not_count(
        self, session: Session, careful: Project
    ):
        marks = [{"kind": "set", "property": "status", "value": "stale"}]
        everybody = {"criteria": [], "match": "every_case", "actions": marks}
        rule_at(NOON, careful, **everybody)  # ten match, four would change
        (run,) = night_at(NIGHT, session, careful)
        assert (run.state, run.matched, run.changed) == (RunState.FINISHED, 10, 4)

    def test_a_rule_without_a_brake_is_not_asked(self, session: Session, careful: Project):
        rule_at(NOON, careful, brake=None)
        (run,) = night_at(NIGHT, session, careful)
        assert (run.state, run.changed) == (RunState.FINISHED, 6)

    def test_twice_and_too_late_are_refused(self, session: Session, careful: Project):
        run = held_run(session, careful)
        for refused in (stop, resume, start_undo):
            with pytest.raises(Refused), write_transaction() as writing:
                refused(writing, careful.id, run.id, by=actor())
        with write_transaction() as writing:
            approve(writing, careful.id, run.id, by=actor())
        for decide in (approve, reject):
            with pytest.raises(Refused, match="does not wait"), write_transaction() as writing:
                decide(writing, careful.id, run.id, by=actor())


def _edited(writing: Session, project: Project, rule: Rule) -> None:
    data = data_of(version_of(writing, rule, rule.version))
    document = data.document() | {"description": "new"}
    edit_rule(writing, project.id, rule.rule_id, rule_from_json(document), by=actor())


def _off(writing: Session, project: Project, rule: Rule) -> None:
    set_state(writing, project.id, rule.rule_id, RuleState.INACTIVE, by=actor())


def _watching(writing: Session, project: Project, rule: Rule) -> None:
    set_state(writing, project.id, rule.rule_id, RuleState.WATCHING, by=actor())


def _deleted(writing: Session, project: Project, rule: Rule) -> None:
    delete_rule(writing, project.id, rule.rule_id, by=actor())


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (_edited, "The rule was changed."),
        (_off, "The rule was switched off."),
        (_watching, "The rule was switched off."),
        (_deleted, "The rule was deleted."),
    ],
)
def test_a_held_run_expires_with_its_rule(session: Session, careful: Project, what: Any, why: str):
    run = held_run(session, careful)
    rule = session.get_one(Rule, run.rule)
    with pretend(NIGHT + HOUR), write_transaction() as writing:
        what(writing, careful, writing.get_one(Rule, rule.id))
    session.refresh(run)
    assert (run.state, run.problem) == (RunState.EXPIRED, why)
    with pytest.raises(Refused), write_transaction() as writing:
        approve(writing, careful.id, run.id, by=actor())


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (_edited, "The rule was changed."),
        (_off, "The rule was switched off."),
        (_deleted, "The rule was deleted."),
    ],
)
def test_what_waits_in_the_queue_meanwhile_is_not_asked_about(
    session: Session, careful: Project, what: Any, why: str
):
    """It was queued at midnight and planned at three, after somebody had corrected the rule."""
    rule = rule_at(NOON, careful)
    (run_id,) = tick_at(NIGHT, careful)
    with pretend(NIGHT + MINUTE), write_transaction() as writing:
        what(writing, careful, writing.get_one(Rule, rule.id))
    work_at(NIGHT + 3 * HOUR, session, careful)
    run = session.get_one(Run, run_id)
    assert (run.state, run.problem, run.changed) == (RunState.EXPIRED, why, 0)


def test_of_two_nights_that_come_late_only_the_last_asks(session: Session, careful: Project):
    rule_at(NOON, careful)
    first, second = *tick_at(NIGHT, careful), *tick_at(NIGHT + DAY, careful)
    work_at(NIGHT + DAY + HOUR, session, careful)
    states = [session.get_one(Run, one).state for one in (first, second)]
    assert states == [RunState.EXPIRED, RunState.HELD]


def test_a_held_run_expires_when_its_next_slot_comes(session: Session, careful: Project):
    first = held_run(session, careful)
    (second,) = night_at(NIGHT + DAY, session, careful)
    session.refresh(first)
    assert (first.state, second.state) == (RunState.EXPIRED, RunState.HELD)
    assert first.problem == "The rule was due again, on 2026-03-12."


@pytest.mark.parametrize(("waited", "state"), [(7 * DAY - HOUR, "held"), (7 * DAY, "expired")])
def test_a_held_run_expires_after_seven_days(
    session: Session, careful: Project, waited: Micros, state: str
):
    run = held_run(session, careful, schedule={"every": "month", "day": 11})
    tidy_held(NIGHT + waited + MINUTE)
    session.refresh(run)
    assert run.state == state


def test_a_restart_between_plan_and_decision_changes_nothing(
    session: Session, careful: Project, monkeypatch: pytest.MonkeyPatch
):
    """The worker dies right after the plan was committed: the run is held all the same."""
    rule_at(NOON, careful)
    (queued,) = tick_at(NIGHT, careful)
    job_id = session.get_one(Run, queued).job_id
    with pretend(NIGHT), monkeypatch.context() as patch:
        patch.setattr(tasks, "_do_next", lambda *_args: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            tasks.work(job_id)
    session.rollback()
    assert session.get_one(Run, queued).state is RunState.HELD
    with pretend(NIGHT + HOUR):
        tasks.work(job_id)
    session.rollback()
    assert session.get_one(Run, queued).state is RunState.HELD
    assert session.get_one(Job, job_id).over


class TestByHand:
    def test_over_the_brake_it_waits_unless_just_that_number_was_confirmed(
        self, session: Session, careful: Project
    ):
        rule = rule_at(NOON, careful, state=RuleState.INACTIVE)
        states = {}
        for confirmed in (None, 5, 7, 6):
            with write_transaction() as writing:
                run = start_run(
                    writing, careful.id, writing.get_one(Rule, rule.id),
                    trigger=Trigger.PERSON, by=actor(), confirmed=confirmed,
                )  # fmt: skip
                run_id = run.id
            work_at(NIGHT, session, careful)
            states[confirmed] = session.get_one(Run, run_id, populate_existing=True).state.value
        assert states == {None: "held", 5: "held", 7: "held", 6: "finished"}


class TestWatching:
    def test_a_rule_that_watches_by_now_changes_nothing(self, session: Session, careful: Project):
        rule = rule_at(NOON, careful, brake=None)
        (run_id,) = tick_at(NIGHT, careful)
        with pretend(NIGHT + MINUTE), write_transaction() as writing:
            set_state(writing, careful.id, rule.rule_id, RuleState.WATCHING, by=actor())
        work_at(NIGHT + HOUR, session, careful)
        run = session.get_one(Run, run_id)
        assert (run.watching, run.would_change, run.changed) == (True, 6, 0)

    def test_it_records_what_it_would_change_and_changes_nothing(
        self, app: Flask, session: Session, careful: Project
    ):
        before = tables(session, careful)
        rule_at(
            NOON, careful, state=RuleState.WATCHING,
            actions=[{"kind": "set", "property": "note", "value": "old"}, {"kind": "close"}],
        )  # fmt: skip
        (run,) = night_at(NIGHT, session, careful)
        assert (run.state, run.watching) == (RunState.FINISHED, True)
        assert (run.open_cases, run.matched, run.would_change, run.changed) == (10, 6, 6, 0)
        assert run.would is not None and run.would["closed"] == 6
        assert tables(session, careful) == before
        found = watched_cases(session, run)
        assert [change.case_id for _place, change in found] == [f"c{n}" for n in range(6)]
        (noted,) = found[0][1].changes
        assert (noted.property, noted.before, noted.after) == ("note", None, "old")
        assert found[0][1].closes
        assert watched_cases(session, run, after=4, limit=5) == found[5:]
        assert_clean(app, session, careful)

    def test_neither_brake_nor_limit_stop_it(self, session: Session):
        project = project_at(NOON, daily_limit=1, brake_cases=0, brake_percent=0)
        for number in range(5):
            open_case(session, project.id, f"c{number}", status="stale")
        rule_at(NOON, project, state=RuleState.WATCHING)
        (run,) = night_at(NIGHT, session, project)
        assert (run.state, run.would_change, run.left) == (RunState.FINISHED, 5, 0)

    def test_only_the_first_thousand_are_kept(
        self, session: Session, careful: Project, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("webapp.rules.look.KEPT", 4)
        rule_at(NOON, careful, state=RuleState.WATCHING)
        (run,) = night_at(NIGHT, session, careful)
        assert (run.would_change, len(watched_cases(session, run))) == (6, 4)


def test_what_is_too_slow_to_count_is_left_to_the_plan(
    session: Session, careful: Project, monkeypatch: pytest.MonkeyPatch
):
    rule = rule_at(NOON, careful)
    with pytest.raises(MustConfirm):
        confirmed_changes(session, careful, rule, given=None)
    monkeypatch.setattr(outlook, "preview", partial(preview, limit_s=0))
    assert confirmed_changes(session, careful, rule, given=None) is None
    assert confirmed_changes(session, careful, rule, given=6) == 6
