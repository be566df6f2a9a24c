"""Letters of long ago (docs/settings.md)."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.mail.post_office import PostOffice
from webapp.clock import DAY, HOUR, now, pretend
from webapp.database import write_transaction
from webapp.mail import tidy
from webapp.mail.models import Letter
from webapp.mail.outbox import post_to
from webapp.mail.tidy import tidy_letters
from webapp.projects.models import Project


def letter(project: Project, age: int, *, waits: bool = False) -> int:
    with pretend(now() - age), write_transaction() as session:
        written = post_to(session, project.id, "amina@example.org", subject="Run 7", body="")
        if not waits:
            written.next_try_on, written.sent_on = None, now()
        session.flush()
        return written.id


def test_what_was_sent_long_ago_is_let_go_and_what_waits_is_kept(
    session: Session, project: Project, mailing: PostOffice
):
    waiting = letter(project, 91 * DAY, waits=True)
    old = letter(project, 90 * DAY + HOUR)
    recent = letter(project, 90 * DAY - HOUR)
    tidy_letters(now())
    kept = session.scalars(select(Letter.id).order_by(Letter.id)).all()
    assert kept == [waiting, recent]
    assert old not in kept


def test_many_are_let_go_bit_by_bit(
    session: Session, project: Project, mailing: PostOffice, monkeypatch: pytest.MonkeyPatch
):
    for _letter in range(5):
        letter(project, 100 * DAY)
    monkeypatch.setattr(tidy, "SOME", 2)
    left = []
    for _tick in range(3):
        tidy_letters(now())
        session.rollback()
        left.append(len(session.scalars(select(Letter)).all()))
    assert left == [3, 1, 0]
