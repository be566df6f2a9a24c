"""A worker at its job, within the test's own process: what it does, and whom it makes room for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from redis import Redis
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.factories import project as make_project
from tests.forms import open_case
from tests.jobs.work import (
    assert_done_once,
    failing_form,
    forms_in_error,
    let_heartbeat_pass,
    reprocess_job,
    states,
)
from webapp.audit.record import events_about
from webapp.database import write_transaction
from webapp.errors import Busy, NotFound, Refused
from webapp.jobs import tasks
from webapp.jobs.claim import Replaced, claim, hold
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job, JobState
from webapp.jobs.progress import skipped_by_reason
from webapp.jobs.queue import ask_stop, enqueue, get_job, queue_of, resume, wake
from webapp.jobs.tasks import work
from webapp.jobs.tick import tick
from webapp.projects.models import Project
from webapp.submissions.reprocess import reprocess


def waiting(redis: Redis, job: Job) -> bool:
    """Whether Redis has a wake-up for a job."""
    return any(name.split("-")[1] == str(job.id) for name in queue_of(redis).get_job_ids())


class TestAJob:
    def test_processes_all_forms_in_error_in_the_order_of_arrival(
        self, session: Session, project: Project
    ):
        forms = forms_in_error(session, project, 3)
        job = reprocess_job(project)
        work(job.id)
        assert_done_once(session, job, forms)

    def test_takes_named_forms_once_and_oldest_first(self, session: Session, project: Project):
        forms = forms_in_error(session, project, 3)
        job = reprocess_job(project, forms[2], forms[0], forms[2])
        work(job.id)
        assert_done_once(session, job, [forms[0], forms[2]])
        assert states(session, project)[:3] == ["normal", "error", "normal"]

    def test_skips_with_the_reason_what_still_cannot_be_processed(
        self, session: Session, project: Project
    ):
        failing = failing_form(session, project)
        fine = open_case(session, project.id, "anna").submission_id
        forms = forms_in_error(session, project, 2)
        job = reprocess_job(project, failing, "no-such-form", fine, *forms)
        work(job.id)
        session.rollback()
        assert (job.state, job.processed, job.succeeded) == (JobState.FINISHED, 5, 2)
        said = {one.reason: list(one.items) for one in skipped_by_reason(session, job)}
        assert said == {
            _like(said, "never had"): [failing],
            "There is no form with this id in this project.": ["no-such-form"],
            "Only forms that could not be processed can be processed again.": [fine],
        }

    def test_is_not_stopped_by_a_fault_of_ours_in_one_form(
        self, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        forms = forms_in_error(session, project, 3)

        def stumble(session, project_id, item, *, by):
            reprocess(session, project_id, item, by=by)
            if item == forms[1]:
                raise ZeroDivisionError

        monkeypatch.setattr("webapp.jobs.reprocess.reprocess", stumble)
        job = reprocess_job(project)
        work(job.id)
        session.rollback()
        assert (job.state, job.processed, job.succeeded) == (JobState.FINISHED, 3, 2)
        assert states(session, project)[:3] == ["normal", "error", "normal"]

    def test_leaves_events_with_its_counts(self, session: Session, project: Project):
        forms_in_error(session, project, 2)
        failing_form(session, project)
        job = reprocess_job(project)
        work(job.id)
        session.rollback()
        ended, started, queued = session.scalars(events_about(project.id, f"job:{job.id}")).all()
        assert (queued.tag, queued.actor) == ("job.queue", job.actor)
        assert started.tag == "job.start"
        assert started.after == {"kind": "reprocess", "total": 3}
        assert (ended.tag, ended.source) == ("job.end", f"job {job.id}")
        assert ended.after == {
            "kind": "reprocess",
            "state": "finished",
            "total": 3,
            "processed": 3,
            "succeeded": 2,
            "skipped": 1,
        }

    def test_without_anything_to_do_is_finished(self, session: Session, project: Project):
        job = reprocess_job(project)
        work(job.id)
        session.rollback()
        assert (job.state, job.total, job.processed) == (JobState.FINISHED, 0, 0)

    def test_that_is_over_is_not_worked_on_again(self, session: Session, project: Project):
        job = reprocess_job(project)
        work(job.id)
        work(job.id)
        session.rollback()
        assert job.attempt == 1

    def test_fails_honestly_when_it_cannot_even_begin(
        self, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        def fall(self, session, job):
            raise ZeroDivisionError

        monkeypatch.setattr("webapp.jobs.reprocess.ReprocessForms.freeze", fall)
        job = reprocess_job(project)
        with pytest.raises(ZeroDivisionError):
            work(job.id)
        session.rollback()
        assert job.state == JobState.FAILED
        assert "log" in str(job.problem)


class TestStopAndResume:
    def test_a_waiting_job_stops_at_once_and_goes_on_later(
        self, session: Session, project: Project
    ):
        forms = forms_in_error(session, project, 2)
        job = reprocess_job(project)
        with write_transaction():
            ask_stop(session, project.id, job.id, by=actor())
        work(job.id)
        session.rollback()
        assert (job.state, job.processed) == (JobState.STOPPED, 0)
        with write_transaction():
            resume(session, project.id, job.id, by=actor())
        work(job.id)
        assert_done_once(session, job, forms)

    def test_a_running_job_stops_after_the_present_form_and_goes_on_there(
        self, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        forms = forms_in_error(session, project, 3)
        job = reprocess_job(project)

        def stop_after_the_first(session, project_id, item, *, by):
            if item == forms[0]:
                ask_stop(session, project_id, job.id, by=actor())
            return reprocess(session, project_id, item, by=by)

        monkeypatch.setattr("webapp.jobs.reprocess.reprocess", stop_after_the_first)
        work(job.id)
        session.rollback()
        assert (job.state, job.processed, job.succeeded) == (JobState.STOPPED, 1, 1)
        # What came into error meanwhile is not in the list that was frozen.
        failing_form(session, project)
        with write_transaction():
            resume(session, project.id, job.id, by=actor())
        work(job.id)
        assert_done_once(session, job, forms)

    def test_what_is_over_cannot_be_stopped_and_what_is_not_cannot_be_resumed(
        self, session: Session, project: Project
    ):
        job = reprocess_job(project)
        with pytest.raises(Refused), write_transaction():
            resume(session, project.id, job.id, by=actor())
        work(job.id)
        with pytest.raises(Refused), write_transaction():
            ask_stop(session, project.id, job.id, by=actor())

    def test_another_project_does_not_see_the_job(self, session: Session, project: Project):
        job = reprocess_job(project)
        other = make_project()
        for ask in (ask_stop, resume):
            with pytest.raises(NotFound), write_transaction():
                ask(session, other.id, job.id, by=actor())
        with pytest.raises(NotFound):
            get_job(session, other.id, job.id)


class TestTakingTurns:
    def test_one_job_of_a_project_at_a_time_in_the_order_of_asking(
        self, session: Session, project: Project
    ):
        first, second = reprocess_job(project), reprocess_job(project)
        assert claim(second.id) is None
        assert claim(first.id) is not None
        assert claim(second.id) is None
        with write_transaction():
            session.get_one(Job, first.id).state = JobState.FINISHED
        assert claim(second.id) is not None

    def test_projects_run_side_by_side(self, session: Session, project: Project):
        here, there = reprocess_job(project), reprocess_job(make_project())
        assert claim(here.id) is not None
        assert claim(there.id) is not None

    def test_a_job_is_claimed_once(self, session: Session, project: Project):
        job = reprocess_job(project)
        assert claim(job.id) is not None
        assert claim(job.id) is None

    def test_after_its_time_it_lets_others_go_first_and_then_goes_on(
        self, session: Session, project: Project, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ):
        forms = forms_in_error(session, project, 3)
        job = reprocess_job(project)
        times = iter([0, 1, 61])
        # Only its own clock: locks look at the time as well.
        clock = SimpleNamespace(monotonic=lambda: next(times, 0))
        monkeypatch.setattr("webapp.jobs.tasks.time", clock)
        work(job.id)
        session.rollback()
        assert (job.state, job.processed) == (JobState.QUEUED, 1)
        assert waiting(redis, job)
        work(job.id)
        assert_done_once(session, job, forms)

    def test_the_next_job_of_the_project_is_woken_at_the_end(
        self, session: Session, project: Project, redis: Redis
    ):
        first, second = reprocess_job(project), reprocess_job(project)
        work(first.id)
        assert waiting(redis, second)

    def test_a_worker_that_must_end_hands_the_job_back(
        self, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        forms = forms_in_error(session, project, 2)
        job = reprocess_job(project)
        tasks.leaving.set()
        try:
            work(job.id)
        finally:
            tasks.leaving.clear()
        session.rollback()
        assert (job.state, job.processed) == (JobState.QUEUED, 0)
        work(job.id)
        assert_done_once(session, job, forms)


class TestAWorkerThatDied:
    def test_is_replaced_when_its_heartbeat_has_passed(self, session: Session, project: Project):
        forms = forms_in_error(session, project, 2)
        job = reprocess_job(project)
        assert claim(job.id) is not None
        work(job.id)
        session.rollback()
        assert (job.state, job.attempt) == (JobState.RUNNING, 1)
        let_heartbeat_pass(job)
        work(job.id)
        assert_done_once(session, job, forms)

    def test_cannot_write_when_it_wakes_up_again(self, session: Session, project: Project):
        forms_in_error(session, project, 2)
        job = reprocess_job(project)
        paused = claim(job.id)
        assert paused is not None
        let_heartbeat_pass(job)
        assert claim(job.id) is not None
        with pytest.raises(Replaced), write_transaction():
            hold(session, paused)
        with pytest.raises(Replaced):
            tasks._work(paused)
        assert states(session, project)[:2] == ["error", "error"]

    def test_three_times_without_getting_on_has_failed_and_can_be_resumed(
        self, session: Session, project: Project
    ):
        forms = forms_in_error(session, project, 2)
        job = reprocess_job(project)
        for _ in range(3):
            assert claim(job.id) is not None
            let_heartbeat_pass(job)
        work(job.id)
        session.rollback()
        assert job.state == JobState.FAILED
        assert job.problem == "The server died 3 times before the work began."
        with write_transaction():
            resume(session, project.id, job.id, by=actor())
        work(job.id)
        assert_done_once(session, job, forms)

    def test_at_different_forms_is_replaced_each_time(
        self, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        class Killed(BaseException):
            pass

        forms = forms_in_error(session, project, 5)
        seen: set[str] = set()

        def die_at_first(session, project_id, item, *, by):
            if item not in seen:
                seen.add(item)
                raise Killed
            return reprocess(session, project_id, item, by=by)

        monkeypatch.setattr("webapp.jobs.reprocess.reprocess", die_at_first)
        job = reprocess_job(project)
        for _ in forms:
            with pytest.raises(Killed):
                work(job.id)
            let_heartbeat_pass(job)
        work(job.id)
        assert_done_once(session, job, forms)

    def test_leaves_its_job_to_others_while_the_database_is_busy(
        self, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        forms = forms_in_error(session, project, 1)
        job = reprocess_job(project)

        def busy(session, project_id, item, *, by):
            raise Busy("not now")

        monkeypatch.setattr(tasks, "PAUSES_S", (0.0, 0.0))
        with monkeypatch.context() as patch:
            patch.setattr("webapp.jobs.reprocess.reprocess", busy)
            work(job.id)
        session.rollback()
        assert (job.state, job.processed) == (JobState.RUNNING, 0)
        let_heartbeat_pass(job)
        work(job.id)
        assert_done_once(session, job, forms)


class TestWaking:
    def test_puts_one_entry_with_the_id_alone_as_json(
        self, session: Session, project: Project, redis: Redis
    ):
        job = reprocess_job(project)
        assert [wake(job), wake(job)] == [True, True]
        assert queue_of(redis).get_job_ids() == [f"reprocess-{job.id}-0"]
        (entry,) = queue_of(redis).get_jobs()
        assert (entry.args, entry.kwargs, entry.timeout) == ([job.id], {}, -1)
        assert all(b"\x80\x04" not in value for value in redis.hgetall(entry.key).values())

    def test_is_no_error_when_redis_is_away_and_the_tick_mends_it(
        self, session: Session, project: Project, redis: Redis, app, monkeypatch
    ):
        job = reprocess_job(project)
        with monkeypatch.context() as patch:
            away = Redis.from_url("unix:///nowhere/redis.sock")
            patch.setitem(app.extensions, "jobs_redis", away)
            assert not wake(job)
        assert tick() >= 1
        assert waiting(redis, job)

    def test_the_tick_finds_what_redis_forgot(
        self, session: Session, project: Project, redis: Redis
    ):
        job = reprocess_job(project)
        wake(job)
        redis.flushall()
        tick()
        assert waiting(redis, job)

    def test_the_tick_finds_what_a_worker_took_and_never_claimed(
        self, session: Session, project: Project, redis: Redis
    ):
        job = reprocess_job(project)
        wake(job)
        redis.delete(queue_of(redis).key)  # the entry itself is kept, as RQ does
        tick()
        assert waiting(redis, job)

    def test_the_tick_lets_those_be_that_work_or_must_wait(
        self, session: Session, project: Project, redis: Redis
    ):
        running, next_one = reprocess_job(project), reprocess_job(project)
        assert claim(running.id) is not None
        tick()
        assert not waiting(redis, running)
        assert not waiting(redis, next_one)
        let_heartbeat_pass(running)
        tick()
        assert waiting(redis, running)
        assert not waiting(redis, next_one)


def test_a_job_is_a_row_before_anybody_is_woken(session: Session, project: Project, redis: Redis):
    with write_transaction():
        job = enqueue(session, project.id, Kind.REPROCESS, {"all_errors": True}, by=actor())
        assert not waiting(redis, job)
    found = session.scalars(select(Job).where(Job.project_id == project.id)).one()
    assert (found.state, found.params) == (JobState.QUEUED, {"all_errors": True})


def _like(said: dict[str, list[str]], words: str) -> str:
    return next(reason for reason in said if words in reason)
