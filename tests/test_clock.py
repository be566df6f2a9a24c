"""The tick (SPEC S3, I3)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from webapp import clock
from webapp.clock import DAY, MINUTE, last_tick, take_ticks
from webapp.database import write_transaction
from webapp.projects.models import Project


def test_ticks_follow_the_clock(session: Session, project: Project):
    before = clock.now()
    with write_transaction():
        tick = take_ticks(session, project.id)
    assert before <= tick <= clock.now()


def test_a_clock_that_goes_back_does_not_take_the_ticks_with_it(
    session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    with write_transaction():
        first = take_ticks(session, project.id, 10)
    monkeypatch.setattr(clock, "now", lambda: 5)
    with write_transaction():
        assert take_ticks(session, project.id, 3) == first + 10
    assert last_tick(session, project.id) == first + 12


def test_racing_transactions_get_ranges_of_their_own_in_the_order_of_commits(
    app: Flask, session: Session, project: Project
):
    project_id = project.id
    session.rollback()
    seen: list[int] = []

    def take(count: int) -> None:
        with app.app_context(), write_transaction() as mine:
            first = take_ticks(mine, project_id, count)
            seen.extend(range(first, first + count))  # in the order in which the row was locked

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(take, [1, 3, 2] * 20))
    assert len(set(seen)) == 120
    assert seen == sorted(seen)


def test_a_pretended_time_goes_on_and_ends_with_its_block(session: Session, project: Project):
    real = clock.now()
    with clock.pretend(real - 730 * DAY):
        first, second = clock.now(), clock.now()
        assert real - 730 * DAY <= first <= second < real - 729 * DAY
        with clock.pretend(first + DAY):
            assert clock.now() >= first + DAY
        with write_transaction():
            tick = take_ticks(session, project.id)
        assert first <= tick < first + MINUTE
    assert clock.now() >= real
    with clock.pretend(first - DAY), write_transaction():
        assert take_ticks(session, project.id) == tick + 1


def test_times_are_written_with_six_digits():
    assert clock.iso(0) == "1970-01-01T00:00:00.000000Z"
    assert clock.from_datetime(clock.to_datetime(1_234_567)) == 1_234_567
