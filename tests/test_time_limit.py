"""Statements have a time limit, on both databases (SPEC X5)."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.slow import take_long
from webapp import time_limit as limits
from webapp.database import write_transaction
from webapp.errors import TooSlow
from webapp.submissions.snapshot import snapshot
from webapp.time_limit import time_limit, was_too_slow, without_limit

ENOUGH = "That is enough."


def test_a_statement_is_ended_when_the_time_is_over(session: Session):
    start = time.monotonic()
    with pytest.raises(TooSlow, match=ENOUGH), time_limit(session, 0.2, ENOUGH):
        take_long(session)
    assert time.monotonic() - start < 5
    assert session.scalar(text("SELECT 1")) == 1


def test_the_time_is_one_for_all_statements(session: Session):
    def read_much() -> None:
        with time_limit(session, 0.2, ENOUGH) as limit:
            for _ in range(100):
                limit.renew()
                time.sleep(0.05)

    with pytest.raises(TooSlow, match=ENOUGH):
        read_much()
    with time_limit(session, 20, ENOUGH) as limit:
        limit.renew()


def test_afterwards_all_is_as_before(session: Session):
    with time_limit(session, 0.2, ENOUGH):
        session.execute(text("SELECT 1"))
    time.sleep(0.3)
    take_long(session, 0.5)


def test_other_faults_stay_what_they_are(session: Session):
    with pytest.raises(DBAPIError) as caught, time_limit(session, 20, ENOUGH):
        session.execute(text("SELECT nothing_like_it"))
    assert not was_too_slow(caught.value)


def test_what_has_no_limit_takes_what_it_takes(session: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "STATEMENT_LIMIT_S", 0.2)
    session.rollback()
    if session.get_bind().dialect.name == "sqlite":  # PostgreSQL was told when it was connected
        with pytest.raises(DBAPIError) as caught:
            take_long(session)
        assert was_too_slow(caught.value)
        session.rollback()
        with write_transaction():
            take_long(session, 0.5)
    without_limit(session)
    take_long(session, 0.5)
    snapshot(session)
    take_long(session, 0.5)
    with time_limit(session, None, ENOUGH):
        take_long(session, 0.5)
