"""In how many open cases a property is filled in: what SQL counts is what Python counts."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.history.statements import counted
from tests.rules.dirt import TEXTS
from tests.rules.running import child
from tests.rules.worlds import CaseRow, make_world
from webapp.errors import TooSlow
from webapp.history import property_use
from webapp.history.property_use import Read, Use, uses_of
from webapp.projects.models import Project
from webapp.rules.operators import date_of, is_blank, number_of
from webapp.rules.references import parse_reference

LONG_S = 30.0
DIRT = st.sampled_from(TEXTS) | st.text("0123456789-.T \t\nx", max_size=12)


def use(session: Session, project: Project, name: str, kind: str = "") -> Use | None:
    read = Read(parse_reference(name), kind)
    return uses_of(session, project.id, "patient", [read], limit_s=LONG_S).get(read)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(
        st.tuples(st.none() | DIRT, st.booleans(), st.booleans()), min_size=1, max_size=12
    )
)
def test_dirty_values_are_counted_as_python_counts_them(
    session: Session, rows: list[tuple[str | None, bool, bool]]
):
    project = factories.project()
    made = [
        CaseRow(properties={} if value is None else {"x": value}, closed=closed, deleted=deleted)
        for value, closed, deleted in rows
    ]
    make_world(session, project.id, made)
    values = [value for value, closed, deleted in rows if not closed and not deleted]
    filled = [value for value in values if not is_blank(value)]
    for kind, read in (("", str), ("date", date_of), ("number", number_of)):
        bad = sum(read(value) is None for value in filled)
        assert use(session, project, "x", kind) == Use(len(values), len(filled), bad), kind


def test_a_property_of_the_parent_is_counted_for_the_children(session: Session, project: Project):
    open_case(session, project.id, "ada", edd="soon")
    for name in ("one", "two"):
        child(session, project, name, "ada")
    open_case(session, project.id, "alone", case_type="visit")
    read = Read(parse_reference("parent/edd"), "date")
    found = uses_of(session, project.id, "visit", [read], limit_s=LONG_S)
    assert found == {read: Use(3, 2, 2)}


def test_a_count_is_kept_until_something_is_written(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(property_use, "KEPT_TIMES", 0.0)
    open_case(session, project.id, "ada", edd="2026-05-01")
    assert use(session, project, "edd") == Use(1, 1)
    with counted(app) as found:
        assert use(session, project, "edd") == Use(1, 1)
    assert len(found) == 1
    assert "tick" in found[0]
    send(session, project.id, form(case_block("ada", update={"edd": " "})))
    assert use(session, project, "edd") == Use(1, 0)


def test_what_takes_too_long_is_not_said_and_not_tried_again_at_once(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    def slow(*_: object) -> None:
        raise TooSlow("")

    open_case(session, project.id, "ada", edd="2026-05-01")
    with monkeypatch.context() as patch:
        patch.setattr(property_use, "_count", slow)
        assert use(session, project, "edd") is None
    project_id, reads = project.id, [Read(parse_reference("edd"))]
    with counted(app) as found:
        assert uses_of(session, project_id, "patient", reads, limit_s=LONG_S) == {}
        assert uses_of(session, project_id, "patient", reads, limit_s=0.0) == {}
    assert len(found) == 2
    assert uses_of(session, project_id, "patient", reads, limit_s=LONG_S + 1)


def test_those_for_which_there_is_time_are_counted(
    session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    names = [f"p{number}" for number in range(30)]
    reads = [Read(parse_reference(name)) for name in names]
    open_case(session, project.id, "ada", **dict.fromkeys(names, "1"))
    real, clock, sizes = property_use._count, [0.0], []

    def slowly(session: Session, project_id: int, case_type: str, some: Sequence[Read]):
        clock[0] += 1.5 + 0.1 * len(some)
        sizes.append(len(some))
        return real(session, project_id, case_type, some)

    monkeypatch.setattr(property_use, "_count", slowly)
    monkeypatch.setattr(property_use, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    counts = [len(uses_of(session, project.id, "patient", reads, limit_s=5.0)) for _ in range(4)]
    assert counts == [14, 28, 30, 30]
    assert sizes == [5, 9, 5, 9, 2]
