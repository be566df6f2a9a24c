"""Statements are ended from beside, on both databases."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.slow import take_long
from webapp import ending
from webapp.ending import ends_when
from webapp.errors import TooSlow
from webapp.time_limit import time_limit, was_too_slow


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "EACH_S", 0.05)


def test_a_statement_ends_when_it_is_over(session: Session):
    over_at = time.monotonic() + 0.2

    def is_over() -> bool:
        return time.monotonic() > over_at

    with pytest.raises(DBAPIError) as caught, ends_when(is_over, session.connection()):
        take_long(session)
    assert was_too_slow(caught.value)
    assert time.monotonic() - over_at < 5
    session.rollback()
    assert session.scalar(text("SELECT 1")) == 1


def test_so_does_one_that_begins_later(session: Session):
    def look_twice() -> None:
        with time_limit(session, 60, "Enough"), ends_when(lambda: True, session.connection()):
            time.sleep(0.2)  # nothing runs yet that could be ended
            take_long(session)

    with pytest.raises(TooSlow, match="Enough"):
        look_twice()


def test_what_comes_after_is_left_alone(session: Session):
    asked = []
    with ends_when(lambda: bool(asked.append(1)), session.connection()):
        take_long(session, 0.3)
    seen = len(asked)
    assert seen > 1
    take_long(session, 0.2)
    assert len(asked) == seen
