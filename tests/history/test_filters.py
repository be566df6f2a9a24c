"""A filter and its address say the same (SPEC U7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from urllib.parse import parse_qs

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from webapp.history.calendar import ANY_TIME, EARLIEST, LATEST, Days
from webapp.history.filters import (
    EVERYTHING,
    USER_TYPES,
    SubmissionFilter,
    Unreadable,
    last_days,
    parse,
    query_string,
)
from webapp.submissions.blocks import valid_id
from webapp.submissions.models import State

TODAY = date(2026, 3, 11)

TEXT = st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc"]), max_size=20).map(str.strip)
IDS = st.one_of(st.just(""), TEXT.filter(valid_id))
DAYS = st.tuples(
    st.none() | st.dates(EARLIEST, LATEST), st.none() | st.dates(EARLIEST, LATEST)
).map(lambda two: Days(*(sorted(two) if None not in two else two)))
FILTERS = st.builds(
    SubmissionFilter,
    received=st.none() | DAYS.filter(lambda days: days.first != date(2026, 3, 5)),
    completed=DAYS,
    user_types=st.frozensets(st.sampled_from(USER_TYPES)),
    user=IDS,
    group=IDS,
    location=IDS,
    app=st.none() | TEXT | st.sampled_from(["unknown", "app:", "app:unknown", "app:app:x"]),
    xmlns=TEXT,
    case=IDS,
    rule=st.sampled_from(["", "0123456789abcdef" * 2]),
    run=st.none() | st.integers(0, 2**31 - 1),
    state=st.none() | st.sampled_from(State),
)


@given(wanted=FILTERS)
def test_an_address_leads_back_to_its_filter(wanted: SubmissionFilter) -> None:
    assert parse(parse_qs(query_string(wanted), keep_blank_values=True), TODAY) == wanted


def test_the_default_has_the_shortest_address() -> None:
    assert query_string(SubmissionFilter()) == ""
    assert query_string(EVERYTHING) == "received=any&state=any"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", "state=normal&user=&app=&case=&xmlns="),
        ("", "from=2026-03-05&to=2026-03-11"),
        ("", "from=2026-03-05&to="),
        ("received=any", "from=&to="),
        ("state=error", "state=normal&state=error"),
        ("user_type=admin&user_type=web", "user_type=web&user_type=admin&user_type=web"),
        ("from=2026-03-04", "from=2026-3-4&to=&completed_to="),
        ("case=a%2Fb", "case=+a%2Fb+&page=7"),
        ("run=88", "run=%2388&rule="),
        ("run=88", "run=088"),
    ],
)
def test_the_same_filter_has_the_same_address(one: str, other: str) -> None:
    found = [parse(parse_qs(text, keep_blank_values=True), TODAY) for text in (one, other)]
    assert query_string(found[0]) == query_string(found[1]) == one


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("from=yesterday", "from", "year, month and day"),
        ("to=2026-02-30", "to", "year, month and day"),
        ("from=1001-01-01", "from", "from 1970-01-01 to 9999-12-30"),
        ("to=9999-12-31", "to", "from 1970-01-01 to 9999-12-30"),
        ("from=2026-03-09&to=2026-03-08", "to", "before the first"),
        ("completed_from=" + "9" * 5000, "completed_from", "year, month and day"),
        ("completed_from=2026-03-09&completed_to=2026-03-08", "completed_to", "before"),
        ("received=always", "received", "any time"),
        ("user_type=robot", "user_type", "offered"),
        ("user_type=terminal", "user_type", "offered"),
        ("state=gone", "state", "offered"),
        ("user=a%0Ab", "user", "printable"),
        ("user=" + "x" * 256, "user", "255"),
        ("case=two+words", "case", "no spaces"),
        ("case=" + "x" * 256, "case", "255"),
        ("xmlns=" + "x" * 256, "xmlns", "list"),
        ("xmlns=%00", "xmlns", "list"),
        ("app=" + "x" * 256, "app", "list"),
        ("rule=" + "A" * 32, "rule", "offered"),
        ("rule=1", "rule", "offered"),
        ("run=last", "run", "number"),
        ("run=-1", "run", "number"),
        ("run=%D9%A3", "run", "number"),
        ("run=2147483648", "run", "number"),
        ("run=" + "9" * 5000, "run", "number"),
    ],
)
def test_what_cannot_be_read_is_named(app: Flask, query: str, field: str, says: str) -> None:
    with app.app_context(), pytest.raises(Unreadable) as caught:
        parse(parse_qs(query, keep_blank_values=True), TODAY)
    assert set(caught.value.problems) == {field}
    assert says in caught.value.problems[field]


HALF = ("user", "case", "xmlns", "app", "state", "from", "rule", "run")


def test_half_characters_are_no_values(app: Flask) -> None:
    query = {name: ["\ud800"] for name in HALF}
    with app.app_context(), pytest.raises(Unreadable) as caught:
        parse(query, TODAY)
    assert set(caught.value.problems) == set(query)


def test_removing_a_filter_leaves_the_others() -> None:
    wanted = SubmissionFilter(case="c", user="u")
    assert wanted.narrowing == ("received", "user", "case", "state")
    assert wanted.without("case") == SubmissionFilter(user="u")
    assert wanted.without("received").received == ANY_TIME
    assert wanted.without("state").state is None
    assert EVERYTHING.narrowing == ()


def test_the_default_days_move() -> None:
    wanted = SubmissionFilter()
    assert wanted.received_days(TODAY) == last_days(7, TODAY) == Days(date(2026, 3, 5), None)
    assert replace(wanted, received=ANY_TIME).received_days(TODAY) == ANY_TIME
