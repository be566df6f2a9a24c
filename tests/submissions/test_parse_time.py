"""Times as phones and programs write them (SPEC S9c, S10)."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.clock import from_datetime, iso
from webapp.submissions.parse import parse_time

NOON = from_datetime(datetime(2025, 3, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-01T12:00:00Z",
        "2025-03-01T12:00:00z",
        "2025-03-01t12:00:00.000000000Z",
        "2025-03-01 12:00:00",
        "2025-03-01T12:00",
        "2025-03-01T12:00:00.000",
        "2025-03-01T14:00:00.000+02",
        "2025-03-01T14:00:00.000+0200",
        "2025-03-01T17:30:00+05:30",
        "2025-03-01T08:30:00-03:30",
        "2025-03-02T02:00:00+14:00",
        " 2025-03-01T12:00:00Z\n",
    ],
)
def test_one_instant_in_many_ways(text):
    assert parse_time(text) == NOON


def test_a_date_alone_is_its_beginning():
    assert parse_time("2025-03-01") == NOON - 12 * 3600 * 1_000_000


def test_digits_below_the_microsecond_are_dropped():
    assert parse_time("2025-03-01T12:00:00.0000019Z") == NOON + 1
    assert parse_time("2025-03-01T12:00:00.5Z") == NOON + 500_000


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "now", "2025", "2025-03", "20250301", "2025-3-1", "01/03/2025", "2025-02-30",
        "2025-13-01", "0000-01-01", "10000-01-01", "-2025-03-01", "2025-03-01T", "2025-03-01T12",
        "2025-03-01T25:00", "2025-03-01T24:00:00", "2025-03-01T12:60", "2025-03-01T12:00:61",
        "2025-03-01T12:00:00+24:00", "2025-03-01T12:00:00+2", "2025-03-01T12:00:00 Z",
        "2025-03-01T12:00:00.", "2025-03-01T12:00:00.Z", "2025-03-01+02:00", "2025-W09-6",
        "\uff12025-03-01", "2025-03-01T12:00:00Z\0", "2025-03-01\u00a0", "0001-01-01T00:00+01",
        "9999-12-31T23:59-01", "2025-03-01T12:00:00." + "0" * 21,
    ],
)  # fmt: skip
def test_no_times(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_time(text)


@given(st.datetimes())
def test_our_own_way_to_write_times_is_read(moment):
    micros = from_datetime(moment.replace(tzinfo=UTC))
    assert parse_time(iso(micros)) == micros


@given(st.text(max_size=30))
def test_anything_else_is_a_value_error(text):
    with contextlib.suppress(ValueError):
        parse_time(text)
