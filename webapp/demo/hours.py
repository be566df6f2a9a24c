"""When people in the field work: seasons, days and hours, in the project's time zone."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from zoneinfo import ZoneInfo

from webapp.clock import MINUTE, Micros, start_of_day, to_datetime
from webapp.demo.places import ZONE

_ZONE = ZoneInfo(ZONE)

#: Holidays of Kenya that have a fixed day; on Easter people go to church, too.
_HOLIDAYS = {(1, 1), (5, 1), (6, 1), (10, 10), (10, 20), (12, 12), (12, 25), (12, 26)}
#: How much is done in each month, January first: less in the long rains and at Christmas.
_SEASON = (0.9, 1.0, 1.0, 0.75, 0.8, 1.0, 1.05, 0.95, 1.05, 1.05, 1.0, 0.6)
#: And on each day of the week, Monday first.
_WEEK = (1.0, 1.1, 1.05, 0.85, 0.95, 0.3, 0.03)


def instant(day: date, minute: float) -> Micros:
    """The instant of a minute of a day, to the thousandth of a second, as phones have it."""
    return start_of_day(day, _ZONE) + round(minute * 60_000) * (MINUTE // 60_000)


def day_of(at: Micros) -> date:
    """The calendar day of an instant."""
    return to_datetime(at).astimezone(_ZONE).date()


def phone_time(at: Micros) -> str:
    """An instant as phones write it."""
    local = to_datetime(at).astimezone(_ZONE)
    return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03}+03"


def effort(day: date) -> float:
    """How much is done on a day, around 1."""
    if (day.month, day.day) in _HOLIDAYS or (day.month == 12 and day.day > 22):
        return 0.02
    report_is_due = (day + timedelta(days=3)).month != day.month
    return _SEASON[day.month - 1] * _WEEK[day.weekday()] * (1.35 if report_is_due else 1.0)


def visiting_days(random: Random) -> frozenset[int]:
    """The days of the week on which somebody goes out; the others belong to the farm."""
    return frozenset(random.sample(range(5), random.choice((2, 3, 3))))


def first_minute(random: Random) -> float:
    """When the first visit of a day begins: in the morning, or after lunch."""
    if random.random() < 0.24:
        return random.triangular(13 * 60 + 20, 15 * 60 + 30, 14 * 60)
    return random.triangular(7 * 60 + 50, 11 * 60, 9 * 60)
