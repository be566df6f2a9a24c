"""Jobs that archive or restore what somebody selected, and taking them back (SPEC A6, U8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, new_id, open_case, send
from tests.history.bulk import (
    asked,
    done,
    in_state,
    kept,
    reasons,
    select_forms,
    taken_back,
    worked,
)
from tests.rules.running import CLOSES, chunks_of, equals, forms_of, rule_that
from tests.rules.running import done as run_of
from tests.rules.test_undo import redone
from tests.rules.test_undo import undone as undo
from tests.submissions.test_bulk import assert_whole
from webapp.audit.actor import Actor
from webapp.audit.models import AuditEvent
from webapp.clock import DAY, now
from webapp.database import write_transaction
from webapp.errors import NotFound, Refused
from webapp.history import selections
from webapp.history.bulk_jobs import (
    leaves_something,
    refuse_take_back,
    start_over_ids,
    start_over_selection,
    taken_back_by,
)
from webapp.history.calendar import Calendar
from webapp.history.filters import SubmissionFilter, forms_of_run
from webapp.history.models import SelectedForm, Selection
from webapp.history.selections import find_all, find_some, freeze, get_selection, tidy_selections
from webapp.jobs import frozen, queue, switch_forms
from webapp.jobs.items import WENT_WRONG
from webapp.jobs.models import Job, JobItem, JobState
from webapp.projects.models import Project
from webapp.rules.undone import undone
from webapp.submissions.archive import WHY_NOT, archive, restore
from webapp.submissions.bulk import NOT_ITS_OWN, UNKNOWN, Switch
from webapp.submissions.models import State

BY = factories.actor()


def by_hand(project: Project, operation: object, one: str) -> None:
    with write_transaction() as session:
        operation(session, project.id, one, by=BY)


def opened(session: Session, project: Project, number: int) -> list[str]:
    """Forms that each open a case."""
    return [open_case(session, project.id, new_id()).submission_id for _ in range(number)]


def test_a_whole_chain_goes_and_comes_in_one_go(app: Flask, session: Session, project: Project):
    ids = [open_case(session, project.id, "a").submission_id]
    ids += [
        send(session, project.id, form(case_block("a", update={"n": n}))).submission_id
        for n in "123"
    ]
    with chunks_of(1):
        job = done(session, project, State.ARCHIVED, ids)
        assert (job.state, job.total, job.succeeded) == (JobState.FINISHED, 4, 4)
        assert in_state(session, project, State.ARCHIVED) == ids
        assert_whole(app, session, project)
        back = taken_back(session, project, job, State.NORMAL)
    assert (back.total, back.succeeded) == (4, 4)
    assert in_state(session, project, State.NORMAL) == ids
    assert [one.id for one in taken_back_by(session, job)] == [back.id]
    assert not leaves_something(session, job)
    again = taken_back(session, project, back, State.ARCHIVED)
    assert again.succeeded == 4
    assert_whole(app, session, project)
    events = session.scalars(
        select(AuditEvent.tag).where(
            AuditEvent.project_id == project.id, AuditEvent.subject == f"job:{job.id}"
        )
    ).all()
    assert events == ["job.queue", "job.start", "job.end"]


def test_taking_back_concerns_only_what_the_job_did(app: Flask, session: Session, project: Project):
    before, ours, since, other = opened(session, project, 4)
    by_hand(project, archive, before)
    job = done(session, project, State.ARCHIVED, [before, ours, since, other])
    assert reasons(session, job) == {before: WHY_NOT[State.ARCHIVED]}
    by_hand(project, restore, since)
    by_hand(project, archive, since)
    by_hand(project, restore, other)
    second = done(session, project, State.ARCHIVED, [other])
    back = taken_back(session, project, job, State.NORMAL)
    assert (back.total, back.succeeded) == (1, 1)
    assert in_state(session, project, State.NORMAL) == [ours]
    assert taken_back(session, project, second, State.NORMAL).succeeded == 1
    assert set(in_state(session, project, State.ARCHIVED)) == {before, since}
    restored = done(session, project, State.NORMAL, [before, since])
    by_hand(project, archive, since)
    by_hand(project, restore, since)
    assert taken_back(session, project, restored, State.ARCHIVED).succeeded == 1
    assert in_state(session, project, State.ARCHIVED) == [before]
    assert_whole(app, session, project)


def test_what_changes_between_the_question_and_the_work_stays(session: Session, project: Project):
    first, second = opened(session, project, 2)
    job = done(session, project, State.ARCHIVED, [first, second])
    found = selections.find_forms_of(session, job)
    selection = kept(session, project, found, of_job=job.id)
    by_hand(project, restore, second)
    by_hand(project, archive, second)
    back = worked(session, asked(session, project, selection, State.NORMAL))
    assert reasons(session, back) == {second: NOT_ITS_OWN[State.NORMAL]}
    assert in_state(session, project, State.ARCHIVED) == [second]


def test_an_edit_of_what_a_job_archived_comes_back_with_it(
    app: Flask, session: Session, project: Project
):
    open_case(session, project.id, "a")
    block = case_block("a", update={"x": "old"})
    sent = form(block, instance_id="visit-1")
    send(session, project.id, sent)
    job = done(session, project, State.ARCHIVED, ["visit-1"])
    send(session, project.id, form(case_block("a", update={"x": "new"}), instance_id="visit-1"))
    assert in_state(session, project, State.ARCHIVED) == ["visit-1"]
    assert taken_back(session, project, job, State.NORMAL).succeeded == 1
    assert in_state(session, project, State.ARCHIVED) == []
    assert_whole(app, session, project)


def test_a_selection_is_what_was_there(app: Flask, session: Session, project: Project):
    ids = opened(session, project, 3)
    open_case(session, project.id, "a")
    send(session, project.id, form(case_block("a", update={"x": "1"}), instance_id="edited"))
    found = find_all(session, project.id, SubmissionFilter(), Calendar.of(project))
    selection = kept(session, project, found)
    (later,) = opened(session, project, 1)
    send(session, project.id, form(case_block("a", update={"x": "2"}), instance_id="edited"))
    job = worked(session, asked(session, project, selection, State.ARCHIVED))
    assert (job.total, job.succeeded) == (5, 3)
    assert set(reasons(session, job).values()) >= {WHY_NOT[State.DEPRECATED]}
    assert set(in_state(session, project, State.ARCHIVED)) == set(ids)
    assert {later, "edited"} <= set(in_state(session, project, State.NORMAL))
    assert_whole(app, session, project)


def test_too_many_are_told(session: Session, project: Project, monkeypatch: pytest.MonkeyPatch):
    opened(session, project, 3)
    monkeypatch.setattr(selections, "MOST", 2)
    with pytest.raises(selections.TooMany, match="more than 2 forms"):
        find_all(session, project.id, SubmissionFilter(), Calendar.of(project))


def test_a_selection_is_a_person_s_own_serves_once_and_expires(
    session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    ids = opened(session, project, 5)
    selection = select_forms(session, project, ids)
    with pytest.raises(NotFound):
        get_selection(session, project.id, selection, by=Actor("other", "other", ""))
    with pytest.raises(NotFound):
        get_selection(session, factories.project().id, selection, by=BY)
    job = asked(session, project, selection, State.ARCHIVED)
    assert asked(session, project, selection, State.NORMAL).id == job.id
    tidy_selections(now() + 9 * DAY)  # its job waits
    assert worked(session, job).succeeded == 5
    assert asked(session, project, selection, State.ARCHIVED).id == job.id
    unused = select_forms(session, project, ids)
    monkeypatch.setattr(selections, "DROPPED", 2)
    tidy_selections(now() + selections.KEPT // 2)
    assert get_selection(session, project.id, unused, by=BY).count == 5
    monkeypatch.setattr(selections, "KEPT", -1)
    expired = select_forms(session, project, ids)
    with pytest.raises(NotFound):
        get_selection(session, project.id, expired, by=BY)
    tidy_selections(now() + 2 * DAY)
    session.rollback()
    for table in (Selection, SelectedForm):
        rows = select(func.count()).select_from(table).where(table.project_id == project.id)
        assert session.scalar(rows) == 0


def test_what_a_worker_that_died_has_left_of_the_list_goes(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    ids = opened(session, project, 7)
    monkeypatch.setattr(frozen, "PIECE", 3)
    job = asked(session, project, select_forms(session, project, ids), State.ARCHIVED)
    left = [
        {"project_id": project.id, "job_id": job.id, "place": place, "item": f"left-{place}"}
        for place in range(5)
    ]
    with write_transaction() as writing:
        writing.bulk_insert_mappings(JobItem, left)
    job = worked(session, job)
    assert (job.total, job.succeeded) == (7, 7)
    items = session.scalars(
        select(JobItem.item).where(JobItem.job_id == job.id).order_by(JobItem.place)
    ).all()
    assert items == ids[::-1]


def test_a_stopped_job_is_taken_back_as_far_as_it_came(session: Session, project: Project):
    ids = opened(session, project, 3)
    job = asked(session, project, select_forms(session, project, ids), State.ARCHIVED)
    with pytest.raises(Refused):
        refuse_take_back(job)
    with write_transaction():
        queue.ask_stop(session, project.id, job.id, by=BY)
    session.rollback()
    refuse_take_back(session.get_one(Job, job.id))
    assert not leaves_something(session, job)
    with write_transaction():
        queue.resume(session, project.id, job.id, by=BY)
    assert worked(session, job).succeeded == 3


def test_forms_by_their_ids(session: Session, project: Project):
    ids = opened(session, project, 2)
    with write_transaction():
        job = start_over_ids(session, project.id, ["nobody", *ids, ids[0]], State.ARCHIVED, by=BY)
    assert job.total == 3
    job = worked(session, job)
    assert (job.processed, job.succeeded) == (3, 2)
    assert reasons(session, job) == {"nobody": UNKNOWN}


def test_archiving_the_forms_of_a_run_is_not_undoing_it(
    app: Flask, session: Session, project: Project
):
    for number in range(4):
        open_case(session, project.id, f"c{number}", status="stale")
    run = run_of(project, rule_that(CLOSES, where=equals("status", "stale")))
    first = forms_of(session, run)[0].submission_id
    job = done(session, project, State.ARCHIVED, [first])
    told = undone(session, run)
    assert (told.counting, told.forms, told.by_hand) == (3, 0, 1)
    assert undo(session, run).succeeded == 3
    assert redone(session, run).succeeded == 3
    assert in_state(session, project, State.ARCHIVED) == [first]
    session.rollback()
    found = find_all(session, project.id, forms_of_run(run.id), Calendar.of(project))
    assert len(found.keys) == 4
    assert taken_back(session, project, job, State.NORMAL).succeeded == 1
    assert undone(session, run).counting == 4
    assert_whole(app, session, project)


def test_a_selection_of_nothing_does_nothing(session: Session, project: Project):
    with write_transaction():
        empty = freeze(session, project.id, find_some(session, project.id, ["no"]), by=BY)
        job = start_over_selection(
            session, project.id, empty.selection_id, State.NORMAL, by=BY, reason=""
        )
    job = worked(session, job)
    assert (job.state, job.total) == (JobState.FINISHED, 0)


def test_one_bad_form_stops_nothing_else(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    ids = opened(session, project, 9)
    switch_many = switch_forms.switch_many

    def failing(session: Session, switch: Switch, some: Sequence[str], **named: Any) -> Any:
        done = switch_many(session, switch, some, **named)
        if ids[4] in some:
            raise ZeroDivisionError
        return done

    monkeypatch.setattr(switch_forms, "switch_many", failing)
    job = done(session, project, State.ARCHIVED, ids)
    assert (job.state, job.processed, job.succeeded) == (JobState.FINISHED, 9, 8)
    assert reasons(session, job) == {ids[4]: WENT_WRONG}
    assert in_state(session, project, State.NORMAL) == [ids[4]]
    assert_whole(app, session, project)
