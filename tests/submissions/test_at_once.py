"""The usual form is written together with the commit, and leaves what any other way leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import WORKER, case_block, form, open_case, send
from tests.rules.leftovers import tables
from tests.submissions.sharing_types import share
from tests.submissions.test_replay import CASES, blocks
from tests.thorough import examples
from webapp.clock import Tick, now
from webapp.database import write_transaction
from webapp.dictionary.models import Sharing
from webapp.errors import Busy
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.submissions import receive as receiving
from webapp.submissions.at_once import fits
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import content_of, get_submission
from webapp.submissions.receive import Arrival, Outcome, read, receive
from webapp.submissions.verify import verify

IMPATIENT = text("SET LOCAL lock_timeout = '50ms'")
VISIT = form(case_block("a", update={"village": "Kisumu"}), instance_id="visit")


@pytest.fixture
def on_postgresql(session: Session) -> None:
    """Only there a write goes with the commit."""
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("on SQLite every form is written step by step")


def receive_all(session: Session, project: Project, forms: Sequence[bytes], *, last: bool) -> None:
    for xml in forms:
        with write_transaction():
            receive(session, project.id, Arrival(read(xml), WORKER, app_id="app"), last=last)


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(made=st.lists(blocks(), min_size=1, max_size=6))
def test_it_leaves_the_same_tables(
    app: Flask, session: Session, tmp_path_factory: pytest.TempPathFactory, made: list[list[str]]
):
    # One block in nearly all: that is what is written so.
    forms = [form(*(some[:1] if place % 4 else some)) for place, some in enumerate(made)]
    left = []
    for last in (True, False):
        project = factories.project()
        share(project, "owner-1", visit=Sharing.SHARED, patient=Sharing.PRIVATE)
        for case_id in (*CASES, "mother"):
            open_case(session, project.id, case_id)
        receive_all(session, project, forms, last=last)
        left.append(tables(session, project, now()))
    assert left[0] == left[1]
    assert list(verify(session, project.id, attachments=tmp_path_factory.getbasetemp())) == []


def test_it_is_what_the_usual_form_goes_through(
    session: Session, project: Project, on_postgresql: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr(receiving, "apply_last")
    assert open_case(session, project.id, "a").outcome is Outcome.PROCESSED
    assert send(session, project.id, VISIT).outcome is Outcome.PROCESSED
    row = get_submission(session, project.id, "visit")
    assert (row.state, content_of(session, row)) == (State.NORMAL, VISIT)
    assert send(session, project.id, VISIT).outcome is Outcome.DUPLICATE


@pytest.mark.parametrize(
    "xml",
    [
        form(),
        form(case_block("a", date_modified=None)),
        form(case_block("a"), case_block("b")),
    ],
    ids=["about no case", "without a date", "about two cases"],
)
def test_other_forms_do_not_fit(session: Session, xml: bytes):
    found = read(xml).form
    assert found is not None
    assert not fits(session, found)


def test_a_transaction_has_room_for_one(session: Session, project: Project, on_postgresql: None):
    project_id = project.id
    two = [form(case_block(case_id, create={})) for case_id in ("a", "b")]

    def receive_both() -> None:
        with write_transaction():
            for xml in two:
                receive(session, project_id, Arrival(read(xml)), last=True)

    with pytest.raises(RuntimeError, match="only one write"):
        receive_both()
    assert forms_of(session, project_id) == 0
    open_case(session, project_id, "a")


class TestWhatGoesWrongAtTheEnd:
    """The commit is not reached, nothing is stored, and the connection is as good as before."""

    def test_another_keeps_the_tick_too_long(
        self, session: Session, project: Project, on_postgresql: None
    ):
        project_id = project.id
        with db.engine.connect() as other:
            other.execute(select(Tick).where(Tick.project_id == project_id).with_for_update())
            with pytest.raises(Busy):
                send_while(session, project_id, lambda: session.execute(IMPATIENT))
        assert forms_of(session, project_id) == 0
        assert send(session, project_id, VISIT).outcome is Outcome.PROCESSED

    def test_the_database_refuses_the_rows(
        self, session: Session, project: Project, on_postgresql: None
    ):
        project_id = project.id
        open_case(session, project_id, "a")
        with write_transaction():
            session.execute(  # so that the next tick is one that was given out before
                text("UPDATE submission SET received_on = 2 * received_on WHERE project_id = :of"),
                {"of": project_id},
            )
            session.execute(
                text(
                    "UPDATE tick SET last = (SELECT max(received_on) - 1 FROM submission"
                    " WHERE project_id = :of) WHERE project_id = :of"
                ),
                {"of": project_id},
            )
        with pytest.raises(IntegrityError, match="received_on"):
            send(session, project_id, VISIT)
        assert forms_of(session, project_id) == 1
        with pytest.raises(IntegrityError, match="received_on"):
            send(session, project_id, VISIT)

    def test_the_connection_is_lost(self, session: Session, project: Project, on_postgresql: None):
        project_id = project.id

        def lose_the_connection() -> None:
            mine = session.scalar(select(func.pg_backend_pid()))
            with db.engine.connect() as other:
                other.execute(select(func.pg_terminate_backend(mine)))

        with pytest.raises(Busy):
            send_while(session, project_id, lose_the_connection)
        assert forms_of(session, project_id) == 0
        assert send(session, project_id, VISIT).outcome is Outcome.PROCESSED


def send_while(session: Session, project_id: int, happens: Callable[[], object]) -> None:
    """Receive a form; something happens before its commit."""
    with write_transaction():
        receive(session, project_id, Arrival(read(VISIT)), last=True)
        happens()


def forms_of(session: Session, project_id: int) -> int:
    session.rollback()
    return len(
        session.scalars(select(Submission.id).where(Submission.project_id == project_id)).all()
    )
