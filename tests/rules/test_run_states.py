"""Runs that wait, stop, fail, go on, and are repeated (SPEC R19, R23, R24)."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.factories import project as make_project
from tests.forms import open_case
from tests.jobs.work import let_heartbeat_pass
from tests.rules.running import (
    CLOSES,
    before_each_piece,
    case,
    chunks_of,
    forms_of,
    queued,
    rule_that,
    saved,
    sets,
    worked,
)
from tests.rules.test_apply_parity import assert_clean
from webapp.audit.record import events_about
from webapp.clock import now
from webapp.database import write_transaction
from webapp.errors import NotFound, Refused
from webapp.jobs import tasks
from webapp.jobs.claim import claim
from webapp.jobs.queue import ask_stop, get_job
from webapp.projects.models import Project
from webapp.rules.models import RuleState, Run, RunState, Trigger
from webapp.rules.operations import delete_rule, edit_rule
from webapp.rules.portable import RuleData
from webapp.rules.runs import get_run, list_runs, resume, run_again, run_cases, start_run, stop


def ask_to_stop(project: Project, run: Run) -> None:
    with write_transaction() as write:
        stop(write, project.id, run.id, by=actor())


class TestStates:
    def test_stopped_and_resumed_it_goes_on_where_it_was(
        self, app: Flask, session: Session, project: Project
    ):
        for number in range(30):
            open_case(session, project.id, f"c{number}")
        run = queued(project, saved(project, rule_that(CLOSES)))
        assert (run.state, run.left) == (RunState.QUEUED, 0)

        def stop_after_ten() -> None:
            if get_run(session, project.id, run.id).processed == 10:
                ask_to_stop(project, run)

        with chunks_of(10), before_each_piece(stop_after_ten):
            worked(run)
        assert (run.state, run.changed, run.left) == (RunState.STOPPED, 10, 20)
        assert len(run_cases(session, run)) == 30
        with pytest.raises(Refused), write_transaction() as write:
            stop(write, project.id, run.id, by=actor())
        with write_transaction() as write:
            assert resume(write, project.id, run.id, by=actor()).state == RunState.QUEUED
        worked(run)
        assert (run.state, run.changed, run.left) == (RunState.FINISHED, 30, 0)
        assert run_cases(session, run) == []
        with pytest.raises(Refused), write_transaction() as write:
            resume(write, project.id, run.id, by=actor())
        tags = [event.tag for event in session.scalars(events_about(project.id, f"run:{run.id}"))]
        assert tags == ["run.end", "run.resume", "run.end", "run.stop", "run.start", "run.queue"]
        assert_clean(app, session, project)

    def test_one_that_waits_is_stopped_at_once_also_as_a_job(
        self, session: Session, project: Project
    ):
        run = queued(project, saved(project, rule_that(CLOSES)))
        with write_transaction() as write:
            ask_stop(write, project.id, run.job_id, by=actor())
        session.rollback()
        assert (run.state, run.planned_on) == (RunState.STOPPED, None)
        with write_transaction() as write:
            resume(write, project.id, run.id, by=actor())
        assert worked(run).state == RunState.FINISHED

    def test_planning_is_seen_and_died_in_begins_anew(self, session: Session, project: Project):
        open_case(session, project.id, "ana")
        run = queued(project, saved(project, rule_that(CLOSES)))
        assert claim(run.job_id) is not None
        session.rollback()
        assert run.state == RunState.PLANNING
        planned_on = run.planned_on
        let_heartbeat_pass(get_job(session, project.id, run.job_id))
        worked(run)
        assert (run.state, run.changed) == (RunState.FINISHED, 1)
        assert run.planned_on > planned_on

    def test_died_three_times_it_has_failed(self, session: Session, project: Project):
        run = queued(project, saved(project, rule_that(CLOSES)))
        job = get_job(session, project.id, run.job_id)
        for _ in range(3):
            assert claim(run.job_id) is not None
            let_heartbeat_pass(job)
        worked(run)
        assert run.state == RunState.FAILED
        assert run.problem == "The server died 3 times before the work began."
        assert job.attempts == 3

    def test_asked_to_stop_when_all_is_done_it_is_finished(
        self, session: Session, project: Project
    ):
        for number in range(3):
            open_case(session, project.id, f"c{number}")
        run = queued(project, saved(project, rule_that(CLOSES)))

        def stop_at_the_end() -> None:
            if get_run(session, project.id, run.id).processed == 3:
                ask_to_stop(project, run)

        with before_each_piece(stop_at_the_end):
            worked(run)
        assert (run.state, run.changed, run.left) == (RunState.FINISHED, 3, 0)
        assert run_cases(session, run) == []

    def test_also_when_it_waits_for_another_minute_of_work(
        self, session: Session, project: Project
    ):
        open_case(session, project.id, "ana")
        run = queued(project, saved(project, rule_that(CLOSES)))

        def leave_at_the_end() -> None:
            if get_run(session, project.id, run.id).processed:
                tasks.leaving.set()

        with before_each_piece(leave_at_the_end):
            worked(run)
        tasks.leaving.clear()
        ask_to_stop(project, run)
        assert not run.over
        worked(run)
        assert (run.state, run.changed) == (RunState.FINISHED, 1)
        assert run_cases(session, run) == []

    def test_going_on_is_no_new_attempt_but_dying_and_being_resumed_is(
        self, session: Session, project: Project
    ):
        open_case(session, project.id, "ana")
        run = queued(project, saved(project, rule_that(CLOSES)))
        job = get_job(session, project.id, run.job_id)
        with patch.object(tasks, "SLICE_S", 0.0):
            for _ in range(3):
                worked(run)
        assert (run.state, job.attempts) == (RunState.RUNNING, 1)
        assert claim(run.job_id) is not None
        let_heartbeat_pass(job)
        with before_each_piece(lambda: ask_to_stop(project, run)):
            worked(run)
        assert (run.state, job.attempts) == (RunState.STOPPED, 2)
        with write_transaction() as write:
            resume(write, project.id, run.id, by=actor())
        worked(run)
        assert (run.state, job.attempts) == (RunState.FINISHED, 3)

    def test_an_edit_in_between_changes_nothing_for_it(self, session: Session, project: Project):
        open_case(session, project.id, "ana")
        rule = saved(project, rule_that(sets("a", "1"), name="One"))
        run = queued(project, rule)
        with write_transaction() as write:
            changed = RuleData(rule_that(sets("a", "2"), name="Two"))
            edit_rule(write, project.id, rule.rule_id, changed, by=actor())
        worked(run)
        assert case(session, project, "ana").properties == {"a": "1"}
        (row,) = forms_of(session, run)
        assert (row.name, run.rule_name, run.rule_version) == ("One", "One", 1)
        assert worked(queued(project, session.merge(rule))).rule_version == 2

    def test_run_again_takes_the_same_version_and_as_of(self, session: Session, project: Project):
        open_case(session, project.id, "ana")
        rule = saved(project, rule_that(sets("a", "1")))
        first = worked(queued(project, rule, as_of=now()))
        with write_transaction() as write:
            edit_rule(
                write, project.id, rule.rule_id, RuleData(rule_that(sets("a", "2"))), by=actor()
            )
        with write_transaction() as write:
            again = run_again(write, project.id, first.id, trigger=Trigger.API, by=actor())
        worked(again)
        assert (again.rule_version, again.as_of, again.trigger) == (1, first.as_of, "api")
        assert (again.matched, again.unchanged) == (1, 1)
        assert [run.id for run in list_runs(session, project.id)] == [again.id, first.id]
        assert list_runs(session, project.id, state=RunState.FAILED) == []
        assert list_runs(session, project.id, before=again.id, rule=rule.id) == [first]

    def test_a_deleted_rule_does_not_run(self, session: Session, project: Project):
        rule = saved(project, rule_that(CLOSES))
        with write_transaction() as write:
            delete_rule(write, project.id, rule.rule_id, by=actor())
        with pytest.raises(Refused), write_transaction() as write:
            start_run(write, project.id, session.merge(rule), trigger=Trigger.PERSON, by=actor())

    def test_is_found_by_its_number_in_its_project_only(self, session: Session, project: Project):
        run = queued(project, saved(project, rule_that(CLOSES)))
        assert get_run(session, project.id, run.id).id == run.id
        for project_id, number in ((make_project().id, run.id), (project.id, 2**40)):
            with pytest.raises(NotFound):
                get_run(session, project_id, number)


def test_a_rule_in_any_state_runs(session: Session, project: Project):
    open_case(session, project.id, "ana")
    rule = saved(project, rule_that(sets("a", "1")))
    assert rule.state == RuleState.ACTIVE
    with write_transaction() as write:
        write.execute(text("UPDATE rule SET state = 'inactive'"))
    assert worked(queued(project, session.merge(rule))).changed == 1
