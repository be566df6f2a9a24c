"""The instant at which a rule looks at cases (SPEC R8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from webapp.clock import Micros, from_datetime, start_of_day, to_datetime
from webapp.errors import Invalid

#: Beyond these a time zone could lead out of the calendar.
_FIRST = date(2, 1, 1)
_LAST = date(9998, 12, 31)


@dataclass(frozen=True, slots=True)
class Moment:
    """`now` in microseconds, and the calendar day that it is in the project's time zone."""

    now: Micros
    today: date


def moment_at(now: Micros, timezone: str) -> Moment:
    """The moment of an instant in a project's time zone."""
    return Moment(now, to_datetime(now).astimezone(ZoneInfo(timezone)).date())


def parse_as_of(text: str, timezone: str) -> Micros:
    """Read an instant, or a date that means 00:00 in the project's time zone; an instant without
    an offset is in that zone too. Raises `Invalid`."""
    zone = ZoneInfo(timezone)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid(_as_of_says()) from error
    if not _FIRST <= moment.date() <= _LAST:
        first, last = _FIRST.isoformat(), _LAST.isoformat()
        raise Invalid(_("Enter a date from %(first)s to %(last)s.", first=first, last=last))
    if len(text.strip()) <= len("2004-11-01"):
        return start_of_day(moment.date(), zone)
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _as_of_says() -> str:
    return str(_("Enter a date like 2026-01-31, or an instant like 2026-01-31T18:00:00Z."))
