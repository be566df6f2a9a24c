"""Whatever is archived and restored, by hand, by jobs and by taking jobs back, each form is where a
plain model says, and each case equals its replay (SPEC A1, A6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from tests.factories import actor
from tests.factories import project as make_project
from tests.forms import form, new_id, send
from tests.history.bulk import asked, reasons, select_forms, select_of_job
from tests.rules.running import before_each_piece, chunks_of
from tests.submissions.test_bulk import assert_whole
from tests.submissions.test_replay import blocks
from tests.thorough import examples
from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.history.bulk_outlook import bulk_outlook
from webapp.history.models import Selection
from webapp.jobs import queue, tasks
from webapp.jobs.models import Job
from webapp.submissions.archive import OPENED_CASE, OPENER_ARCHIVED, archive, restore
from webapp.submissions.bulk import NOT_ITS_OWN
from webapp.submissions.models import State, Submission

BLOCKED = {OPENED_CASE, OPENER_ARCHIVED}


@dataclass
class Work:
    """A job as the model knows it: what it still has to do, and of which job it may touch the
    forms only."""

    to: State
    left: list[str]
    of_job: int | None = None
    did: set[str] = field(default_factory=set)


class Archiving(RuleBasedStateMachine):
    """A few forms about a few cases."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app
        self.context = app.app_context()
        self.context.push()
        self.session = db.session()
        #: By id, oldest first: the state, and the job that brought it there.
        self.forms: dict[str, tuple[State, int | None]] = {}
        self.jobs: dict[int, Work] = {}

    @initialize(sent=st.lists(blocks(), min_size=2, max_size=6))
    def forms_come(self, sent: list[list[str]]) -> None:
        self.project = make_project()
        for made in sent:
            self.a_form_comes(made)

    @rule(made=blocks())
    def a_form_comes(self, made: list[str]) -> None:
        one = new_id()
        received = send(self.session, self.project.id, form(*made, instance_id=one))
        state = State.ERROR if received.problem else State.NORMAL
        self.forms[received.submission_id] = (state, None)

    @rule(number=st.integers(0, 9), to=st.sampled_from([State.ARCHIVED, State.NORMAL]))
    def somebody_does_it_by_hand(self, number: int, to: State) -> None:
        one = list(self.forms)[number % len(self.forms)]
        operation = archive if to is State.ARCHIVED else restore
        try:
            with write_transaction() as session:
                operation(session, self.project.id, one, by=actor())
        except Refused:
            return
        assert self.forms[one][0] not in {to, State.ERROR}
        self.forms[one] = (to, None)

    @rule(
        numbers=st.sets(st.integers(0, 9), min_size=1),
        to=st.sampled_from([State.ARCHIVED, State.NORMAL]),
        stops=st.none() | st.integers(0, 3),
    )
    def forms_are_selected(self, numbers: set[int], to: State, stops: int | None) -> None:
        ids = [one for place, one in enumerate(self.forms) if place in numbers]
        selection = select_forms(self.session, self.project, ids)
        self.start(selection, Work(to, ids if to is State.NORMAL else ids[::-1]), stops)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), stops=st.none() | st.integers(0, 3))
    def a_job_is_taken_back(self, data: st.DataObject, stops: int | None) -> None:
        number = data.draw(st.sampled_from(sorted(self.jobs)))
        was = self.jobs[number]
        to = State.NORMAL if was.to is State.ARCHIVED else State.ARCHIVED
        ids = [one for one, known in self.forms.items() if known == (was.to, number)]
        assert set(ids) <= was.did
        job = self.session.get_one(Job, number)
        selection = select_of_job(self.session, self.project, job)
        order = ids if to is State.NORMAL else ids[::-1]
        self.start(selection, Work(to, order, of_job=number), stops)

    @precondition(lambda self: any(work.left for work in self.jobs.values()))
    @rule(data=st.data())
    def a_job_is_resumed(self, data: st.DataObject) -> None:
        waiting = sorted(number for number, work in self.jobs.items() if work.left)
        number = data.draw(st.sampled_from(waiting))
        with write_transaction() as session:
            queue.resume(session, self.project.id, number, by=actor())
        self.do(number, None)

    def start(self, selection: str, work: Work, stops: int | None) -> None:
        self.session.rollback()
        row = self.session.scalars(
            select(Selection).where(Selection.selection_id == selection)
        ).one()
        said = bulk_outlook(self.session, row, work.to)
        number = asked(self.session, self.project, selection, work.to).id
        self.jobs[number] = work
        self.do(number, stops)
        if not work.left:
            assert len(work.did) == said.forms

    def do(self, number: int, stops: int | None) -> None:
        """Work on a job, form by form, until it is over or after so many; here and in the model,
        which takes from the job only which forms the guards keep."""
        left = [stops]

        def stop_in_time() -> None:
            if left[0] is not None:
                if left[0] == 0:
                    with write_transaction() as session:
                        queue.ask_stop(session, self.project.id, number, by=actor())
                left[0] -= 1

        with chunks_of(1), before_each_piece(stop_in_time):
            tasks.work(number)
        self.session.rollback()
        job, work = self.session.get_one(Job, number, populate_existing=True), self.jobs[number]
        skipped = reasons(self.session, job)
        turn = len(work.left) - job.left
        for one in work.left[:turn]:
            state, by = self.forms[one]
            fits = state not in {work.to, State.ERROR}
            ours = work.of_job is None or by == work.of_job
            if fits and ours and skipped.get(one) not in BLOCKED:
                assert one not in skipped
                self.forms[one] = (work.to, number)
                work.did.add(one)
            else:
                assert one in skipped
                assert (skipped[one] == NOT_ITS_OWN[work.to]) == (fits and not ours)
        work.left = work.left[turn:]
        assert (job.succeeded, job.left) == (len(work.did), len(work.left))

    @invariant()
    def each_form_is_where_the_model_says(self) -> None:
        if not hasattr(self, "project"):
            return
        self.session.rollback()
        rows: Any = self.session.execute(
            select(
                Submission.submission_id,
                Submission.state,
                Submission.archived_by,
                Submission.restored_by,
            ).where(Submission.project_id == self.project.id)
        )
        found = {
            one: (state, archived_by if state is State.ARCHIVED else restored_by)
            for one, state, archived_by, restored_by in rows
        }
        assert found == self.forms

    def teardown(self) -> None:
        if hasattr(self, "project"):
            assert_whole(self.app, self.session, self.project)
        self.session.rollback()
        self.context.pop()


def test_whatever_is_taken_back_each_case_equals_its_replay(app: Flask) -> None:
    run_state_machine_as_test(
        lambda: Archiving(app),
        settings=settings(
            max_examples=examples(6),
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
