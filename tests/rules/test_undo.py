"""Undoing a run, and taking that back (SPEC R27, A2–A6)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.rules import dirt
from tests.rules.leftovers import send_world
from tests.rules.running import (
    CLOSES,
    before_each_piece,
    chunks_of,
    copies,
    done,
    equals,
    queued,
    rule_that,
    saved,
    sets,
)
from tests.rules.running import worked as worked_run
from tests.thorough import examples
from webapp.audit.models import AuditEvent
from webapp.cases.models import Case, CaseIndex
from webapp.database import write_transaction
from webapp.errors import CasekeeperError, NotFound, Refused
from webapp.extensions import db
from webapp.jobs import queue, switch_forms, tasks
from webapp.jobs.models import Job, JobItem, JobState
from webapp.projects.models import Project
from webapp.rules.models import Run, RunState
from webapp.rules.runs import resume, stop
from webapp.rules.undo import start_redo, start_undo, undo_preview
from webapp.rules.verify import verify_runs
from webapp.submissions import bulk
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State, Submission
from webapp.submissions.verify import verify

BY = factories.actor()


def states(session: Session, project: Project) -> dict[str, tuple[Any, ...]]:
    """All that cases are, but for the tick of their last change."""
    session.rollback()
    columns = [column for column in Case.__table__.c if column.name not in {"id", "indexed_on"}]
    found = {
        row.case_id: tuple(row)
        for row in session.execute(select(*columns).where(Case.project_id == project.id))
    }
    links = session.execute(
        select(CaseIndex.case, CaseIndex.identifier, CaseIndex.target).where(
            CaseIndex.project_id == project.id
        )
    ).all()
    return {**found, "links": tuple(sorted(tuple(row) for row in links))}


def worked(job: Job) -> Job:
    """Work on a job until it is over."""
    tasks.work(job.id)
    db.session.rollback()
    return db.session.get_one(Job, job.id, populate_existing=True)


def undone(session: Session, run: Run) -> Job:
    """Undo a run."""
    with write_transaction():
        job = start_undo(session, run.project_id, run.id, by=BY, reason="by mistake")
    return worked(job)


def redone(session: Session, run: Run) -> Job:
    """Take the undo of a run back."""
    with write_transaction():
        job = start_redo(session, run.project_id, run.id, by=BY)
    return worked(job)


def forms_of(session: Session, run: Run, state: State = State.NORMAL) -> list[str]:
    """The ids of a run's forms in a state, oldest first."""
    session.rollback()
    return list(
        session.scalars(
            select(Submission.submission_id)
            .where(
                Submission.project_id == run.project_id,
                Submission.run_id == run.id,
                Submission.state == state,
            )
            .order_by(Submission.received_on)
        )
    )


def assert_whole(app: Flask, session: Session, project: Project) -> None:
    """`verify` finds nothing."""
    folder = app.extensions["settings"].data / "attachments"
    assert list(verify(session, project.id, attachments=folder)) == []
    assert list(verify_runs(session, project.id)) == []


@contextmanager
def only_replay() -> Iterator[None]:
    """Without the fast way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "_simple", lambda *_: {})
        yield


@pytest.fixture(params=["fast", "replay"])
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both ways of archiving."""
    if request.param == "fast":
        yield
    else:
        with only_replay():
            yield


def closing_run(session: Session, project: Project, cases: int) -> Run:
    """A run that closed some cases and set two properties."""
    for number in range(cases):
        open_case(session, project.id, f"c-{number}", status="stale", note="é")
    definition = rule_that(
        sets("outcome", "recovered"),
        sets("status", "closed"),
        CLOSES,
        where=equals("status", "stale"),
    )
    return done(project, definition)


@pytest.mark.usefixtures("way")
def test_undo_and_redo_are_exact(app: Flask, session: Session, project: Project):
    for number in range(25):
        open_case(session, project.id, f"c-{number}", status="stale")
    before = states(session, project)
    run = done(project, rule_that(sets("outcome", "x"), CLOSES, where=equals("status", "stale")))
    after = states(session, project)
    assert run.changed == 25
    seen = undo_preview(session, project.id, run.id)
    assert (seen.submissions, seen.cases, seen.reopen, seen.keep_later) == (25, 25, 25, 0)
    job = undone(session, run)
    assert (job.state, job.total, job.processed, job.succeeded) == (JobState.FINISHED, 25, 25, 25)
    assert states(session, project) == before
    assert len(forms_of(session, run, State.ARCHIVED)) == 25
    assert_whole(app, session, project)
    job = redone(session, run)
    assert (job.state, job.succeeded) == (JobState.FINISHED, 25)
    assert states(session, project) == after
    assert_whole(app, session, project)


