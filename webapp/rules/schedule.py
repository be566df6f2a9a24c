"""When rules are due: slots in a project's hour and time zone (SPEC R17). Pure: no clock, no
database.

A slot is one instant a calendar day of the project, at its hour. Where clocks go forward over it,
it is the first instant after the gap; where they go back, the first of the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from webapp.clock import Micros, from_datetime, to_datetime

#: The days of the week as SPEC §4.9 names them, Monday first.
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

#: Every schedule but the one by hand has a slot within so many days: a day of the month in each.
_LONGEST = 31


class Every(StrEnum):
    """How often a rule runs by itself."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class Schedule:
    """`on` are names of `WEEKDAYS`, for `week`; `day` is 1 to 28, for `month`."""

    every: Every = Every.DAY
    on: tuple[str, ...] = ()
    day: int = 1

    def includes(self, day: date) -> bool:
        """Whether the schedule has a slot on a calendar day."""
        if self.every is Every.WEEK:
            return WEEKDAYS[day.weekday()] in self.on
        if self.every is Every.MONTH:
            return day.day == self.day
        return self.every is Every.DAY


@dataclass(frozen=True, slots=True)
class Hour:
    """A project's hour (0 to 23) in its time zone."""

    hour: int
    timezone: str

    def day_of(self, at: Micros) -> date:
        """The calendar day of an instant."""
        return to_datetime(at).astimezone(ZoneInfo(self.timezone)).date()

    def day_of_slot(self, slot: Micros) -> date:
        """The day that a slot is for: that of its instant, or the one before, where the clocks go
        forward over its hour and midnight follows."""
        day = self.day_of(slot)
        return day if self.slot(day) == slot else day - timedelta(days=1)

    def slot(self, day: date) -> Micros:
        """The instant of a day's slot."""
        zone = ZoneInfo(self.timezone)
        local = datetime(day.year, day.month, day.day, self.hour, tzinfo=zone)
        # In a gap, the offset from before it gives an instant that the clocks show later: the gap's
        # end is where they jump to, which is found by going there and back.
        back = local.astimezone(UTC).astimezone(zone)
        if back.replace(tzinfo=None) != local.replace(tzinfo=None):
            return _end_of_gap(local)
        return from_datetime(local)


def _end_of_gap(local: datetime) -> Micros:
    """The first instant after the gap that a local time falls into."""
    before = local - timedelta(hours=3)
    low, high = from_datetime(before), from_datetime(local.replace(fold=0))
    offset = before.utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if to_datetime(middle).astimezone(local.tzinfo).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def last_slot(schedule: Schedule, hour: Hour, at: Micros) -> Micros | None:
    """The latest slot of a schedule that is not after an instant; None for one by hand."""
    return next((slot for slot in _slots(schedule, hour, at, -1) if slot <= at), None)


def next_slot(schedule: Schedule, hour: Hour, at: Micros) -> Micros | None:
    """The first slot of a schedule after an instant; None for one by hand."""
    return next((slot for slot in _slots(schedule, hour, at, 1) if slot > at), None)


def next_slots(schedule: Schedule, hour: Hour, at: Micros, count: int) -> list[Micros]:
    """The next slots of a schedule after an instant."""
    found: list[Micros] = []
    while len(found) < count:
        slot = next_slot(schedule, hour, found[-1] if found else at)
        if slot is None:
            break
        found.append(slot)
    return found


def _slots(schedule: Schedule, hour: Hour, at: Micros, step: int) -> Iterator[Micros]:
    """The slots around an instant, going into the past or the future; from a day behind it, for
    the slot of a day may stand on the other side of midnight where clocks change."""
    today = hour.day_of(at)
    for distance in range(-1, _LONGEST + 2):
        day = today + timedelta(days=distance * step)
        if schedule.includes(day):
            yield hour.slot(day)
