"""The demonstration project is what the receiver and people would have left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.demo.conftest import SMALL, TINY, UNTIL, begun, played
from tests.factories import actor, mobile_worker
from tests.forms import case_block, form
from tests.rules.leftovers import same_but_for_keys
from tests.web.signing_in import basic
from webapp.cases.models import Case
from webapp.clock import DAY, pretend
from webapp.database import write_transaction
from webapp.demo import app_forms, build, nights
from webapp.demo.build import Demo
from webapp.demo.events import Post
from webapp.demo.marks import unfinished
from webapp.demo.places import FACILITIES
from webapp.dictionary.models import Sharing
from webapp.dictionary.queries import sharing_of
from webapp.errors import Refused
from webapp.jobs import tasks
from webapp.people.models import MobileWorker
from webapp.people.operations import get_web_user
from webapp.people.owner_sets import WRONG_SHARING
from webapp.people.sharing_models import Location
from webapp.projects.models import Project
from webapp.rules.models import Rule, RuleState, Run, RunState, Trigger
from webapp.rules.verify import verify_runs
from webapp.submissions.findings import Finding
from webapp.submissions.models import State, Submission
from webapp.submissions.receive import Arrival, read, receive
from webapp.submissions.verify import verify


class OneByOne(Demo):
    """The same by the receiver: each form in a transaction of its own."""

    def _receive(self, posts: Sequence[Post], progress: Callable[[int], None]) -> None:
        for one in posts:
            arrival = Arrival(read(one.incoming().xml), one.sender, app_id=app_forms.APP_ID)
            with pretend(one.at), write_transaction() as session:
                receive(session, self.begun.project_id, arrival)


@pytest.fixture(scope="module")
def project_id(app: Flask) -> int:
    """A demonstration that is made once."""
    with app.app_context():
        return played(begun()).id


@pytest.fixture
def project(session: Session, project_id: int) -> Project:
    """The same, for a test."""
    return session.get_one(Project, project_id)


def findings(app: Flask, session: Session, project: Project) -> list[Finding]:
    """What `verify` finds wrong."""
    folder = app.extensions["settings"].attachments
    return [
        *verify(session, project.id, attachments=folder),
        *verify_runs(session, project.id),
    ]


def runs_of(session: Session, project: Project) -> list[tuple[object, ...]]:
    """The runs of a project, and what came of them."""
    rows = session.execute(
        select(Run.rule_name, Run.rule_version, Run.trigger, Run.state, Run.matched, Run.changed)
        .where(Run.project_id == project.id)
        .order_by(Run.id)
    )
    return [tuple(row) for row in rows]


def test_it_holds_whatever_can_be_looked_at(app: Flask, session: Session, project: Project):
    assert not findings(app, session, project)
    of_it = Submission.project_id == project.id
    assert set(session.scalars(select(Submission.state).where(of_it))) == set(State)
    types = session.scalars(select(Case.type).where(Case.project_id == project.id).distinct())
    assert {"household", "pregnancy", "referral"} <= set(types)
    workers = session.scalars(select(MobileWorker).where(MobileWorker.project_id == project.id))
    assert {worker.active for worker in workers} == {True, False}
    latest = session.scalar(select(func.max(Submission.received_on)).where(of_it))
    assert latest and UNTIL - DAY < latest < UNTIL


def test_referrals_are_shared_with_a_facility(session: Session, project: Project):
    of_it = Case.project_id == project.id
    referrals = session.scalars(
        select(Location.name)
        .join(Case, (Case.owner_id == Location.location_id) & of_it)
        .where(Location.project_id == project.id, Case.type == "referral")
    ).all()
    alone = session.scalar(
        select(func.count())
        .select_from(Case)
        .join(MobileWorker, MobileWorker.user_id == Case.owner_id)
        .where(of_it, Case.type == "referral")
    )
    assert len(referrals) > (alone or 0) > 0
    assert set(referrals) <= set(FACILITIES.values())
    assert sharing_of(session, project.id, ["referral"]) == {"referral": Sharing.SHARED}
    wrong = select(Submission.id).where(
        Submission.project_id == project.id,
        Submission.state == State.ERROR,
        Submission.problem == WRONG_SHARING,
    )
    assert len(session.scalars(wrong).all()) == 1


def test_its_rules_ran_were_held_decided_undone_and_watched(session: Session, project: Project):
    states = dict(
        session.execute(select(Rule.name, Rule.state).where(Rule.project_id == project.id)).all()
    )
    assert len(states) == 8
    assert [name for name, state in states.items() if state is not RuleState.ACTIVE] == [
        "Missed visits to the supervisor"
    ]
    runs = session.scalars(select(Run).where(Run.project_id == project.id).order_by(Run.id)).all()
    assert {run.trigger for run in runs} == {Trigger.SCHEDULE, Trigger.PERSON}
    assert {run.decider for run in runs if run.decided_on} == {"james.okumu@demo.example"}
    assert any(run.state is RunState.REJECTED for run in runs)
    assert any(run.undo_id for run in runs)
    assert any(run.errors for run in runs)
    assert all(run.changed == 0 and run.watching for run in runs if "supervisor" in run.rule_name)
    (held,) = [run for run in runs if run.state is RunState.HELD]
    assert (held.rule_name, held.rule_version) == ("Close households that moved away", 2)
    last_night = [run for run in runs if run.night_id == held.night_id]
    assert {run.state for run in last_night} == {RunState.HELD, RunState.FINISHED}
    assert len(last_night) == 6  # two run on other days


@pytest.fixture
def _no_nights(stopped_clock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "nights", lambda _programme: [])


@pytest.mark.usefixtures("_no_nights")
def test_it_is_what_the_receiver_leaves(session: Session):
    together, apart = played(begun(size=TINY)), played(begun(OneByOne, TINY))
    same_but_for_keys(session, together, apart)


@pytest.mark.usefixtures("_no_nights")
def test_what_was_broken_off_is_finished(session: Session, monkeypatch: pytest.MonkeyPatch):
    whole, demo = played(begun(size=TINY)), begun(size=TINY)
    left = 60

    def breaks(many: int) -> None:
        nonlocal left
        left -= many
        if left < 0:
            left = 130
            raise KeyboardInterrupt

    monkeypatch.setattr(build, "_AT_ONCE", 20)
    with pytest.raises(KeyboardInterrupt):
        demo.play(breaks)
    assert demo.begun.name in unfinished(session)
    with pytest.raises(KeyboardInterrupt):
        Demo.begin(demo.begun.name, seed=99, size=TINY, by=actor()).play(breaks)
    broken = played(Demo.begin(demo.begun.name, size=TINY, by=actor()))
    assert broken.name not in unfinished(session)
    same_but_for_keys(session, whole, broken)


def test_a_night_that_was_broken_off_is_finished(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    demo = begun()
    for jobs in (3, 9):
        until_then = iter(range(jobs))

        def work(job_id: int, until_then: Iterator[int] = until_then) -> None:
            if next(until_then, None) is None:
                raise KeyboardInterrupt
            tasks.work(job_id)

        monkeypatch.setattr(nights, "work", work)
        with pytest.raises(KeyboardInterrupt):
            Demo.begin(demo.begun.name, size=SMALL, by=actor()).play()
    monkeypatch.undo()
    broken = played(Demo.begin(demo.begun.name, size=SMALL, by=actor()))
    assert runs_of(session, broken) == runs_of(session, project)
    assert not findings(app, session, broken)


def test_a_project_in_use_is_left_alone(project: Project):
    with pytest.raises(Refused, match="has been used already"):
        Demo.begin(project.name, by=actor())
    with pytest.raises(Refused, match="has been used already"):
        Demo.begin(project.name, seed=5, by=actor())


def test_work_goes_on_in_it(app: Flask, session: Session, project: Project):
    worker = mobile_worker(project, "a-new-one", password="correct horse")
    case = session.scalars(
        select(Case).where(Case.project_id == project.id, Case.type == "pregnancy").limit(1)
    ).one()
    answer = app.test_client().post(
        f"/a/{project.name}/receiver/",
        data=form(case_block(case.case_id, update={"phone": "0700"}), user_id=worker.user_id),
        headers=basic(worker.username, "correct horse"),
    )
    assert answer.status_code == 201
    session.refresh(case)
    assert case.properties["phone"] == "0700"
    assert not findings(app, session, project)


def test_nobody_can_sign_in_as_its_people(app: Flask, session: Session, project: Project):
    worker = session.scalars(
        select(MobileWorker).where(MobileWorker.project_id == project.id).limit(1)
    ).one()
    for name in (worker.username, get_web_user(session, "grace.atieno@demo.example").email):
        for password in ("", "None", "demo", worker.username):
            answer = app.test_client().post(
                f"/a/{project.name}/receiver/", data=form(), headers=basic(name, password)
            )
            assert answer.status_code == 401
