"""Whatever people do to a run, one after the other, each form is where a plain model says, and what
cannot be done is refused: nothing is lost, and all that was undone can be brought back (SPEC R27).
"""

from __future__ import annotations

from enum import Enum
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
from tests.forms import case_block, form, open_case, send
from tests.history.bulk import done
from tests.rules.running import (
    CLOSES,
    before_each_piece,
    chunks_of,
    equals,
    queued,
    rule_that,
    saved,
    sets,
)
from tests.rules.test_undo import assert_whole
from tests.thorough import examples
from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.jobs import queue, tasks
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job
from webapp.rules.models import Run, RunState
from webapp.rules.undo import start_redo, start_undo, undo_preview
from webapp.rules.undone import undone
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State, Submission

CASES = 5


class Form(Enum):
    """What the model knows of a form of the run."""

    COUNTS = "counts"
    UNDONE = "undone"
    BY_HAND = "archived by hand"


class Undoing(RuleBasedStateMachine):
    """One run over a few cases. Each piece of work is one case, or one form."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app
        self.context = app.app_context()
        self.context.push()
        self.session = db.session()
        #: By id, in the order of the run.
        self.forms: dict[str, Form] = {}
        #: What jobs that undo, or take that back, have still to do; None before they began.
        self.to_do: dict[int, list[str] | None] = {}
        self.last = 0

    @initialize(done=st.integers(1, CASES))
    def a_run_is_stopped_or_ends(self, done: int) -> None:
        self.project = make_project()
        for number in range(CASES):
            open_case(self.session, self.project.id, f"c{number}", status="stale")
        of_stale = rule_that(sets("seen", "yes"), CLOSES, where=equals("status", "stale"))
        self.run = queued(self.project, saved(self.project, of_stale))
        self.work(self.run.job_id, done)
        self.find_forms()

    @rule()
    def the_run_is_undone(self) -> None:
        counting = [one for one in reversed(self.forms) if self.forms[one] is Form.COUNTS]
        self.start(start_undo, refused=self.at_work or not counting)

    @rule()
    def that_is_taken_back(self) -> None:
        self.start(start_redo, refused=self.at_work or Form.UNDONE not in self.forms.values())

    @precondition(lambda self: self.at_work)
    @rule(pieces=st.integers(0, CASES))
    def a_worker_does_some_of_it(self, pieces: int) -> None:
        self.do(self.last, pieces)

    @precondition(lambda self: self.at_work)
    @rule()
    def it_is_stopped_while_it_waits(self) -> None:
        with write_transaction() as session:
            queue.ask_stop(session, self.project.id, self.last, by=actor())

    @precondition(lambda self: self.to_do)
    @rule(data=st.data())
    def a_job_is_resumed(self, data: st.DataObject) -> None:
        job = self.job(data.draw(st.sampled_from(sorted(self.to_do))))
        self.attempt(queue.resume, job.id, refused=not job.resumable or job.id != self.last)

    @rule(pieces=st.integers(0, CASES))
    def the_run_is_resumed(self, pieces: int) -> None:
        refused = self.at_work or Form.UNDONE in self.forms.values()
        stopped = self.state_of_run() is RunState.STOPPED
        if self.attempt(queue.resume, self.run.job_id, refused=refused or not stopped):
            self.attempt_undo_while_it_waits()
            self.work(self.run.job_id, pieces)
            self.find_forms()

    @rule(number=st.integers(0, CASES - 1))
    def a_form_is_archived_by_hand(self, number: int) -> None:
        one = self.form(number)
        if self.by_hand(archive, one, refused=self.forms[one] is not Form.COUNTS):
            self.forms[one] = Form.BY_HAND

    @rule(number=st.integers(0, CASES - 1))
    def a_form_is_restored_by_hand(self, number: int) -> None:
        one = self.form(number)
        if self.by_hand(restore, one, refused=self.forms[one] is Form.COUNTS):
            self.forms[one] = Form.COUNTS

    @precondition(lambda self: not self.at_work)
    @rule(
        numbers=st.sets(st.integers(0, CASES - 1), min_size=1),
        to=st.sampled_from([State.ARCHIVED, State.NORMAL]),
    )
    def forms_are_switched_with_others(self, numbers: set[int], to: State) -> None:
        """From Submit History, which for the run is by hand."""
        ids = {self.form(number) for number in numbers}
        done(self.session, self.project, to, ids)
        for one in ids:
            if to is State.NORMAL:
                self.forms[one] = Form.COUNTS
            elif self.forms[one] is Form.COUNTS:
                self.forms[one] = Form.BY_HAND

    @rule(number=st.integers(0, CASES - 1), closes=st.booleans())
    def somebody_changes_a_case(self, number: int, closes: bool) -> None:
        block = case_block(f"c{number}", update={"note": "later"}, close=closes)
        send(self.session, self.project.id, form(block))

    @invariant()
    def each_form_is_where_the_model_says(self) -> None:
        if not hasattr(self, "run"):
            return
        self.session.rollback()
        rows = self.session.execute(
            select(Submission.submission_id, Submission.state, Submission.archived_by).where(
                Submission.project_id == self.project.id, Submission.run_id == self.run.id
            )
        )
        assert {
            one: Form.COUNTS
            if state == State.NORMAL
            else (Form.UNDONE if by in self.to_do else Form.BY_HAND)
            for one, state, by in rows
        } == self.forms
        told = undone(self.session, self.session.get_one(Run, self.run.id))
        values = list(self.forms.values())
        assert (told.counting, told.forms, told.by_hand) == tuple(map(values.count, Form))
        assert told.at_work == self.at_work
        seen = undo_preview(self.session, self.project.id, self.run.id)
        assert (seen.submissions, seen.blocked) == (told.counting, 0)

    @property
    def at_work(self) -> bool:
        return bool(self.last) and not self.job(self.last).over

    def job(self, number: int) -> Job:
        return self.session.get_one(Job, number, populate_existing=True)

    def state_of_run(self) -> RunState:
        return self.session.get_one(Run, self.run.id, populate_existing=True).state

    def form(self, number: int) -> str:
        return list(self.forms)[number % len(self.forms)]

    def find_forms(self) -> None:
        rows = self.session.scalars(
            select(Submission.submission_id)
            .where(Submission.project_id == self.project.id, Submission.run_id == self.run.id)
            .order_by(Submission.received_on)
        )
        self.forms = {one: self.forms.get(one, Form.COUNTS) for one in rows}

    def start(self, start: Any, *, refused: bool) -> None:
        job = self.attempt(start, self.run.id, refused=refused)
        if job:
            self.last = job.id
            self.to_do[job.id] = None

    def attempt_undo_while_it_waits(self) -> None:
        self.start(start_undo, refused=True)
        self.start(start_redo, refused=True)

    def attempt(self, operation: Any, key: Any, *, refused: bool) -> Any:
        """Do something, and see whether it is refused."""
        try:
            with write_transaction() as session:
                found = operation(session, self.project.id, key, by=actor())
        except Refused:
            assert refused
            return None
        finally:
            self.session.rollback()
        assert not refused
        return found

    def by_hand(self, operation: Any, one: str, *, refused: bool) -> bool:
        return self.attempt(operation, one, refused=refused) is not None

    def do(self, number: int, pieces: int) -> None:
        """Work on an undo, or a redo, for so many forms, then stop it; here and in the model."""
        undoes = self.job(number).kind == Kind.UNDO_RUN.value
        to_do = self.to_do[number]
        if to_do is None:
            to_do = (
                [one for one in reversed(self.forms) if self.forms[one] is Form.COUNTS]
                if undoes
                else [one for one in self.forms if self.forms[one] is Form.UNDONE]
            )
        was, will_be = (Form.COUNTS, Form.UNDONE) if undoes else (Form.UNDONE, Form.COUNTS)
        for one in to_do[:pieces]:
            if self.forms[one] is was:
                self.forms[one] = will_be
        self.to_do[number] = to_do[pieces:]
        self.work(number, pieces)

    def work(self, number: int, pieces: int) -> None:
        """Work on a job piece by piece, and stop it after so many."""
        left = [pieces]

        def stop_in_time() -> None:
            if not left[0]:
                with write_transaction() as session:
                    queue.ask_stop(session, self.project.id, number, by=actor())
            left[0] -= 1

        with chunks_of(1), before_each_piece(stop_in_time):
            tasks.work(number)
        self.session.rollback()

    def teardown(self) -> None:
        """All that was undone comes back, and nothing else."""
        if hasattr(self, "run"):
            if self.at_work:
                self.do(self.last, 2 * CASES)
            if Form.UNDONE in self.forms.values():
                self.that_is_taken_back()
                self.do(self.last, 2 * CASES)
            assert Form.UNDONE not in self.forms.values()
            self.each_form_is_where_the_model_says()
            assert_whole(self.app, self.session, self.project)
        self.session.rollback()
        self.context.pop()


def test_whatever_people_do_no_form_is_lost(app: Flask) -> None:
    run_state_machine_as_test(
        lambda: Undoing(app),
        settings=settings(
            max_examples=examples(12),
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
