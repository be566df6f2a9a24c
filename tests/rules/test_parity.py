"""Invariant 3: the SQL of a rule, its explanation and its preview say the same of any case."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests import factories
from tests.rules import dirt
from tests.rules.places import make_places
from tests.rules.running import before_each_piece, done, queued, saved, worked
from tests.rules.worlds import MOMENT, make_world
from tests.thorough import examples
from webapp.cases.apply import CaseState
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.jobs import tasks
from webapp.projects.models import Project
from webapp.rules.blanks import Lack, Subject, blanks_of
from webapp.rules.compile import matching
from webapp.rules.definition import Close, DateIs, Definition
from webapp.rules.effect import Effect, copies_of, effects
from webapp.rules.explain import explain, matches
from webapp.rules.matches import Matches
from webapp.rules.models import RunCase
from webapp.rules.moment import Moment
from webapp.rules.operators import date_of, is_blank, number_of
from webapp.rules.orders import Orders
from webapp.rules.preview import preview
from webapp.rules.runs import stop
from webapp.rules.view import Cases, Known, load, paths_read, paths_written
from webapp.submissions.models import Submission

NOW = Moment(MOMENT, date(2026, 3, 1))


def done_one_by_one(
    definition: Definition, cases: Cases, keys: list[int]
) -> tuple[dict[int, list[Effect]], set[int]]:
    """What a run does, told naively: for each case that matches in its turn; and those at fault."""
    copies = {key: copies_of(definition, cases, key) for key in keys}
    done: dict[int, list[Effect]] = {}
    failed = set()
    for key in keys:
        try:
            done[key] = effects(definition, cases, key, copies[key])
        except Invalid:
            failed.add(key)
            continue
        for effect in done[key]:
            known = cases.known[effect.key]
            cases.known[effect.key] = Known(
                known.case_id,
                replace(
                    known.state,
                    **effect.given,
                    properties={**known.state.properties, **effect.properties},
                ),
            )
    return done, failed


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_sql_explanation_and_preview_agree(app: Flask, session: Session, seed: int):
    random = Random(seed)
    project = factories.project()
    make_places(session, project.id, random)
    keys = make_world(session, project.id, dirt.world(random, 25))
    for _ in range(6):
        definition = dirt.rule(random)
        by_sql = set(session.scalars(matching(project.id, definition, NOW)))
        paths = paths_read(definition) | paths_written(definition)
        cases = load(session, project.id, keys, paths)
        by_python = {key for key in keys if matches(definition, cases, key, NOW)}
        assert by_sql == by_python, definition
        in_order = sorted(by_sql, key=lambda key: (cases.known[key].state.server_modified_on, key))
        seen = preview(session, project.id, definition, NOW, shown=1000)
        done, failed = done_one_by_one(definition, cases, in_order)
        forms = [(key, effect) for key, those in done.items() for effect in those]
        assert seen.matched == len(by_sql)
        assert seen.errors == len(failed)
        assert seen.would_change == sum(map(bool, done.values())), definition
        assert seen.would_close == sum(effect.closes for _key, effect in forms)
        assert seen.submissions == len(forms)
        assert seen.related_updates == sum(key != effect.key for key, effect in forms)
        assert [one.case_id for one in seen.cases] == [
            cases.known[key].case_id for key, those in done.items() if those
        ]


@settings(
    max_examples=examples(20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_the_funnel_counts_what_each_criterion_leaves(session: Session, seed: int):
    random = Random(seed)
    project = factories.project()
    make_places(session, project.id, random)
    keys = make_world(session, project.id, dirt.world(random, 25))
    definition = dirt.rule(random)
    cases = load(session, project.id, keys, paths_read(definition) | paths_written(definition))
    explained = []
    for key in keys:
        state = cases.known[key].state
        if state.type == "patient" and not state.closed and not state.deleted:
            try:
                explained.append(explain(definition, cases, key, NOW))
            except Invalid:  # a value does not fit: the verdicts are what is looked at here
                without = replace(definition, actions=())
                explained.append(explain(without, cases, key, NOW))
    seen = preview(session, project.id, definition, NOW)
    assert seen.open_cases == len(explained)
    for number, step in enumerate(seen.funnel):
        if definition.match == "any":
            expected = sum(one.verdicts[number].matches for one in explained)
        else:
            expected = sum(
                all(verdict.matches for verdict in one.verdicts[: number + 1]) for one in explained
            )
        assert step.cases == expected
    for step in seen.unreadable:
        reads = date_of if isinstance(step.criterion, DateIs) else number_of
        found = [
            verdict.found
            for one in explained
            for verdict in one.verdicts
            if verdict.criterion is step.criterion
        ]
        assert step.cases == sum(not is_blank(text) and reads(text) is None for text in found)
    states = {key: cases.known[key].state for key in keys}
    of_type = [key for key, one in states.items() if one.type == "patient" and is_open(one)]
    assert [one.blank for one in seen.blanks] == list(blanks_of(definition))
    for step in seen.blanks:
        blank = [key for key in of_type if lacks(cases, key, step.blank.subject)]
        assert step.cases == len(blank), step
        if step.blank.decides:
            told = {matches(definition, cases, key, NOW) for key in blank}
            assert told <= {step.blank.matches}, (step, definition)


def is_open(state: CaseState) -> bool:
    return not state.closed and not state.deleted


def lacks(cases: Cases, key: int, subject: Subject) -> bool:
    """Whether there is nothing for a rule to compare, told naively."""
    if subject.reference is None:
        index = cases.known[key].state.indices.get("parent")
        is_child = index is not None and index.relationship == "child"
        return not is_child or cases.follow(key, ("parent",)) is None
    value, found = cases.text(key, subject.reference)
    if not found:
        return subject.also_alone
    if subject.lack is Lack.CASE:
        return False
    return is_blank(value) if subject.lack is Lack.VALUE else not value


@pytest.mark.timeout(600)
def test_two_hundred_rules_over_twenty_thousand_cases(
    session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    # On a busy machine a run would give way to others, and go on in a next slice.
    monkeypatch.setattr(tasks, "SLICE_S", 600.0)
    random = Random(20260301)
    make_places(session, project.id, random)
    keys = make_world(session, project.id, dirt.world(random, 20_000))
    if session.get_bind().dialect.name == "postgresql":
        with write_transaction():  # as its own daemon does within a minute
            session.execute(text("ANALYZE cases, case_index"))
    paths = {("parent",) * n for n in range(1, 6)}
    everything: set[tuple[str, ...]] = set(paths)
    rules = [dirt.rule(random) for _ in range(200)]
    for definition in rules:
        everything |= paths_read(definition)
    cases = load(session, project.id, keys, everything)
    keys.sort(key=lambda key: (cases.known[key].state.server_modified_on, key))
    states = {key: cases.known[key].state for key in keys}
    of_type = [key for key in keys if states[key].type == "patient" and is_open(states[key])]
    few: list[Definition] = []
    seldom = 0
    for number, definition in enumerate(rules):
        # That a rule looks at no others need not be told of each.
        told = keys if number % OFTEN == 0 else of_type
        explained = [key for key in told if matches(definition, cases, key, NOW)]
        assert found(session, project, definition) == explained, definition
        if number % OFTEN == 0:
            assert planned(session, project, definition) == explained, definition
        # Whatever it does to them: told without rehearsing that for thousands of cases.
        seen = preview(session, project.id, replace(definition, actions=(Close(),)), NOW, shown=0)
        assert seen.matched == len(explained), definition
        seldom += 0 < len(explained) < 5000
        if FEWEST < len(explained) < MOST:
            few.append(definition)
    assert seldom > 50, "the rules are to tell cases apart"
    # What they change, and nothing else, is what they said that they would.
    assert len(few) >= RUN_TO_THE_END
    for definition in few[:RUN_TO_THE_END]:
        seen = preview(session, project.id, definition, NOW, shown=len(keys))
        plan = planned(session, project, definition)
        run = done(project, definition, as_of=MOMENT)
        assert (run.changed, run.errors) == (seen.would_change, seen.errors), definition
        of_run = (Submission.project_id == project.id, Submission.run_id == run.id)
        places = session.scalars(select(Submission.run_place).where(*of_run).distinct())
        assert {cases.known[plan[place]].case_id for place in places} == {
            one.case_id for one in seen.cases
        }, definition


#: One of so many is planned by a worker, too, and held against all cases.
OFTEN = 10
#: So many of them are run to their end, which match more cases than fit into a chunk, and not
#: thousands, for each is a form.
RUN_TO_THE_END, FEWEST, MOST = 3, 200, 1500


def found(session: Session, project: Project, definition: Definition) -> list[int]:
    """The cases that a run would change, in its order: as it finds them."""
    of_run = Matches(Orders(project.id, 0, 0, "", "", definition, MOMENT, MOMENT, NOW))
    of_run.read(session)
    return list(of_run._keys)


def planned(session: Session, project: Project, definition: Definition) -> list[int]:
    """The cases that a run would change, in its order: as a worker plans it, and is stopped before
    it changes one."""
    run = queued(project, saved(project, definition), as_of=MOMENT)

    def stop_it() -> None:
        with write_transaction() as beside:
            stop(beside, project.id, run.id, by=factories.actor())

    with before_each_piece(stop_it):
        worked(run)
    rows = session.scalars(
        select(RunCase.case)
        .where(RunCase.project_id == project.id, RunCase.run == run.id)
        .order_by(RunCase.place)
    )
    return list(rows)