@pytest.mark.usefixtures("way")
def test_what_came_later_stays(app: Flask, session: Session, project: Project):
    run = closing_run(session, project, 3)
    send(session, project.id, form(case_block("c-0", update={"note": "later"})))
    send(session, project.id, form(case_block("c-1", close=True)))
    seen = undo_preview(session, project.id, run.id)
    assert (seen.reopen, seen.keep_later, seen.blocked) == (2, 2, 0)
    undone(session, run)
    rows = {
        case.case_id: case
        for case in session.scalars(select(Case).where(Case.project_id == project.id))
    }
    assert [rows[f"c-{n}"].closed for n in range(3)] == [False, True, False]
    assert rows["c-0"].properties == {"status": "stale", "note": "later"}
    assert_whole(app, session, project)


@pytest.mark.usefixtures("way")
def test_what_was_archived_by_hand_is_none_of_its_business(
    app: Flask, session: Session, project: Project
):
    run = closing_run(session, project, 4)
    by_hand = forms_of(session, run)[1]
    with write_transaction():
        archive(session, project.id, by_hand, by=BY)
    seen = undo_preview(session, project.id, run.id)
    assert (seen.submissions, seen.archived) == (3, 1)
    assert undone(session, run).succeeded == 3
    assert redone(session, run).succeeded == 3
    assert forms_of(session, run, State.ARCHIVED) == [by_hand]
    assert_whole(app, session, project)


def test_what_was_restored_by_hand_after_the_undo_is_none_of_the_redo_s(
    app: Flask, session: Session, project: Project
):
    run = closing_run(session, project, 3)
    undone(session, run)
    first, second, _third = forms_of(session, run, State.ARCHIVED)
    with write_transaction():
        restore(session, project.id, first, by=BY)
        restore(session, project.id, second, by=BY)
        archive(session, project.id, second, by=BY)
    job = redone(session, run)
    assert (job.succeeded, job.skipped) == (1, 0)
    assert forms_of(session, run, State.ARCHIVED) == [second]
    assert_whole(app, session, project)


def test_what_is_done_by_hand_while_a_redo_is_stopped_stays(
    app: Flask, session: Session, project: Project
):
    run = closing_run(session, project, 4)
    undone(session, run)
    with write_transaction():
        job = start_redo(session, project.id, run.id, by=BY)
    job = stopped_in_the_middle(session, job, after=1)
    _first, second, third, _fourth = forms_of(session, run) + forms_of(session, run, State.ARCHIVED)
    with write_transaction():
        restore(session, project.id, second, by=BY)
        restore(session, project.id, third, by=BY)
        archive(session, project.id, third, by=BY)
    with write_transaction():
        queue.resume(session, project.id, job.id, by=BY)
    assert worked(job).succeeded == 2
    reasons = session.scalars(
        select(JobItem.reason)
        .where(JobItem.job_id == job.id, JobItem.reason.is_not(None))
        .order_by(JobItem.place)
    ).all()
    assert reasons == [
        "This form is not archived.",
        "This form was archived by hand, or by another job, and stays so.",
    ]
    assert forms_of(session, run, State.ARCHIVED) == [third]
    assert_whole(app, session, project)


def test_a_case_whose_opening_form_is_archived_is_blocked_in_the_redo(
    app: Flask, session: Session, project: Project
):
    run = closing_run(session, project, 2)
    undone(session, run)
    (opener,) = session.scalars(
        select(Submission.submission_id)
        .where(Submission.project_id == project.id, Submission.run_id.is_(None))
        .order_by(Submission.received_on)
        .limit(1)
    )
    with write_transaction():
        archive(session, project.id, opener, by=BY)
    job = redone(session, run)
    assert (job.succeeded, job.skipped) == (1, 1)
    assert_whole(app, session, project)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_related_cases_go_back_too(app: Flask, session: Session, project: Project, size: int):
    open_case(session, project.id, "mother", case_type="mother", seen="no")
    before_all = states(session, project)
    for number in range(5):
        create = {"case_type": "patient", "case_name": f"{number}"}
        index = {"parent": ("mother", "mother")}
        block = case_block(f"c-{number}", create=create, update={"v": f"{number}"}, index=index)
        send(session, project.id, form(block))
    before = states(session, project)
    run = done(project, rule_that(copies("parent/seen", "v"), sets("done", "1")))
    assert (run.changed, run.related_updates, run.submissions) == (5, 5, 10)
    after = states(session, project)
    with chunks_of(size):
        assert undone(session, run).succeeded == 10
        assert states(session, project) == before
        assert states(session, project)["mother"] == before_all["mother"]
        assert redone(session, run).succeeded == 10
        assert states(session, project) == after
        assert undone(session, run).succeeded == 10
    assert states(session, project) == before
    assert_whole(app, session, project)


