"""The demonstration project is what the receiver and people would have left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.factories import actor, mobile_worker, unique
from tests.forms import case_block, form
from tests.rules.leftovers import same_but_for_keys
from tests.web.signing_in import basic
from webapp.cases.models import Case
from webapp.clock import DAY, from_datetime, pretend
from webapp.database import write_transaction
from webapp.demo import app_forms, build
from webapp.demo.build import Demo
from webapp.demo.events import Post
from webapp.demo.marks import unfinished
from webapp.demo.programme import Size
from webapp.errors import Refused
from webapp.extensions import db
from webapp.people.models import MobileWorker
from webapp.people.operations import get_web_user
from webapp.projects.models import Project
from webapp.submissions.models import State, Submission
from webapp.submissions.receive import Arrival, read, receive
from webapp.submissions.verify import verify

#: Always the same, for what happens depends on the days of the week.
UNTIL = from_datetime(datetime(2025, 6, 18, 9, 30, tzinfo=UTC))
SMALL = Size(promoters=8, days=160)


class OneByOne(Demo):
    """The same by the receiver: each form in a transaction of its own."""

    def _receive(self, posts: Sequence[Post], progress: Callable[[int], None]) -> None:
        for one in posts:
            arrival = Arrival(read(one.xml()), one.sender, app_id=app_forms.APP_ID)
            with pretend(one.at), write_transaction() as session:
                receive(session, self.begun.project_id, arrival)


def made(session: Session, kind: type[Demo] = Demo, seed: int = 10) -> Project:
    with pretend(UNTIL):
        demo = kind.begin(unique("demo"), seed=seed, size=SMALL, by=actor())
        demo.play()
    session.rollback()
    return session.get_one(Project, demo.begun.project_id)


@pytest.fixture(scope="module")
def project_id(app: Flask) -> int:
    """A demonstration that is made once."""
    with app.app_context():
        return made(db.session()).id


@pytest.fixture
def project(session: Session, project_id: int) -> Project:
    """The same, for a test."""
    return session.get_one(Project, project_id)


def test_it_holds_whatever_can_be_looked_at(app: Flask, session: Session, project: Project):
    folder = app.extensions["settings"].attachments
    assert not list(verify(session, project.id, attachments=folder))
    states = set(
        session.scalars(select(Submission.state).where(Submission.project_id == project.id))
    )
    assert states == set(State)
    types = session.scalars(select(Case.type).where(Case.project_id == project.id).distinct())
    assert {"household", "pregnancy", "referral"} <= set(types)
    workers = session.scalars(select(MobileWorker).where(MobileWorker.project_id == project.id))
    assert {worker.active for worker in workers} == {True, False}
    latest = session.scalar(
        select(func.max(Submission.received_on)).where(Submission.project_id == project.id)
    )
    assert latest and UNTIL - 2 * DAY < latest < UNTIL


@pytest.mark.usefixtures("stopped_clock")
def test_it_is_what_the_receiver_leaves(session: Session):
    together, apart = made(session), made(session, OneByOne)
    same_but_for_keys(session, together, apart)


@pytest.mark.usefixtures("stopped_clock")
def test_what_was_broken_off_is_finished(session: Session, monkeypatch: pytest.MonkeyPatch):
    whole = made(session)
    name = unique("demo")
    with pretend(UNTIL):
        demo = Demo.begin(name, seed=10, size=SMALL, by=actor())
    left = 170

    def breaks(many: int) -> None:
        nonlocal left
        left -= many
        if left < 0:
            left = 400
            raise KeyboardInterrupt

    monkeypatch.setattr(build, "_AT_ONCE", 50)
    with pytest.raises(KeyboardInterrupt):
        demo.play(breaks)
    assert name in unfinished(session)
    with pytest.raises(KeyboardInterrupt):
        Demo.begin(name, seed=99, size=SMALL, by=actor()).play(breaks)
    Demo.begin(name, size=SMALL, by=actor()).play()
    assert name not in unfinished(session)
    broken = session.get_one(Project, demo.begun.project_id)
    same_but_for_keys(session, whole, broken)


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
    folder = app.extensions["settings"].attachments
    assert not list(verify(session, project.id, attachments=folder))


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
