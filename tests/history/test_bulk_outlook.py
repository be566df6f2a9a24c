"""What is said of a selection before is what its job does (SPEC U8, A5)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, new_id, open_case, send
from tests.history.bulk import asked, outlook, reasons, select_forms, worked
from tests.submissions.test_bulk import assert_whole
from tests.submissions.test_replay import blocks
from tests.thorough import examples
from webapp.cases.models import Case, CaseTransaction
from webapp.errors import TooSlow
from webapp.history import bulk_outlook as looking
from webapp.projects.models import Project
from webapp.submissions.archive import OPENED_CASE, WHY_NOT
from webapp.submissions.models import State, Submission

TURNS = st.lists(
    st.tuples(
        st.sampled_from([State.ARCHIVED, State.NORMAL]),
        st.sets(st.integers(0, 8), min_size=1),
    ),
    min_size=1,
    max_size=4,
)


def cases_of(session: Session, project: Project) -> dict[str, tuple[bool, bool]]:
    """Which cases are deleted, and which closed."""
    session.rollback()
    rows = session.execute(
        select(Case.case_id, Case.deleted, Case.closed).where(Case.project_id == project.id)
    )
    return {case_id: (deleted, closed) for case_id, deleted, closed in rows}


def touching(session: Session, project: Project) -> dict[str, list[tuple[str, int, State]]]:
    """By case: the forms about it, with arrival and state."""
    rows = session.execute(
        select(Case.case_id, Submission.submission_id, Submission.received_on, Submission.state)
        .join(CaseTransaction, CaseTransaction.case == Case.id)
        .join(Submission, Submission.id == CaseTransaction.submission)
        .where(Case.project_id == project.id)
    )
    found: dict[str, list[tuple[str, int, State]]] = {}
    for case_id, *touch in rows:
        found.setdefault(case_id, []).append(tuple(touch))
    return found


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sent=st.lists(blocks(), min_size=2, max_size=8), turns=TURNS)
def test_the_numbers_are_those_of_the_job(
    app: Flask, session: Session, sent: list[Any], turns: list[tuple[State, set[int]]]
):
    project = factories.project()
    ids = [new_id() for _ in sent]
    for one, made in zip(ids, sent, strict=True):
        send(session, project.id, form(*made, instance_id=one))
    for to, numbers in turns:
        selection = select_forms(session, project, [ids[n] for n in numbers if n < len(ids)])
        said = outlook(session, project, selection, to)
        before, forms = cases_of(session, project), touching(session, project)
        job = worked(session, asked(session, project, selection, to))
        left = reasons(session, job)
        assert said.forms == job.succeeded
        assert said.left == Counter(left.values())
        after = cases_of(session, project)
        went = {n for n in range(len(ids)) if n in numbers and ids[n] not in left}
        switched = {ids[n] for n in went}
        touched = {case for case, some in forms.items() if switched & {one for one, *_ in some}}
        assert said.cases == len(touched)
        assert said.gone == sum(not before[case][0] and after[case][0] for case in touched)
        assert said.back == sum(before[case][0] and not after[case][0] for case in touched)
        there = [case for case in touched if not before[case][0] and not after[case][0]]
        assert said.reopen == sum(before[case][1] and not after[case][1] for case in there)
        assert said.close == sum(not before[case][1] and after[case][1] for case in there)
        assert said.keep_later == sum(
            any(
                at > min(at for one, at, _ in forms[case] if one in switched)
                and state == State.NORMAL
                and one not in switched
                for one, at, state in forms[case]
            )
            for case in touched
        )
        assert {one.case_id for one in said.first} == touched
    assert_whole(app, session, project)


def test_a_chain_that_is_blocked_blocks_what_came_before_it(session: Session, project: Project):
    """The form that opened b stays for a later one; so does the one that opened a."""
    first = open_case(session, project.id, "a")
    both = send(
        session,
        project.id,
        form(case_block("a", close=True), case_block("b", create={"case_name": "B"})),
    )
    send(session, project.id, form(case_block("b", update={"x": "1"})))
    selection = select_forms(session, project, [first.submission_id, both.submission_id])
    said = outlook(session, project, selection, State.ARCHIVED)
    assert (said.forms, said.left, said.cases) == (0, {OPENED_CASE: 2}, 0)


def test_forms_in_other_states_are_told_apart(session: Session, project: Project):
    opened = open_case(session, project.id, "a").submission_id
    broken = send(session, project.id, form(case_block("a", update={"x": "1"}, date_modified="?")))
    plain = send(session, project.id, form()).submission_id
    selection = select_forms(session, project, [opened, broken.submission_id, plain])
    said = outlook(session, project, selection, State.ARCHIVED)
    assert (said.forms, said.left) == (2, {WHY_NOT[State.ERROR]: 1})
    assert (said.cases, said.gone, [one.case_id for one in said.first]) == (1, 1, ["a"])
    said = outlook(session, project, selection, State.NORMAL)
    assert said.forms == 0
    assert said.left == {WHY_NOT[State.ERROR]: 1, WHY_NOT[State.NORMAL]: 2}


def test_what_takes_too_long_says_so(
    session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    opened = open_case(session, project.id, "a").submission_id
    selection = select_forms(session, project, [opened])
    monkeypatch.setattr(looking, "MOST_CHANGES", 0)
    with pytest.raises(TooSlow):
        outlook(session, project, selection, State.ARCHIVED)
