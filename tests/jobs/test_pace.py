"""Chunks are sized by how long others wait."""

from __future__ import annotations

import threading
import time

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.clock import take_ticks
from webapp.database import is_awaited, write_transaction
from webapp.jobs import pace as paces
from webapp.jobs.pace import ALONE, CALM_S, LEAST, MOST, TARGETS_S, Pace
from webapp.projects.models import Project


class Stopwatch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    watch = Stopwatch()
    monkeypatch.setattr(paces, "time", watch)
    return watch


def chunks(
    pace: Pace, watch: Stopwatch, *, each_s: float, times: int, awaited: bool = False
) -> int:
    """Chunks whose things take so long each; the size of the next."""
    for _time in range(times):
        pace.begin()
        watch.now += pace.size * each_s
        pace.written(awaited=awaited)
        pace.committed()
    return pace.size


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_chunks_are_short_while_people_write_and_longer_when_nobody_does(
    watch: Stopwatch, dialect: str
):
    pace = Pace.on(dialect)
    target = TARGETS_S[dialect]
    each_s = target / 200
    assert chunks(pace, watch, each_s=each_s, times=10) == pytest.approx(200 * ALONE, abs=1)
    # One who waits is enough, and at once.
    assert chunks(pace, watch, each_s=each_s, times=1, awaited=True) == pytest.approx(200, abs=1)
    assert chunks(pace, watch, each_s=each_s, times=20) == pytest.approx(200, abs=1)
    watch.now += CALM_S
    assert chunks(pace, watch, each_s=each_s, times=10) == pytest.approx(200 * ALONE, abs=1)


def test_a_chunk_has_bounds(watch: Stopwatch):
    pace = Pace.on("sqlite")
    assert chunks(pace, watch, each_s=1e-9, times=20) == MOST
    assert chunks(pace, watch, each_s=10, times=1) == LEAST


def test_a_chunk_that_came_to_nothing_says_nothing(watch: Stopwatch):
    pace = Pace.on("sqlite")
    before = pace.size
    pace.begin()
    watch.now += 60
    pace.rolled_back()
    pace.committed()
    assert pace.size == before


def test_a_transaction_knows_that_somebody_waits_for_it(
    app: Flask, session: Session, project: Project
):
    key = project.id
    done = threading.Event()

    def also_writes() -> None:
        with app.app_context(), write_transaction() as its:
            take_ticks(its, key)
            done.set()

    with write_transaction():
        take_ticks(session, key)
        assert not is_awaited(session)
        other = threading.Thread(target=also_writes)
        other.start()
        until = time.monotonic() + 10
        while not is_awaited(session) and time.monotonic() < until:
            time.sleep(0.01)
        assert is_awaited(session)
        assert not done.is_set()
    other.join()
    with write_transaction():
        assert session.scalar(select(1)) == 1
        assert not is_awaited(session)
