"""Archiving and restoring many forms at once leaves what one by one leaves (SPEC A2–A6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, new_id, open_case, send
from tests.submissions.test_replay import blocks, picture
from tests.thorough import examples
from webapp.audit.models import AuditEvent
from webapp.cases.models import Case
from webapp.clock import last_tick
from webapp.database import write_transaction
from webapp.errors import CasekeeperError
from webapp.projects.models import Project
from webapp.submissions import bulk
from webapp.submissions.archive import OPENED_CASE, OPENER_ARCHIVED, WHY_NOT, archive, restore
from webapp.submissions.bulk import UNKNOWN, Switch, archive_many, restore_many, switch_many
from webapp.submissions.models import State, Submission
from webapp.submissions.rebuild import replay_cases
from webapp.submissions.verify import verify

BY = factories.actor()


@pytest.fixture(params=["in SQL", "by replay"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways."""
    if request.param == "by replay":
        monkeypatch.setattr(bulk, "_simple", lambda *_: {})


def one_by_one(session: Session, project: Project, to: State, ids: Sequence[str]) -> dict[str, str]:
    """What the bulk way is held against: each form in a transaction of its own."""
    rows = session.execute(
        select(Submission.submission_id, Submission.received_on).where(
            Submission.project_id == project.id, Submission.submission_id.in_(ids)
        )
    )
    received = dict(rows.all())
    ordered = sorted(ids, key=lambda one: received.get(one, 0), reverse=to is State.ARCHIVED)
    skipped = {}
    for one in ordered:
        try:
            with write_transaction():
                (archive if to is State.ARCHIVED else restore)(session, project.id, one, by=BY)
        except CasekeeperError as error:
            skipped[one] = error.message
    return skipped


def at_once(session: Session, project: Project, to: State, ids: Sequence[str]) -> dict[str, str]:
    """The bulk way, in one transaction."""
    with write_transaction():
        return switch_many(session, Switch(project.id, to, BY, ""), ids)


def everything(session: Session, project: Project) -> dict[str, Any]:
    """All tables, with numbers of the project's own in place of keys, and without ticks."""
    session.rollback()
    found = picture(session, project.id)
    cases = {row.id: row.case_id for row in found["cases"]}
    own = {"id", "project_id"}
    made: dict[str, Any] = {
        "cases": [
            {k: v for k, v in row._mapping.items() if k not in own} for row in found["cases"]
        ],
        "indices": [
            (cases[row.case], row.identifier, cases[row.target], row.target_type, row.relationship)
            for row in found["indices"]
        ],
        "transactions": [(row.change, row.before) for row in found["transactions"]],
        "submissions": [(row.submission_id, row.state) for row in found["submissions"]],
    }
    events = session.execute(
        select(AuditEvent.subject, AuditEvent.tag, AuditEvent.after, AuditEvent.actor)
        .where(AuditEvent.project_id == project.id, AuditEvent.subject.like("submission:%"))
        .order_by(AuditEvent.id)
    ).all()
    made["events"] = sorted((tuple(row) for row in events), key=str)
    return made


def without_ticks(made: dict[str, Any], project: Project, session: Session) -> dict[str, Any]:
    """Arrivals stand in changes, before-values and cases: as their places among all."""
    ticks = sorted(
        session.scalars(
            select(Submission.received_on).where(Submission.project_id == project.id)
        ).all()
    )
    places = {tick: f"tick {place}" for place, tick in enumerate(ticks)}
    keys = dict(
        session.execute(select(Case.id, Case.case_id).where(Case.project_id == project.id)).all()
    )

    def replaced(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: replaced(inner, key) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [replaced(inner) for inner in value]
        if name == "target":
            return keys[value]
        return places.get(value, value) if isinstance(value, int) else value

    return replaced(made)


def ids_of(session: Session, project: Project) -> list[str]:
    """All forms of a project, oldest first."""
    session.rollback()
    return list(
        session.scalars(
            select(Submission.submission_id)
            .where(Submission.project_id == project.id)
            .order_by(Submission.id)
        )
    )


def assert_whole(app: Flask, session: Session, project: Project) -> None:
    """`verify` finds nothing, and ticks are unique."""
    folder = app.extensions["settings"].data / "attachments"
    session.rollback()
    assert list(verify(session, project.id, attachments=folder)) == []
    highest = session.scalar(
        select(func.max(Submission.indexed_on)).where(Submission.project_id == project.id)
    )
    assert (highest or 0) <= last_tick(session, project.id)


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    sent=st.lists(blocks(), min_size=1, max_size=8),
    moves=st.lists(
        st.tuples(
            st.sampled_from([State.ARCHIVED, State.NORMAL]),
            st.lists(st.integers(0, 9), min_size=1, max_size=9, unique=True),
        ),
        min_size=1,
        max_size=5,
    ),
)
def test_it_leaves_what_one_by_one_leaves(
    app: Flask,
    session: Session,
    sent: list[list[str]],
    moves: list[tuple[State, list[int]]],
):
    ids = [new_id() for _ in sent]
    projects = factories.project(), factories.project()
    ways = one_by_one, at_once
    for project in projects:
        for one, made in zip(ids, sent, strict=True):
            # Without the date, the arrival counts, and that is another one in each project.
            send(session, project.id, form(*made, instance_id=one))
    for to, numbers in moves:
        wanted = [ids[number] if number < len(ids) else f"no-{number}" for number in numbers]
        left = [
            way(session, project, to, wanted) for way, project in zip(ways, projects, strict=True)
        ]
        assert left[1] == left[0]
        pictures = [
            without_ticks(everything(session, project), project, session) for project in projects
        ]
        assert pictures[1] == pictures[0]
    assert_whole(app, session, projects[1])


