"""Invariants 1 and 2 on random histories: a case equals the replay of its live submissions, and
archive followed by restore changes nothing (SPEC A1–A5, S6)."""

from __future__ import annotations

from pathlib import Path
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
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.factories import project as make_project
from tests.forms import XMLNS, case_block, form
from tests.submissions.sharing_types import share
from tests.thorough import examples
from webapp.cases.models import Case, CaseIndex, CaseTransaction
from webapp.clock import last_tick
from webapp.database import write_transaction
from webapp.dictionary.models import Sharing
from webapp.dictionary.operations import set_case_type
from webapp.errors import Refused
from webapp.extensions import db
from webapp.people.belonging import set_groups
from webapp.people.groups import get_group
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import content_of, get_submission
from webapp.submissions.rebuild import rebuild, replay_cases
from webapp.submissions.receive import Arrival, Outcome, Received, Sender, read, receive
from webapp.submissions.reprocess import reprocess
from webapp.submissions.verify import verify

CASES = ("a", "b/1", "c")
#: Cases that forms point to before a form opens them, or that nobody ever opens.
TARGETS = ("mother", "nobody")
OTHER = "http://openrosa.org/formdesigner/other"
#: After so many steps of a history all of it is verified, which takes longer than all else.
VERIFIED_EACH = 5
properties = st.dictionaries(
    st.sampled_from(["village", "status", "note"]),
    st.sampled_from(["", " ", "x", "é", "2025-02-30", "<&>"]),
    max_size=2,
)


@st.composite
def blocks(draw: st.DrawFn) -> list[str]:
    """Blocks for one to three of a few related cases."""
    made = []
    for case_id in draw(st.lists(st.sampled_from(CASES), min_size=1, max_size=3)):
        others = [other for other in CASES if other != case_id]
        target = draw(st.sampled_from(["", *others, *TARGETS]))
        kind = draw(st.sampled_from(["child", "extension"]))
        made.append(
            case_block(
                case_id,
                create=draw(
                    st.none()
                    | st.fixed_dictionaries(
                        {
                            "case_type": st.sampled_from(["patient", "visit"]),
                            "case_name": st.just(case_id),
                        },
                        optional={
                            "owner_id": st.sampled_from(["", "owner-1", "owner-2", "worker-1"])
                        },
                    )
                ),
                update=draw(st.none() | properties),
                index=draw(st.none() | st.just({"parent": ("patient", target, kind)})),
                close=draw(st.booleans()),
                date_modified=draw(
                    st.sampled_from([None, "2025-01-01", "2025-06-01T10:00:00+03:00"])
                ),
            )
        )
    return made


def picture(session: Session, project_id: int, *, ticks: bool = False) -> dict[str, Any]:
    """All that stands about a project's cases, without what may move (`indexed_on`)."""
    columns = [column for column in Case.__table__.c if ticks or column.name != "indexed_on"]
    tables = {
        "cases": select(*columns).order_by(Case.id).where(Case.project_id == project_id),
        "indices": select(
            CaseIndex.case,
            CaseIndex.identifier,
            CaseIndex.target,
            CaseIndex.target_type,
            CaseIndex.relationship,
        )
        .where(CaseIndex.project_id == project_id)
        .order_by(CaseIndex.case, CaseIndex.identifier),
        "transactions": select(CaseTransaction.id, CaseTransaction.change, CaseTransaction.before)
        .where(CaseTransaction.project_id == project_id)
        .order_by(CaseTransaction.id),
        "submissions": select(Submission.submission_id, Submission.state, Submission.received_on)
        .where(Submission.project_id == project_id)
        .order_by(Submission.id),
    }
    return {name: session.execute(query).all() for name, query in tables.items()}