def test_it_can_be_stopped_in_the_middle_and_goes_on(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    run = closing_run(session, project, 9)
    with write_transaction():
        job = start_undo(session, project.id, run.id, by=BY)
    with chunks_of(4):
        hold = switch_forms.switch_many
        calls: list[int] = []

        def stopping(*args: Any, **named: Any) -> Any:
            calls.append(1)
            if len(calls) == 2:
                session.execute(
                    Job.__table__.update().where(Job.id == job.id).values(stop_asked=True)
                )
            return hold(*args, **named)

        monkeypatch.setattr(switch_forms, "switch_many", stopping)
        stopped = worked(job)
        monkeypatch.undo()
    with chunks_of(4):
        assert (stopped.state, stopped.processed) == (JobState.STOPPED, 8)
        with write_transaction():
            queue.resume(session, project.id, job.id, by=BY)
        finished = worked(job)
    assert (finished.state, finished.succeeded) == (JobState.FINISHED, 9)
    assert_whole(app, session, project)


def stopped_in_the_middle(session: Session, job: Job, *, after: int) -> Job:
    """Work on a job form by form; somebody asks it to stop when so many are done."""
    do = switch_forms.switch_many
    with pytest.MonkeyPatch.context() as patch, chunks_of(1):

        def stopping(*args: Any, **named: Any) -> Any:
            held = session.get_one(Job, job.id)
            held.stop_asked = held.processed + 1 >= after
            return do(*args, **named)

        patch.setattr(switch_forms, "switch_many", stopping)
        return worked(job)


def test_a_stopped_undo_can_be_taken_back_as_far_as_it_went(
    app: Flask, session: Session, project: Project
):
    run = closing_run(session, project, 6)
    with write_transaction():
        job = start_undo(session, project.id, run.id, by=BY)
    with write_transaction():
        queue.ask_stop(session, project.id, job.id, by=BY)
    with pytest.raises(Refused, match="not undone"), write_transaction():
        start_redo(session, project.id, run.id, by=BY)
    with write_transaction():
        job = start_undo(session, project.id, run.id, by=BY)
    job = stopped_in_the_middle(session, job, after=4)
    assert (job.state, job.succeeded, job.left) == (JobState.STOPPED, 4, 2)
    assert redone(session, run).succeeded == 4
    assert len(forms_of(session, run)) == 6
    with pytest.raises(Refused, match="by another job since"), write_transaction():
        queue.resume(session, project.id, job.id, by=BY)
    assert undone(session, run).succeeded == 6
    assert_whole(app, session, project)


def test_an_undo_in_two_parts_is_taken_back_as_one(app: Flask, session: Session, project: Project):
    run = closing_run(session, project, 6)
    after = states(session, project)
    with write_transaction():
        job = start_undo(session, project.id, run.id, by=BY)
    stopped_in_the_middle(session, job, after=2)
    assert undone(session, run).succeeded == 4
    assert forms_of(session, run) == []
    assert redone(session, run).succeeded == 6
    assert states(session, project) == after
    assert_whole(app, session, project)


def test_a_stopped_redo_goes_on_or_is_undone_again(app: Flask, session: Session, project: Project):
    run = closing_run(session, project, 6)
    after = states(session, project)
    undone(session, run)
    for goes_on in (True, False):
        with write_transaction():
            job = start_redo(session, project.id, run.id, by=BY)
        job = stopped_in_the_middle(session, job, after=2)
        assert (job.state, job.succeeded) == (JobState.STOPPED, 2)
        if goes_on:
            with write_transaction():
                queue.resume(session, project.id, job.id, by=BY)
            assert worked(job).succeeded == 6
            assert states(session, project) == after
            undone(session, run)
    assert undone(session, run).succeeded == 2
    assert redone(session, run).succeeded == 6
    assert states(session, project) == after
    assert_whole(app, session, project)


def test_a_run_that_is_undone_does_not_go_on(app: Flask, session: Session, project: Project):
    for number in range(6):
        open_case(session, project.id, f"c-{number}", status="stale")
    run = queued(project, saved(project, rule_that(CLOSES, where=equals("status", "stale"))))
    with chunks_of(1):
        stopped_run(run, after=2)
    undone(session, run)
    # From the run's page and from the job's.
    for resumed, number in ((resume, run.id), (queue.resume, run.job_id)):
        with pytest.raises(Refused, match="Bring the changes back first"), write_transaction():
            resumed(session, project.id, number, by=BY)
    with write_transaction():
        start_redo(session, project.id, run.id, by=BY)
    with pytest.raises(Refused, match="just now"), write_transaction():
        resume(session, project.id, run.id, by=BY)
    worked(queue.get_job(session, project.id, session.get_one(Run, run.id).undo_id))
    with write_transaction():
        resume(session, project.id, run.id, by=BY)
    worked_run(run)
    assert (run.state, run.closed) == (RunState.FINISHED, 6)
    assert undone(session, run).succeeded == 6
    assert_whole(app, session, project)


def test_an_undo_that_was_stopped_is_not_resumed_while_its_run_goes_on(
    session: Session, project: Project
):
    for number in range(4):
        open_case(session, project.id, f"c-{number}", status="stale")
    run = queued(project, saved(project, rule_that(CLOSES, where=equals("status", "stale"))))
    with chunks_of(1):
        stopped_run(run, after=2)
    with write_transaction():
        job = start_undo(session, project.id, run.id, by=BY)
        queue.ask_stop(session, project.id, job.id, by=BY)
    with write_transaction():
        resume(session, project.id, run.id, by=BY)
    with pytest.raises(Refused, match="still at work"), write_transaction():
        queue.resume(session, project.id, job.id, by=BY)


def stopped_run(run: Run, *, after: int) -> None:
    """Work on a run case by case; somebody stops it when so many are done."""

    def stop_in_time() -> None:
        if db.session.get_one(Run, run.id, populate_existing=True).processed == after:
            with write_transaction() as session:
                stop(session, run.project_id, run.id, by=BY)

    with before_each_piece(stop_in_time):
        worked_run(run)


def test_a_form_that_alone_opens_a_case_is_blocked_by_later_ones(
    app: Flask, session: Session, project: Project
):
    """The forms that opened the cases are edited, so that they are about another one."""
    opener = factories.unique("opener")
    cases = [case_block(f"c-{n}", create=CREATE, update={"status": "stale"}) for n in range(3)]
    send(session, project.id, form(*cases, instance_id=opener))
    run = done(project, rule_that(sets("seen", "1"), CLOSES, where=equals("status", "stale")))
    send(session, project.id, form(case_block("c-0", update={"later": "1"})))
    later = send(session, project.id, form(case_block("c-1", update={"later": "1"})))
    with write_transaction():
        archive(session, project.id, later.submission_id, by=BY)
    send(session, project.id, form(case_block("other", create=CREATE), instance_id=opener))
    seen = undo_preview(session, project.id, run.id)
    assert (seen.submissions, seen.cases, seen.blocked) == (3, 3, 1)
    # c-0 stays as it is, the others are no more.
    assert (seen.reopen, seen.keep_later) == (0, 0)
    job = undone(session, run)
    assert (job.succeeded, job.skipped) == (2, 1)
    deleted = select(Case.case_id).where(Case.project_id == project.id, Case.deleted)
    assert set(session.scalars(deleted)) == {"c-1", "c-2"}
    assert_whole(app, session, project)


CREATE = {"case_type": "patient", "case_name": "Name", "owner_id": "owner-1"}


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_the_preview_of_an_undo_is_exact(app: Flask, session: Session, seed: int):
    """On cases whose forms are edited, so that they are about others, archived and closed."""
    random = Random(seed)
    project = factories.project()
    names = [f"c-{number}" for number in range(4)]
    ids = [factories.unique("form") for _ in range(6)]

    def some_forms(identities: list[str]) -> None:
        for identity in identities:
            about = random.sample(names, random.choice((1, 2)))
            closes = random.random() < 0.15
            made = [
                case_block(one, create=CREATE, update={"a": "1"}, close=closes) for one in about
            ]
            send(session, project.id, form(*made, instance_id=identity))

    some_forms(ids[:3])
    run = done(project, rule_that(sets("seen", "1"), CLOSES))
    some_forms(ids[3:])
    some_forms(random.sample(ids, 4))  # edits
    for one in random.sample(ids + forms_of(session, run), 3):
        with suppress(CasekeeperError), write_transaction():
            archive(session, project.id, one, by=BY)
    seen = undo_preview(session, project.id, run.id)
    before = open_cases(session, project)
    if not seen.submissions:
        return
    job = undone(session, run)
    assert (job.total, job.skipped) == (seen.submissions, seen.blocked)
    after = open_cases(session, project)
    assert seen.reopen == len(after - before)
    assert_whole(app, session, project)


def open_cases(session: Session, project: Project) -> set[str]:
    """The ids of cases that are open, and not deleted."""
    session.rollback()
    is_open = (Case.closed.is_(False), Case.deleted.is_(False))
    return set(session.scalars(select(Case.case_id).where(Case.project_id == project.id, *is_open)))


def test_what_cannot_be_undone_is_refused(session: Session, project: Project):
    with pytest.raises(NotFound):
        undo_preview(session, project.id, 2**40)
    run = closing_run(session, project, 1)
    with pytest.raises(Refused, match="not undone"), write_transaction():
        start_redo(session, project.id, run.id, by=BY)
    elsewhere = factories.project().id
    with pytest.raises(NotFound), write_transaction():
        start_undo(session, elsewhere, run.id, by=BY)
    undone(session, run)
    with pytest.raises(Refused, match="nothing to undo"), write_transaction():
        start_undo(session, project.id, run.id, by=BY)
    with write_transaction():
        start_redo(session, project.id, run.id, by=BY)
    with pytest.raises(Refused, match="just now"), write_transaction():
        start_undo(session, project.id, run.id, by=BY)


@pytest.mark.usefixtures("way")
def test_every_form_leaves_an_event(session: Session, project: Project):
    run = closing_run(session, project, 3)
    job = undone(session, run)
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.project_id == project.id, AuditEvent.tag == "submission.archive")
        .order_by(AuditEvent.id)
    ).all()
    assert [event.subject for event in events] == [
        f"submission:{one}" for one in reversed(forms_of(session, run, State.ARCHIVED))
    ]
    assert {(event.actor, event.reason, event.source) for event in events} == {
        (BY.name, "by mistake", f"job {job.id}")
    }
    assert [event.after for event in events] == [{"cases": 1}] * 3


