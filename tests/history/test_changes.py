"""What the pages say that a form changed is what changed (SPEC A7, U8)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, send
from tests.history.past import Past, make_past
from tests.history.statements import counted
from webapp.cases.apply import (
    ATTRIBUTES,
    NOTHING,
    CaseState,
    Change,
    IndexValue,
    apply,
    change_to_json,
    difference,
)
from webapp.cases.models import Case
from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.history.changes import SHOWN, case_change
from webapp.history.form_page import SHOWN_CASES, touched_cases
from webapp.history.outlook import archive_outlook
from webapp.history.rows import rows
from webapp.projects.models import Project
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import get_submission, touches

NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from(["", "x", "y"])
INDEXES = st.builds(IndexValue, st.integers(1, 3), st.just("t"), st.just("child"))
CHANGES = st.builds(
    Change,
    user=TEXTS,
    opener=TEXTS,
    date_modified=st.integers(0, 5),
    arrived_on=st.integers(0, 5),
    owner_if_new=TEXTS,
    given=st.dictionaries(st.sampled_from(["type", "name", "owner_id", "opened_by"]), TEXTS),
    opened_on=st.none() | st.integers(0, 5),
    properties=st.dictionaries(NAMES, TEXTS),
    indices=st.dictionaries(NAMES, st.none() | INDEXES),
    closes=st.booleans(),
    opened_for=st.none() | TEXTS,
)


@given(earlier=st.lists(CHANGES, max_size=3), change=CHANGES)
def test_before_and_after_are_those_of_the_replay(earlier: list[Change], change: Change):
    before = NOTHING
    for one in earlier:
        before = apply(before, one)
    after = apply(before, change)
    told = case_change(change_to_json(change), difference(before, after), live=True)
    assert told.opened == before.deleted
    assert told.closed == change.closes
    for one in told.attributes:
        assert one.after == getattr(after, one.name)
        assert one.before == (None if before.deleted else getattr(before, one.name))
    differs = {name for name in ATTRIBUTES if getattr(before, name) != getattr(after, name)}
    assert {one.name for one in told.attributes} == differs & set(SHOWN)
    for one in told.properties:
        assert (one.before, one.after) == (
            before.properties.get(one.name),
            after.properties.get(one.name),
        )
    assert {one.name for one in told.properties} == _differing(before, after, "properties")
    for link in told.links:
        assert (link.before, link.after) == (
            _target(before, link.name),
            _target(after, link.name),
        )
    assert {one.name for one in told.links} == _differing(before, after, "indices")


@given(change=CHANGES)
def test_what_was_never_applied_says_what_it_asks_for(change: Change):
    told = case_change(change_to_json(change), None, live=False)
    assert not told.known
    assert {one.name: one.after for one in told.properties} == change.properties
    assert {one.name: one.after for one in told.attributes} == change.given
    assert {one.before for one in told.properties} <= {None}


def _target(state: CaseState, name: str) -> int | None:
    return state.indices[name].target if name in state.indices else None


def _differing(before: CaseState, after: CaseState, what: str) -> set[str]:
    one, other = getattr(before, what), getattr(after, what)
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}


@pytest.fixture(scope="module")
def past(app: Flask) -> Iterator[Past]:
    with app.app_context():
        yield make_past(db.session(), forms=40, seed=11)
        db.session.remove()


def test_the_outlook_is_what_happens(session: Session, past: Past):
    """Archive every form in any order and back, then all of them, newest first; compare what was
    said with what the cases became."""
    newest_first = list(
        session.scalars(
            select(Submission.submission_id)
            .where(Submission.project_id == past.project_id, Submission.state == State.NORMAL)
            .order_by(Submission.received_on.desc())
        )
    )
    shuffled = random.Random(5).sample(newest_first, len(newest_first))
    seen = {"disappear": 0, "reopen": 0, "keep_later": 0, "refused": 0}
    for turn, one in enumerate([*shuffled, *newest_first]):
        submission = get_submission(session, past.project_id, one)
        outlook = archive_outlook(session, submission)
        keys = [touch.case for touch in touches(session, submission)]
        before = _states(session, keys)
        in_the_way = _archive(past, one)
        assert in_the_way == outlook.in_the_way
        if in_the_way:
            seen["refused"] += 1
            continue
        after = _states(session, keys)
        gone = sum(not before[key][0] and after[key][0] for key in keys)
        reopened = sum(before[key][1] and not any(after[key]) for key in keys)
        assert (outlook.cases, outlook.disappear, outlook.reopen) == (len(keys), gone, reopened)
        for name in seen.keys() - {"refused"}:
            seen[name] += getattr(outlook, name)
        if turn < len(shuffled):
            with write_transaction():
                restore(session, past.project_id, one, by=factories.actor())
    assert all(seen.values()), seen


def _archive(past: Past, submission_id: str) -> tuple[str, ...]:
    """Archive it, or say what stands in the way."""
    try:
        with write_transaction() as session:
            archive(session, past.project_id, submission_id, by=factories.actor())
    except Refused as refused:
        return refused.in_the_way
    return ()


def test_the_outlook_counts_what_reopens(session: Session, project: Project):
    send(session, project.id, form(case_block("c", create={"case_name": "C"})))
    first = send(session, project.id, form(case_block("c", close=True)))
    last = archive_outlook(session, get_submission(session, project.id, first.submission_id))
    assert (last.cases, last.reopen, last.keep_later) == (1, 1, 0)
    send(session, project.id, form(case_block("c", close=True)))
    twice = archive_outlook(session, get_submission(session, project.id, first.submission_id))
    assert (twice.reopen, twice.keep_later) == (0, 1)


def _states(session: Session, keys: list[int]) -> dict[int, tuple[bool, bool]]:
    session.expire_all()
    found = session.execute(select(Case.id, Case.deleted, Case.closed).where(Case.id.in_(keys)))
    return {key: (deleted, closed) for key, deleted, closed in found}


def test_rows_cost_two_statements_whatever_they_hold(
    app: Flask, session: Session, project: Project
):
    for n in range(6):
        blocks = [case_block(f"c-{n}-{m}", create={"case_name": "P"}) for m in range(40 * n)]
        send(session, project.id, form(*blocks))
    forms = list(
        session.scalars(
            select(Submission).where(Submission.project_id == project.id).order_by(Submission.id)
        )
    )
    with counted(app) as statements:
        told = rows(session, project.id, forms)
    assert len(statements) == 2
    assert [len(row.cases) for row in told] == [0, 3, 3, 3, 3, 3]
    assert [row.more_cases for row in told] == [0, 37, 77, 117, 157, 197]
    assert rows(session, project.id, []) == []


def test_a_form_page_shows_the_first_cases(session: Session, project: Project):
    blocks = [case_block(f"c-{n}", create={"case_name": "P"}) for n in range(SHOWN_CASES + 3)]
    sent = send(session, project.id, form(*blocks))
    shown, more = touched_cases(session, get_submission(session, project.id, sent.submission_id))
    assert (len(shown), more) == (SHOWN_CASES, 3)
    assert {one.change.opened for one in shown} == {True}


def test_nothing_of_another_project_is_named(session: Session, project: Project):
    """The same ids may stand in two projects."""
    other = factories.project()
    for one in (project, other):
        send(session, one.id, form(case_block("c", create={"case_name": one.name})))
    forms: Any = session.scalars(select(Submission).where(Submission.project_id == project.id))
    (row,) = rows(session, project.id, list(forms))
    assert [case.name for case in row.cases] == [project.name]