class History(RuleBasedStateMachine):
    """Phones send, edit and repeat forms, of which some cannot be applied; a data officer archives
    and restores them, has the failed ones processed again, changes whose new cases are shared, and
    puts the worker into groups and out of them."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        #: Ids that forms asked for, also forms that got another one.
        self.asked: list[str] = []
        self.steps = 0
        self.context = app.app_context()
        self.context.push()
        self.session = db.session()

    @initialize()
    def start(self) -> None:
        project = make_project()
        self.project_id = project.id
        self.actor = actor()
        self.worker = share(project, visit=Sharing.SHARED, patient=Sharing.PRIVATE)

    @rule(made=blocks(), xmlns=st.sampled_from([XMLNS, OTHER]))
    def a_form_comes(self, made: list[str], xmlns: str) -> None:
        identity = f"form-{len(self.asked)}"
        self.asked.append(identity)
        self.receive(form(*made, instance_id=identity, xmlns=xmlns))

    @rule(case_type=st.sampled_from(["patient", "visit"]), sharing=st.sampled_from(Sharing))
    def a_type_is_shared_otherwise(self, case_type: str, sharing: Sharing) -> None:
        with write_transaction() as session:
            set_case_type(session, self.project_id, case_type, {"sharing": sharing}, by=self.actor)

    @rule(owners=st.sets(st.sampled_from(["owner-1", "owner-2"])))
    def the_worker_is_in_other_groups(self, owners: set[str]) -> None:
        with write_transaction() as session:
            groups = [get_group(session, self.project_id, owner) for owner in owners]
            set_groups(session, self.worker, groups, by=self.actor)

    @rule()
    def the_case_comes_that_others_point_to(self) -> None:
        self.receive(form(case_block("mother", create={})))

    @precondition(lambda self: self.asked)
    @rule(made=blocks(), data=st.data(), xmlns=st.sampled_from([XMLNS, OTHER]))
    def an_id_comes_again(self, made: list[str], data: st.DataObject, xmlns: str) -> None:
        """An edit, a failed edit, or another form with the id of this one."""
        identity = data.draw(st.sampled_from(self.asked))
        archived = self.submissions(Submission.state == State.ARCHIVED)
        before = picture(self.session, self.project_id)
        received = self.receive(form(*made, instance_id=identity, xmlns=xmlns))
        if received.outcome is Outcome.EDITED and received.submission_id in archived:
            after = picture(self.session, self.project_id)
            of_new = [case for case in after["cases"] if case not in before["cases"]]
            assert all(case.deleted for case in of_new)
            assert len(after["cases"]) == len(before["cases"]) + len(of_new)
            assert after["indices"] == before["indices"]
            assert received.submission_id in self.submissions(Submission.state == State.ARCHIVED)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def a_form_comes_again(self, data: st.DataObject) -> None:
        """The same bytes: a duplicate, unless they have failed, and then they may work now."""
        identity = self.any_submission(data)
        row = get_submission(self.session, self.project_id, identity)
        self.receive(content_of(self.session, row))

    @rule(data=st.data())
    def a_failed_form_is_processed_again(self, data: st.DataObject) -> None:
        failed = self.submissions(Submission.state == State.ERROR)
        if failed:
            self.try_to(reprocess, failed[data.draw(st.integers(0, len(failed) - 1))])

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def a_form_is_archived(self, data: st.DataObject) -> None:
        self.try_to(archive, self.any_submission(data))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def a_form_is_restored(self, data: st.DataObject) -> None:
        self.try_to(restore, self.any_submission(data))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def archive_then_restore_changes_nothing(self, data: st.DataObject) -> None:
        identity = self.any_submission(data)
        before = picture(self.session, self.project_id)
        if self.try_to(archive, identity):
            assert self.try_to(restore, identity), "what was archived can be restored"
        assert picture(self.session, self.project_id) == before

    @invariant()
    def a_case_equals_its_replay(self) -> None:
        if not hasattr(self, "project_id"):
            return
        before = picture(self.session, self.project_id, ticks=True)
        keys = list(self.session.scalars(select(Case.id).where(Case.project_id == self.project_id)))
        with write_transaction() as session:
            assert rebuild(session, self.project_id, keys) == 0
            replayed = replay_cases(session, self.project_id, keys)
        assert not any(one.befores for one in replayed.values())
        assert picture(self.session, self.project_id, ticks=True) == before

    @invariant()
    def verify_finds_nothing(self) -> None:
        self.steps += 1
        if self.steps % VERIFIED_EACH == 0:
            self.verify()

    def verify(self) -> None:
        if not hasattr(self, "project_id"):
            return
        nowhere = Path("no attachments")
        assert list(verify(self.session, self.project_id, attachments=nowhere)) == []

    @invariant()
    def ticks_are_unique_and_given_out(self) -> None:
        if not hasattr(self, "project_id"):
            return
        ticks = self.session.scalars(
            select(Case.indexed_on).where(Case.project_id == self.project_id)
        ).all()
        assert None not in ticks
        assert len(set(ticks)) == len(ticks)
        assert max([0, *(tick or 0 for tick in ticks)]) <= last_tick(self.session, self.project_id)

    @invariant()
    def a_case_is_deleted_exactly_without_live_forms(self) -> None:
        if not hasattr(self, "project_id"):
            return
        live = set(
            self.session.scalars(
                select(CaseTransaction.case)
                .join(Submission, Submission.id == CaseTransaction.submission)
                .where(
                    CaseTransaction.project_id == self.project_id,
                    Submission.state == State.NORMAL,
                )
            )
        )
        there = set(
            self.session.scalars(
                select(Case.id).where(Case.project_id == self.project_id, Case.deleted.is_(False))
            )
        )
        assert live == there

    def receive(self, xml: bytes) -> Received:
        arrival = Arrival(read(xml), Sender("worker-1", "worker one"))
        with write_transaction() as session:
            return receive(session, self.project_id, arrival, last=True)

    def any_submission(self, data: st.DataObject) -> str:
        """Also one that failed, repeats another or was replaced: nobody may archive those."""
        # By number, for the ids that the server makes are others each time.
        every = self.submissions()
        return every[data.draw(st.integers(0, len(every) - 1))]

    def submissions(self, *which: Any) -> list[str]:
        self.session.rollback()
        return list(
            self.session.scalars(
                select(Submission.submission_id)
                .where(Submission.project_id == self.project_id, *which)
                .order_by(Submission.id)
            )
        )

    def try_to(self, operation: Any, identity: str) -> bool:
        try:
            with write_transaction() as session:
                operation(session, self.project_id, identity, by=self.actor)
        except Refused:
            return False
        return True

    def teardown(self) -> None:
        try:
            self.verify()
        finally:
            self.session.rollback()
            self.context.pop()


def test_random_histories(app: Flask) -> None:
    run_state_machine_as_test(
        lambda: History(app),
        settings=settings(
            max_examples=examples(16),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