def test_the_fast_way_is_gone_where_it_can_be(
    session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    run = closing_run(session, project, 8)
    replayed: list[int] = []
    replay = bulk.replay_chains

    def watched(session: Session, project_id: int, to: State, chains: Any) -> Any:
        replayed.append(len(chains))
        return replay(session, project_id, to, chains)

    monkeypatch.setattr(bulk, "replay_chains", watched)
    with chunks_of(4):
        undone(session, run)
        redone(session, run)
        send(session, project.id, form(case_block("c-3", update={"note": "later"})))
        undone(session, run)
    assert replayed == [0, 0, 0, 0, 0, 1]


def test_ticks_stay_unique_and_in_order(session: Session, project: Project):
    run = closing_run(session, project, 30)
    last = session.scalar(select(func.max(Case.indexed_on)).where(Case.project_id == project.id))
    with chunks_of(7):
        undone(session, run)
    ticks = session.scalars(
        select(Case.indexed_on).where(Case.project_id == project.id).order_by(Case.indexed_on)
    ).all()
    assert len(set(ticks)) == 30
    assert min(ticks) > last


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_random_rules_on_random_cases_are_undone_exactly(app: Flask, session: Session, seed: int):
    random = Random(seed)
    project = factories.project()
    send_world(session, project, dirt.world(random, 12))
    before = states(session, project)
    run = done(project, dirt.rule(random))
    after = states(session, project)
    with chunks_of(random.choice((1, 3, 1000))):
        if run.submissions:
            undone(session, run)
            assert states(session, project) == before
            redone(session, run)
            assert states(session, project) == after
            assert_whole(app, session, project)


def test_an_edited_form_keeps_its_place_in_what_is_replayed(
    app: Flask, session: Session, project: Project
):
    open_case(session, project.id, "c", a="0")
    edited = factories.unique("e")
    send(session, project.id, form(case_block("c", update={"a": "1"}), instance_id=edited))
    run = done(project, rule_that(sets("d", "1")))
    send(session, project.id, form(case_block("c", update={"a": "2"})))
    send(session, project.id, form(case_block("c", update={"a": "3"}), instance_id=edited))
    undone(session, run)
    case = session.scalars(select(Case).where(Case.project_id == project.id)).one()
    assert case.properties == {"a": "2"}
    assert_whole(app, session, project)
