"""What each filter leaves, held against a slow and obvious reading of the same rules (SPEC U6)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.history.past import APPS, PRESENT, RULE, XMLNS, Past, make_past
from webapp.cases.models import Case
from webapp.clock import to_datetime
from webapp.database import find_by_index
from webapp.extensions import db
from webapp.history import few
from webapp.history.calendar import ANY_TIME, Calendar, Days
from webapp.history.filters import EVERYTHING, USER_TYPES, SubmissionFilter, UserType
from webapp.history.search import errors_of, for_pages, keys_of, matching
from webapp.people.models import MobileWorker
from webapp.rules.models import Rule
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import touches
from webapp.web.pagination import capped_count, keyset_page

ZONE = ZoneInfo("Africa/Nairobi")
TODAY = date(2026, 3, 11)  # in Nairobi
CALENDAR = Calendar(ZONE, TODAY)


@dataclass
class Fact:
    """A submission, the types of its user and the cases that it touched."""

    one: Submission
    types: set[UserType]
    cases: set[str]
    rule: str


@pytest.fixture(scope="module")
def past(app: Flask) -> Iterator[Past]:
    with app.app_context():
        yield make_past(db.session())
        db.session.remove()


@pytest.fixture(scope="module")
def facts(app: Flask, past: Past) -> list[Fact]:
    """All of the project, newest first."""
    with app.app_context():
        session = db.session()
        everything = session.scalars(
            select(Submission)
            .where(Submission.project_id == past.project_id)
            .order_by(Submission.received_on.desc())
        ).all()
        found = [fact(session, one) for one in everything]
        session.expunge_all()
    return found


def fact(session: Session, one: Submission) -> Fact:
    active = session.scalar(select(MobileWorker.active).where(MobileWorker.user_id == one.user_id))
    types = {
        "mobile": {UserType.DEACTIVATED} if active is False else {UserType.MOBILE},
        "web": {UserType.WEB},
        "admin": {UserType.ADMIN},
        "system": {UserType.AUTOMATIC, UserType.UNKNOWN, UserType.ADMIN},
        "unknown": {UserType.UNKNOWN},
    }[one.user_kind.value]
    cases = {session.get_one(Case, touch.case).case_id for touch in touches(session, one)}
    rule = session.get_one(Rule, one.rule_key).rule_id if one.rule_key is not None else "none"
    return Fact(one, types, cases, rule)


def in_words(past: Past, fact: Fact, wanted: SubmissionFilter) -> bool:
    """Whether a filter leaves a submission, read aloud."""
    one = fact.one

    def day(micros: int) -> date:
        return to_datetime(micros).astimezone(ZONE).date()

    def within(days: Days, micros: int | None) -> bool:
        if days == ANY_TIME:
            return True
        if micros is None:
            return False
        return (days.first or date.min) <= day(micros) <= (days.last or date.max)

    received = wanted.received or Days(TODAY - timedelta(days=6), None)
    return all(
        (
            within(received, one.received_on),
            within(wanted.completed, one.time_end),
            not wanted.user_types or bool(wanted.user_types & fact.types),
            wanted.user in {"", one.user_id},
            not wanted.group or one.user_id in past.groups.get(wanted.group, ()),
            not wanted.location or one.user_id in past.locations.get(wanted.location, ()),
            wanted.app is None or wanted.app == one.app_id,
            wanted.xmlns in {"", one.xmlns},
            not wanted.case or wanted.case in fact.cases,
            wanted.rule in {"", fact.rule},
            wanted.run in {None, one.run_id},
            wanted.state in {None, one.state},
        )
    )


def offered(past: Past) -> dict[str, list[Any]]:
    """Values of each field that a person could choose."""
    weeks = [TODAY - timedelta(days=n) for n in (0, 6, 7, 20)]
    days = [Days(a, b) for a in (None, *weeks) for b in (None, *weeks)]
    kinds = list(USER_TYPES)
    return {
        "received": [None, *days],
        "completed": days,
        "user_types": [frozenset({k}) for k in kinds]
        + [frozenset({a, b}) for a in kinds for b in kinds if a < b],
        "user": [*past.users, "nobody"],
        "group": [*past.groups, "", "0" * 32],
        "location": [*past.locations, "", "0" * 32],
        "app": [*APPS, "other"],
        "xmlns": [*XMLNS, RULE, "http://example.org/other"],
        "case": [*past.cases, "no-such-case"],
        "rule": [*past.rules, "0" * 32],
        "run": [*past.runs, 2**31 - 1],
        "state": [*State, None],
    }


def assert_same(session: Session, past: Past, facts: list[Fact], wanted: SubmissionFilter) -> int:
    found = [fact.one for fact in facts if in_words(past, fact, wanted)]
    if wanted.completed != ANY_TIME:
        found.sort(key=lambda one: (one.time_end, one.id), reverse=True)
    expected, keys = [one.submission_id for one in found], keys_of(wanted)
    statement = matching(past.project_id, wanted, CALENDAR)
    assert walked(session, statement, *keys) == expected, wanted
    if wanted.group or wanted.location:
        for bound in (0, few.FEW):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(few, "FEW", bound)
                pages = for_pages(session, past.project_id, wanted, CALENDAR)
            assert walked(session, pages, *keys) == expected, wanted
    assert capped_count(session, statement).number == len(expected)
    return len(expected)


def walked(session: Session, statement: Any, *keys: Any) -> list[str]:
    """The whole list, page by page to the end; and the way back shows the same."""
    pages, older = [], None
    while True:
        page = keyset_page(session, statement, *keys, before=older, size=4)
        pages.append([one.submission_id for one in page.rows])
        if page.older is None:
            break
        older = page.older
    back: list[list[str]] = [pages[-1]]
    while page.newer is not None:
        page = keyset_page(session, statement, *keys, after=page.newer, size=4)
        back.insert(0, [one.submission_id for one in page.rows])
    forth = [one for some in pages for one in some]
    assert len(back) <= 1 or back[0] == forth[:4]  # the newest page is always full
    assert list(dict.fromkeys(one for some in back for one in some)) == forth
    return forth


@pytest.mark.parametrize("field", list(offered(Past(0, "", (), (), (), ()))))
def test_each_filter_alone(session: Session, past: Past, facts: list[Fact], field: str) -> None:
    found = [
        assert_same(session, past, facts, replace(EVERYTHING, **{field: value}))
        for value in offered(past)[field]
    ]
    assert len(set(found)) > 2, "a filter that always leaves the same proves nothing"


def test_filters_together(session: Session, past: Past, facts: list[Fact]) -> None:
    chance = random.Random(3)
    some = 0
    for _ in range(50):
        chosen = chance.sample(list(offered(past).items()), chance.randrange(2, 4))
        wanted = replace(EVERYTHING, **{field: chance.choice(values) for field, values in chosen})
        some += assert_same(session, past, facts, wanted) > 0
    assert some > 12


def test_the_default_is_the_normal_forms_of_seven_days(
    session: Session, past: Past, facts: list[Fact]
) -> None:
    assert assert_same(session, past, facts, SubmissionFilter()) > 0


def test_the_system_is_of_three_types(session: Session, past: Past) -> None:
    for kind in (UserType.AUTOMATIC, UserType.UNKNOWN, UserType.ADMIN):
        wanted = replace(EVERYTHING, user_types=frozenset({kind}))
        assert RULE in {
            one.xmlns for one in session.scalars(matching(past.project_id, wanted, CALENDAR))
        }


def test_another_projects_forms_never_show(session: Session, past: Past) -> None:
    other = make_past(session, forms=5, seed=1)
    seen = set(session.scalars(matching(other.project_id, EVERYTHING, CALENDAR)))
    assert seen
    assert {one.project_id for one in seen} == {other.project_id}


def test_the_forms_to_process_again(session: Session, past: Past) -> None:
    found = set(session.scalars(errors_of(past.project_id)))
    assert found
    assert {one.state for one in found} == {State.ERROR}


def test_the_calendar_of_a_project_is_its_own(session: Session) -> None:
    assert PRESENT.astimezone(ZONE).date() == TODAY
    assert CALENDAR.starts(TODAY) + 24 * 3600 * 10**6 == CALENDAR.ends(TODAY)


def test_no_list_reads_the_table(session: Session, past: Past):
    """Its first page and its count, whatever one filter leaves: 5 million forms are no table to
    read for a page (`bench/history.py` counts what is read of them)."""
    find_by_index(session)
    everything = EVERYTHING, SubmissionFilter(), replace(EVERYTHING, completed=Days(TODAY, TODAY))
    narrow = [replace(EVERYTHING, **{field: values[0]}) for field, values in offered(past).items()]
    for wanted in (*everything, *narrow):
        statement = matching(past.project_id, wanted, CALENDAR)
        newest = statement.order_by(*(key.desc() for key in keys_of(wanted))).limit(26)
        count = statement.with_only_columns(Submission.id).limit(10_001)
        for one in (newest, count):
            assert reads_table(plan_of(session, one)) is None, wanted


def plan_of(session: Session, statement: Any) -> list[str]:
    bind = session.get_bind()
    words = "EXPLAIN" if bind.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    compiled = statement.compile(bind, compile_kwargs={"render_postcompile": True})
    rows = session.connection().exec_driver_sql(f"{words} {compiled}", _values(compiled))
    return [str(row[-1]) for row in rows]


def _values(compiled: Any) -> Any:
    return (
        compiled.params
        if not compiled.positiontup
        else tuple(compiled.params[name] for name in compiled.positiontup)
    )


def reads_table(plan: list[str]) -> str | None:
    """The step that reads all forms, if one does."""
    for step in plan:
        if "Seq Scan on submission" in step or (
            step.startswith("SCAN submission") and "INDEX" not in step
        ):
            return step
    return None
