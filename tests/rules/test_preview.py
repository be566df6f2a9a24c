"""The preview of a rule: of one state, within its time, in little memory (SPEC R25, X5).

That its numbers are those of a run is for `test_parity`.
"""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from tests.forms import open_case
from tests.rules.running import CLOSES, child, copies, equals, rule_that, sets
from tests.rules.worlds import CaseRow, make_world
from webapp.clock import now
from webapp.errors import TooSlow
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.rules.definition import DateIs, Definition, Match
from webapp.rules.losing import Losing
from webapp.rules.moment import moment_at
from webapp.rules.preview import Owners, Preview, preview
from webapp.rules.references import parse_reference

RULES = [
    pytest.param(rule_that(sets("v", "1"), where=equals("status", "stale")), id="itself"),
    pytest.param(
        rule_that(sets("parent/v", "1"), where=equals("status", "stale"), case_type="visit"),
        id="parents",
    ),
]


def seen(session: Session, project_id: int, rule: Definition, **asked: Any) -> Preview:
    return preview(session, project_id, rule, moment_at(now(), "UTC"), **asked)


@contextmanager
def after_each_statement(app: Flask, project_id: int, case_type: str) -> Iterator[None]:
    """Somebody opens cases between the statements of this thread, as if in another process."""
    here, opened = threading.current_thread(), [0]

    def open_one() -> None:
        with app.app_context():
            try:
                case_id = f"late-{opened[0]}"
                open_case(db.session(), project_id, case_id, case_type=case_type, status="stale")
            finally:
                db.session.remove()

    def executed(*_: Any) -> None:
        if threading.current_thread() is here and opened[0] < 6:
            opened[0] += 1
            other = threading.Thread(target=open_one)
            other.start()
            other.join()

    event.listen(db.engine, "after_cursor_execute", executed)
    try:
        yield
    finally:
        event.remove(db.engine, "after_cursor_execute", executed)
    assert opened[0] > 3


@pytest.mark.parametrize("rule", RULES)
def test_all_numbers_are_of_one_state(
    app: Flask, session: Session, project: Project, rule: Definition
):
    open_case(session, project.id, "c-0", status="stale")
    child(session, project, "v-0", "c-0", status="stale")
    project_id = project.id
    with after_each_statement(app, project_id, rule.case_type):
        found = seen(session, project_id, rule)
    assert_of_one_state(found)


def test_a_date_may_have_a_time_behind_it(session: Session, project: Project):
    """In what is counted as in what matches (R6)."""
    yesterday = (moment_at(now(), "UTC").today - timedelta(days=1)).isoformat()
    dates = ["2020-01-05", f"{yesterday}T10:00:00Z", "2020-02-29 10:00", "2020-01-05 and so on"]
    none = ["2020-01-05x", "2019-02-29", "2019-02-29T10:00", "0000-01-01", "now", "2458849.5"]
    late = ["9000-01-05", "9000-01-05T10:00"]
    values = [*dates, *none, *late, "", " ", None]
    rows = [CaseRow(properties={} if one is None else {"seen": one}) for one in values]
    make_world(session, project.id, rows)
    criterion = DateIs(parse_reference("seen"), "after", 0)
    for rule in (rule_that(CLOSES, where=criterion), replace(rule_that(CLOSES), match=Match.ANY)):
        found = seen(session, project.id, replace(rule, criteria=(criterion,)))
        assert (found.open_cases, found.matched) == (len(values), len(dates))
        assert [step.cases for step in found.funnel] == [len(dates)]
        assert [step.cases for step in found.unreadable] == [len(none)]
        assert [step.cases for step in found.blanks] == [3]


def assert_of_one_state(found: Preview) -> None:
    assert found.open_cases == found.matched == found.funnel[0].cases
    assert found.matched == found.would_change + found.unchanged
    assert len(found.cases) == found.would_change


@pytest.mark.parametrize("rule", RULES)
def test_one_that_is_too_slow_says_so(session: Session, project: Project, rule: Definition):
    open_case(session, project.id, "c-0", case_type=rule.case_type, status="stale")
    with pytest.raises(TooSlow, match="after 0 seconds"):
        seen(session, project.id, rule, limit_s=0)
    assert seen(session, project.id, rule, limit_s=None).matched == 1


def test_memory_does_not_grow_with_what_the_cases_hold(session: Session, project: Project):
    rows = [CaseRow({"note": "x"}, type="village") for _ in range(20)]
    rows += [
        CaseRow({"status": "stale", "note": f"{n} " * 5_000}, indices={"parent": (n % 20, "child")})
        for n in range(300)
    ]
    make_world(session, project.id, rows)
    rule = rule_that(CLOSES, sets("parent/seen", "1"), where=equals("status", "stale"))
    project_id = project.id
    session.rollback()
    seen(session, project_id, rule)  # what is imported and compiled stays
    session.rollback()
    tracemalloc.start()
    try:
        found = seen(session, project_id, rule)
        _size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.would_close, found.related_updates) == (300, 20)
    assert peak < 3_000_000  # all that they hold is 6 MB


def test_a_long_value_is_told_from_another(session: Session, project: Project):
    long = "x" * 1_000
    rows = [CaseRow({"note": long}, type="village")]
    rows += [
        CaseRow({"note": note}, indices={"parent": (0, "child")})
        for note in (long, long + "y", long + "y", long, "")
    ]
    make_world(session, project.id, rows)
    found = seen(session, project.id, rule_that(copies("parent/note", "note")))
    assert found.related_updates == 3
    assert [case.changes[0].after for case in found.cases] == [long + "y", long, ""]


def test_a_case_that_is_closed_and_given_away_is_lost_once(session: Session, project: Project):
    open_case(session, project.id, "mum", case_type="mother")
    for name in ("k1", "k2"):
        child(session, project, name, "mum")
    actions = (sets("owner_id", "bela"), sets("parent/seen", "yes"), CLOSES)
    found = seen(session, project.id, rule_that(*actions, case_type="visit"), owners=Owners.YES)
    assert found.losing == Losing(1, "owner-1", 2, moves={("owner-1", None): 2})


def test_numbers_that_were_counted_stay_where_the_owners_take_too_long(
    session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    open_case(session, project.id, "c-0")

    def hung(session: Session, *_: Any) -> None:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
        session.execute(text(f"SELECT count(*) FROM ({endless}) many"))

    monkeypatch.setattr("webapp.rules.preview.count_losing", hung)
    found = seen(session, project.id, rule_that(CLOSES), owners=Owners.YES, limit_s=1)
    assert (found.would_change, found.losing, len(found.cases)) == (1, None, 1)
    assert session.scalar(text("SELECT 1")) == 1
