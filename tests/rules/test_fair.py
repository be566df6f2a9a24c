"""One project's long run keeps no other project waiting (DESIGN "Jobs and the clock").

A run of 200,000 cases is measured by `python -m bench --only fair --cases 200000`; here a slice is
shorter in proportion.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from redis import Redis
from sqlalchemy.orm import Session

from bench.world import fill
from tests.factories import project as make_project
from tests.forms import open_case
from tests.rules.running import CLOSES, before_each_piece, chunks_of, queued, rule_that, saved
from webapp.jobs import tasks
from webapp.jobs.queue import get_job, queue_of, wake
from webapp.projects.models import Project
from webapp.rules.models import Run, RunState

#: A hundredth of a minute, and of 200,000 cases.
SLICE_S, CASES = 0.6, 2000


def woken(session: Session, project: Project, run: Run) -> Run:
    session.rollback()
    wake(get_job(session, project.id, run.job_id))
    return run


def serving(redis: Redis) -> Iterator[int]:
    """What a worker that is alone does: it takes one wake-up after the other, as long as there are
    any. Gives the job that it has just worked on."""
    queue = queue_of(redis)
    while queue.count:
        name = queue.pop_job_id()
        entry = queue.fetch_job(name)
        assert entry is not None
        (job_id,) = entry.args
        redis.delete(queue.job_class.key_for(name))
        tasks.work(job_id)
        yield job_id


def test_a_small_rule_waits_for_one_slice_of_a_large_run_at_most(
    session: Session, redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tasks, "SLICE_S", SLICE_S)
    large, small = make_project(daily_limit=0), make_project()
    fill(session.get_bind().dialect.name, large.id, CASES)
    open_case(session, small.id, "ana")
    long_run = woken(session, large, queued(large, saved(large, rule_that(CLOSES))))
    short_rule = saved(small, rule_that(CLOSES))
    pieces: list[int] = []
    asked: list[Run] = []

    def somebody_asks_meanwhile() -> None:
        pieces.append(1)
        if len(pieces) == 3:
            asked.append(woken(session, small, queued(small, short_rule)))
        time.sleep(0.02)  # a machine on which it lasts

    served: list[int | None] = []
    with chunks_of(20), before_each_piece(somebody_asks_meanwhile):
        for job_id in serving(redis):
            served.append(job_id)
            session.rollback()
            if asked and asked[0].job_id == job_id:
                # It had the next turn, and the large run is far from its end.
                assert served == [long_run.job_id, job_id]
                assert (asked[0].state, asked[0].changed) == (RunState.FINISHED, 1)
                assert not long_run.over and 0 < long_run.processed < CASES
    session.rollback()
    assert asked[0].job_id in served
    assert (long_run.state, long_run.changed) == (RunState.FINISHED, CASES)
    assert served.count(long_run.job_id) > 2
    # Handed back and taken up again, it is one attempt.
    assert get_job(session, large.id, long_run.job_id).attempts == 1
