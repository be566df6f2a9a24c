"""However a run is done, and whatever the size of its chunks, it leaves the same (SPEC R18)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from random import Random

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.rules import dirt
from tests.rules.leftovers import send_one_by_one, send_world, tables
from tests.rules.running import chunks_of, done, the_slow_way
from tests.rules.worlds import MOMENT
from tests.thorough import examples
from webapp.clock import DAY
from webapp.projects.models import Project
from webapp.rules.apply_sql import is_simple
from webapp.rules.models import Run, RunState
from webapp.rules.runs import run_cases
from webapp.rules.verify import verify_runs
from webapp.rules.view import paths_read
from webapp.submissions.models import Submission
from webapp.submissions.queries import content_of
from webapp.submissions.verify import verify

SIZE = 25
COUNTS = (
    "state",
    "open_cases",
    "matched",
    "changed",
    "closed",
    "related_updates",
    "submissions",
    "unchanged",
    "skipped",
    "errors",
    "processed",
)


def counts(run: Run) -> dict[str, object]:
    return {name: getattr(run, name) for name in COUNTS}


def forms_of(session: Session, run: Run) -> list[bytes]:
    """The XML of a run's forms, in order."""
    rows = session.scalars(
        select(Submission)
        .where(Submission.project_id == run.project_id, Submission.run_id == run.id)
        .order_by(Submission.received_on)
    )
    return [content_of(session, row) for row in rows]


def assert_clean(app: Flask, session: Session, project: Project) -> None:
    folder = app.extensions["settings"].attachments
    assert not list(verify(session, project.id, attachments=folder))
    assert not list(verify_runs(session, project.id))


@settings(
    max_examples=examples(12),
    deadline=None,
    phases=[Phase.generate],  # a seed cannot be made smaller
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), others=st.booleans())
def test_all_ways_leave_the_same(app: Flask, session: Session, seed: int, others: bool):
    random = Random(seed)
    world = dirt.world(random, SIZE)
    definition = replace(dirt.rule(random, others=others), description="")
    as_of = random.choice((None, None, MOMENT, MOMENT + 100_000 * DAY))
    ways: dict[str, tuple[int, AbstractContextManager[None]]] = {
        "fast, in one chunk": (1000, nullcontext()),
        "fast, in sevens": (7, nullcontext()),
        "one by one": (1, the_slow_way()),
        "slow, in one chunk": (1000, the_slow_way()),
    }
    left = {}
    counted = {}
    looked_through = random.choice(list(ways))  # the others are held against it below
    forms: list[bytes] = []
    for name, (size, way) in ways.items():
        project = factories.project()
        send_world(session, project, world)
        with chunks_of(size), way, pytest.MonkeyPatch.context() as patch:
            if name.startswith("fast") and is_simple(definition) and not paths_read(definition):
                patch.delattr("webapp.rules.work._slow")  # nobody goes the other way in secret
            run = done(project, definition, as_of=as_of)
        assert run.state == RunState.FINISHED, run.problem
        assert run.matched == run.changed + run.unchanged + run.skipped + run.errors
        assert run.started_on is not None
        left[name] = tables(session, project, run.started_on)
        counted[name] = counts(run), [case.case_id for case in run_cases(session, run)]
        if not forms:
            forms, started_on = forms_of(session, run), run.started_on
            assert forms == forms_of(session, run)
        if name == looked_through:
            assert_clean(app, session, project)
    project = factories.project()
    send_world(session, project, world)
    send_one_by_one(session, project, forms)
    left["as forms"] = tables(session, project, started_on)
    if not forms:  # an xmlns is learned when a run is planned
        left["as forms"]["form_type"] = left["fast, in one chunk"]["form_type"]
    first, *more = left
    for name in more:
        for table, rows in left[name].items():
            assert rows == left[first][table], (name, table, definition)
    assert len({str(one) for one in counted.values()}) == 1, counted