def chain(session: Session, project: Project) -> list[str]:
    """A form that opens a case, and two later ones about it."""
    sent = [open_case(session, project.id, "a", status="1")]
    sent += [
        send(session, project.id, form(case_block("a", update={"status": value})))
        for value in ("2", "3")
    ]
    return [one.submission_id for one in sent]


@pytest.mark.usefixtures("way")
def test_a_whole_chain_goes_in_one_go(app: Flask, session: Session, project: Project):
    ids = chain(session, project)
    before = picture(session, project.id)
    with write_transaction():
        assert archive_many(session, project.id, ids, by=BY, reason="wrong") == {}
    assert session.scalars(select(Case.deleted).where(Case.project_id == project.id)).all() == [
        True
    ]
    assert_whole(app, session, project)
    with write_transaction():
        assert restore_many(session, project.id, list(reversed(ids)), by=BY) == {}
    session.rollback()
    assert picture(session, project.id) == before
    assert_whole(app, session, project)


@pytest.mark.usefixtures("way")
def test_what_is_left_out_says_why(app: Flask, session: Session, project: Project):
    opening, second, third = chain(session, project)
    broken = send(session, project.id, form(case_block("a", update={"x": "1"}, date_modified="?")))
    with write_transaction():
        left = archive_many(
            session, project.id, [opening, second, "nobody", broken.submission_id], by=BY
        )
    assert left == {
        opening: OPENED_CASE,
        "nobody": UNKNOWN,
        broken.submission_id: WHY_NOT[State.ERROR],
    }
    with write_transaction():
        assert archive_many(session, project.id, [third, second], by=BY) == {
            second: WHY_NOT[State.ARCHIVED]
        }
        assert archive_many(session, project.id, [opening], by=BY) == {}
    with write_transaction():
        assert restore_many(session, project.id, [third, second], by=BY) == {
            third: OPENER_ARCHIVED,
            second: OPENER_ARCHIVED,
        }
    assert_whole(app, session, project)


def test_nothing_to_do_takes_no_tick(session: Session, project: Project):
    before = last_tick(session, project.id)
    with write_transaction():
        assert archive_many(session, project.id, [], by=BY) == {}
        assert archive_many(session, project.id, ["nobody"], by=BY) == {"nobody": UNKNOWN}
    assert last_tick(session, project.id) == before


def test_forms_of_other_projects_are_not_known(session: Session, project: Project):
    (opening, *_rest) = chain(session, project)
    other = factories.project()
    with write_transaction():
        assert archive_many(session, other.id, [opening], by=BY) == {opening: UNKNOWN}


@pytest.mark.usefixtures("way")
def test_the_reason_stands_in_each_event(session: Session, project: Project):
    ids = chain(session, project)
    with write_transaction():
        archive_many(session, project.id, ids, by=BY, reason="r" * 1001)
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.project_id == project.id, AuditEvent.tag == "submission.archive")
        .order_by(AuditEvent.id)
    ).all()
    assert [event.subject for event in events] == [f"submission:{one}" for one in reversed(ids)]
    assert {(event.reason, event.actor, event.source) for event in events} == {
        ("r" * 1000, BY.name, BY.source)
    }
    assert [event.after for event in events] == [{"cases": 1}] * 3


def test_all_that_a_form_can_change_goes_back_and_comes_again(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    """In SQL: nothing is replayed."""
    open_case(session, project.id, "b", status="1", village="é\u2028\"'\\")
    given = {
        "case_type": "visit",
        "case_name": "Née \u0416",
        "owner_id": "owner-2",
        "external_id": "x/1",
        "date_opened": "2024-02-29",
        "user_id": "somebody",
        "status": "",
        "deleted": "deleted",
        "a.b": "1",
        "_12": "2",
    }
    last = send(session, project.id, form(case_block("b", update=given, close=True)))
    before = picture(session, project.id)
    replay = bulk.replay_chains

    def nothing(session: Session, project_id: int, to: State, chains: Sequence[Any]) -> Any:
        assert not chains
        return replay(session, project_id, to, chains)

    monkeypatch.setattr(bulk, "replay_chains", nothing)
    with write_transaction():
        archive_many(session, project.id, [last.submission_id], by=BY)
    assert picture(session, project.id) != before
    assert_whole(app, session, project)
    with write_transaction():
        restore_many(session, project.id, [last.submission_id], by=BY)
    session.rollback()
    assert picture(session, project.id) == before
    assert_whole(app, session, project)


def test_the_value_before_a_form_follows_those_that_stay_archived(
    app: Flask, session: Session, project: Project
):
    """The newest of two alone comes back: what was before it is not what was when it went."""
    _opening, second, third = chain(session, project)
    with write_transaction():
        assert archive_many(session, project.id, [second, third], by=BY) == {}
    with write_transaction():
        assert restore_many(session, project.id, [third], by=BY) == {}
    keys = session.scalars(select(Case.id).where(Case.project_id == project.id)).all()
    assert [one.befores for one in replay_cases(session, project.id, keys).values()] == [{}]
    assert_whole(app, session, project)
