"""How long another project's small rule waits while one project's run is at work (DESIGN "Jobs and
the clock"): one real worker, as `worker.py` starts it, and a Redis of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.apply import RULE
from bench.world import BY, World, fill, world
from webapp.clock import SECOND
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.projects.operations import create_project
from webapp.rules.models import Rule, RuleState, Run, RunState, Trigger
from webapp.rules.operations import create_rule
from webapp.rules.portable import rule_from_json
from webapp.rules.runs import start_run, wake_run

ROOT = Path(__file__).resolve().parent.parent
#: About a minute: a slice of the large run, and what the small one itself takes.
REACH_SECONDS = 65.0
#: Cases of the small rule.
SMALL = 100
#: Nothing may take longer than this, in seconds.
LIMIT_S = 1800.0


@dataclass(frozen=True)
class Waited:
    """Seconds: from asking for the small run to its end, the same for the large run, and how many
    cases the large one had done when the small one was asked for, and when that ended."""

    database: str
    cases: int
    small: float
    large: float
    asked_at: int
    ended_at: int


def measure(database: str, *, cases: int) -> Waited:
    """The small run is asked for as soon as the large one changes cases."""
    with world(database, cases) as there, _worker(there):
        with write_transaction() as session:
            other = create_project(session, "small", by=BY).id
        fill(database, other, SMALL)
        rules = [_rule(project_id) for project_id in (there.project_id, other)]
        large = _asked(rules[0])
        asked_at = _until(large, lambda run: run.processed > 0).processed
        small = _asked(rules[1])
        ended = _until(small, _is_over)
        ended_at = _now(large).processed
        whole = _until(large, _is_over)
        for run, count in ((ended, SMALL), (whole, cases)):
            if (run.state, run.changed) != (RunState.FINISHED, count):
                raise RuntimeError(f"a run ended as {run.state} with {run.changed} changed")
        return Waited(database, cases, _took(ended), _took(whole), asked_at, ended_at)


@contextmanager
def _worker(there: World) -> Iterator[None]:
    from tests.redis import redis_server

    settings = there.app.extensions["settings"]
    with redis_server() as url:
        there.app.extensions["settings"] = replace(settings, redis_url=url)
        environment = {
            **os.environ,
            "CASEKEEPER_DATA": str(settings.data),
            "CASEKEEPER_SECRET": settings.secret,
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": url,
            "WORKERS": "1",
        }
        worker = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=environment)
        try:
            yield
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(timeout=30)


def _rule(project_id: int) -> Rule:
    with write_transaction() as session:
        data = rule_from_json(RULE)
        return create_rule(session, project_id, data, by=BY, state=RuleState.INACTIVE)


def _asked(rule: Rule) -> Run:
    with write_transaction() as session:
        run = start_run(session, rule.project_id, rule, trigger=Trigger.PERSON, by=BY)
    wake_run(db.session(), run)
    return run


def _now(run: Run) -> Run:
    session = db.session()
    session.rollback()
    return session.get_one(Run, run.id, populate_existing=True)


def _until(run: Run, so: Callable[[Run], bool]) -> Run:
    limit = time.monotonic() + LIMIT_S
    while not so(_now(run)):
        if time.monotonic() > limit:
            raise RuntimeError(f"run {run.id} is still {run.state}")
        time.sleep(0.05)
    return run


def _is_over(run: Run) -> bool:
    return run.over


def _took(run: Run) -> float:
    assert run.finished_on is not None
    return (run.finished_on - run.queued_on) / SECOND
