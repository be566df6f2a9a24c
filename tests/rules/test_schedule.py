"""Slots in a project's hour and zone, daylight saving included (SPEC R17)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.clock import DAY, HOUR, from_datetime, iso
from webapp.rules.schedule import (
    WEEKDAYS,
    Every,
    Hour,
    Schedule,
    last_slot,
    next_slot,
    next_slots,
)

DAILY = Schedule()


def at(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("hour", "zone", "day", "slot"),
    [
        (0, "UTC", "2026-11-21", "2026-11-21T00:00:00.000000Z"),
        (1, "Africa/Nairobi", "2026-11-21", "2026-11-20T22:00:00.000000Z"),
        (23, "America/New_York", "2026-11-21", "2026-11-22T04:00:00.000000Z"),
        # The gap of Berlin: 02:00 is 03:00.
        (2, "Europe/Berlin", "2026-03-28", "2026-03-28T01:00:00.000000Z"),
        (2, "Europe/Berlin", "2026-03-29", "2026-03-29T01:00:00.000000Z"),
        (3, "Europe/Berlin", "2026-03-29", "2026-03-29T01:00:00.000000Z"),
        # The hour that comes twice there: the first.
        (2, "Europe/Berlin", "2026-10-25", "2026-10-25T00:00:00.000000Z"),
        # Midnight itself may be missing, or come twice.
        (0, "America/Havana", "2026-03-08", "2026-03-08T05:00:00.000000Z"),
        (0, "America/Havana", "2026-11-01", "2026-11-01T04:00:00.000000Z"),
        # Half an hour, and a whole day that Samoa never had.
        (2, "Australia/Lord_Howe", "2026-10-04", "2026-10-03T15:30:00.000000Z"),
        (1, "Asia/Kathmandu", "2026-11-21", "2026-11-20T19:15:00.000000Z"),
    ],
)
def test_the_instant_of_a_slot(hour: int, zone: str, day: str, slot: str):
    assert iso(Hour(hour, zone).slot(date.fromisoformat(day))) == slot


@pytest.mark.parametrize(
    ("hour", "zone", "first"),
    [
        (23, "America/Nuuk", "2026-03-25"),  # on the 28th, 23:00 is midnight
        (23, "America/Nuuk", "2026-10-22"),
        (0, "America/Havana", "2026-03-05"),
        (2, "Europe/Berlin", "2026-03-27"),
        (23, "UTC", "2026-03-27"),
    ],
)
def test_the_day_of_a_slot_is_the_one_that_it_is_for(hour: int, zone: str, first: str):
    clock = Hour(hour, zone)
    days = [date.fromisoformat(first) + timedelta(days=n) for n in range(7)]
    assert [clock.day_of_slot(clock.slot(day)) for day in days] == days


def test_weeks_and_months():
    hour = Hour(1, "UTC")
    friday = at("2026-11-20T12:00:00")
    weekly = Schedule(Every.WEEK, ("mon", "thu"))
    assert iso(next_slot(weekly, hour, friday) or 0) == "2026-11-23T01:00:00.000000Z"
    assert iso(last_slot(weekly, hour, friday) or 0) == "2026-11-19T01:00:00.000000Z"
    monthly = Schedule(Every.MONTH, day=28)
    assert iso(next_slot(monthly, hour, friday) or 0) == "2026-11-28T01:00:00.000000Z"
    assert iso(last_slot(monthly, hour, friday) or 0) == "2026-10-28T01:00:00.000000Z"
    by_hand = Schedule(Every.HAND)
    assert next_slot(by_hand, hour, friday) is last_slot(by_hand, hour, friday) is None
    assert next_slots(by_hand, hour, friday, 3) == []


def test_a_slot_is_last_at_its_instant_and_next_before_it():
    hour = Hour(1, "UTC")
    slot = at("2026-11-20T01:00:00")
    assert last_slot(DAILY, hour, slot) == slot
    assert last_slot(DAILY, hour, slot - 1) == slot - DAY
    assert next_slot(DAILY, hour, slot - 1) == slot
    assert next_slot(DAILY, hour, slot) == slot + DAY


ZONES = st.sampled_from(
    [
        "UTC",
        "Africa/Nairobi",
        "Europe/Berlin",
        "America/New_York",
        "America/Havana",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Kiritimati",
        "America/Santiago",
        "Africa/Casablanca",
    ]
)
SCHEDULES = st.one_of(
    st.just(DAILY),
    st.builds(
        lambda days: Schedule(Every.WEEK, tuple(days)),
        st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
    ),
    st.builds(lambda day: Schedule(Every.MONTH, day=day), st.integers(1, 28)),
)


@given(
    schedule=SCHEDULES,
    hour=st.builds(Hour, st.integers(0, 23), ZONES),
    moment=st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001  # UTC below
)
def test_slots_are_in_order_once_a_day_and_at_the_hour(
    schedule: Schedule, hour: Hour, moment: datetime
):
    now = from_datetime(moment.replace(tzinfo=UTC))
    slots = next_slots(schedule, hour, now, 90)
    assert slots == sorted(set(slots))
    assert slots[0] > now
    days = [hour.day_of(slot) for slot in slots]
    assert len(set(days)) == len(days)
    assert all(map(schedule.includes, days))
    for slot, after in pairwise(slots):
        assert last_slot(schedule, hour, slot) == slot
        assert last_slot(schedule, hour, after - 1) == slot
        assert next_slot(schedule, hour, slot - 1) == slot
    if schedule == DAILY:
        gaps = {after - slot for slot, after in pairwise(slots)}
        assert gaps <= {DAY + n * HOUR // 2 for n in range(-2, 3)}
    assert hour.slot(days[0] - timedelta(days=40)) < now
