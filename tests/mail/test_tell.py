"""Who is told of runs is told within a minute (SPEC R22, R21)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import open_case
from tests.mail.post_office import PostOffice
from tests.rules.nights import at, night_at, project_at, rule_at, tick_at
from webapp.clock import SECOND, now, pretend
from webapp.jobs import tasks
from webapp.mail import outbox
from webapp.mail.outbox import send_due
from webapp.projects.models import Project
from webapp.rules import tell
from webapp.rules.models import Run, RunState

NOON = at("2026-03-10T12:00:00")
NIGHT = at("2026-03-11T00:00:10")


@pytest.fixture
def careful(session: Session) -> Project:
    """Six of ten cases are stale, and the brake holds from four on."""
    project = project_at(NOON, brake_cases=3, brake_percent=50)
    with pretend(NOON):
        for number in range(10):
            status = "stale" if number < 6 else "fresh"
            open_case(session, project.id, f"secret-{number}", status=status)
    return project


def test_a_held_run_says_what_it_would_do_and_where_to_look(
    session: Session, careful: Project, mailing: PostOffice
):
    admin = factories.web_user(careful, "admin")
    viewer = factories.web_user(careful, "viewer")
    rule_at(NOON, careful, name="Close the stale")
    (run,) = night_at(NIGHT, session, careful)
    assert run.state is RunState.HELD
    send_due(NIGHT + 30 * SECOND)
    (letter,) = mailing.to(admin.email)
    assert letter["Subject"] == "A rule waits for your decision: Close the stale"
    text = letter.get_content()
    assert "6 of 10 open cases (60 %)" in text.replace("\n", " ")
    assert "Nothing was changed" in text.replace("\n", " ")
    assert f"https://cases.example.org/a/{careful.name}/runs/{run.id}/" in text
    assert "secret" not in text
    assert not mailing.to(viewer.email)


def test_a_failed_run_says_why(
    session: Session, careful: Project, mailing: PostOffice, monkeypatch: pytest.MonkeyPatch
):
    admin = factories.web_user(careful, "admin")
    rule_at(NOON, careful, name="Close the stale", brake=None)
    (run_id,) = tick_at(NIGHT, careful)
    job_id = session.get_one(Run, run_id).job_id
    monkeypatch.setattr(tasks, "_do_next", lambda *_all: 1 // 0)
    with pretend(NIGHT), pytest.raises(ZeroDivisionError):
        tasks.work(job_id)
    send_due(NIGHT + 30 * SECOND)
    (letter,) = mailing.to(admin.email)
    assert letter["Subject"] == "A rule failed: Close the stale"
    assert "Something went wrong" in letter.get_content()


def cannot_be_written(*_all: object, **_named: object) -> None:
    raise ValueError("no such address")


def test_a_letter_that_cannot_be_written_stops_no_run(
    session: Session,
    careful: Project,
    mailing: PostOffice,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    admin = factories.web_user(careful, "admin")
    monkeypatch.setattr(tell, "link", cannot_be_written)
    rule_at(NOON, careful, name="held")
    rule_at(NOON, careful, name="fails", brake=None)
    held, fails = tick_at(NIGHT, careful)
    with pretend(NIGHT):
        tasks.work(session.get_one(Run, held).job_id)
    job_id = session.get_one(Run, fails).job_id
    monkeypatch.setattr(tasks, "_do_next", lambda *_all: 1 // 0)
    with pretend(NIGHT), pytest.raises(ZeroDivisionError):
        tasks.work(job_id)
    session.rollback()
    states = [session.get_one(Run, one).state for one in (held, fails)]
    assert states == [RunState.HELD, RunState.FAILED]
    assert "nobody is told by mail" in caplog.text
    send_due(NIGHT + 30 * SECOND)
    assert mailing.to(admin.email) == []


def test_a_letter_that_the_database_refuses_stops_no_run(
    session: Session, careful: Project, mailing: PostOffice, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox, "addresses_to_tell", lambda *_all: [None])
    rule_at(NOON, careful)
    (run,) = night_at(NIGHT, session, careful)
    assert (run.state, run.would_change) == (RunState.HELD, 6)


def test_without_a_mail_server_the_night_goes_on(app: Flask, session: Session, careful: Project):
    factories.web_user(careful, "admin")
    rule_at(NOON, careful)
    (run,) = night_at(NIGHT, session, careful)
    assert run.state is RunState.HELD
    assert not outbox.is_set_up()
    assert send_due(now()) == 0
