"""Times as phones and programs write them (SPEC S9c, S10)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from webapp.clock import Micros, from_datetime

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,20}))?)?"
    r"(?:([Zz])|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?"
)


def parse_time(text: str) -> Micros:
    """An ISO 8601 date or time as an instant; white space around it is fine.

    A date alone is 00:00; without an offset it is UTC; phones write offsets as `+02`, `+0200` or
    `+02:00`. Digits below the microsecond are dropped. Raises ValueError for anything else, also
    for a day that is not in the calendar and an instant outside the years 1 to 9999.
    """
    return _parse(text.strip(" \t\r\n"))


@lru_cache(maxsize=256)  # the blocks of a form mostly give the same instant
def _parse(text: str) -> Micros:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("not a date or time")
    year, month, day, hour, minute, second, fraction, _, sign, hours, minutes = found.groups()
    zone = UTC
    if sign is not None:
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        zone = timezone(-offset if sign == "-" else offset)  # ValueError from a day on
    moment = datetime(
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int((fraction or "")[:6].ljust(6, "0")),
        tzinfo=zone,
    )
    micros = from_datetime(moment)
    if not _FIRST <= micros <= _LAST:
        raise ValueError("outside the years 1 to 9999")
    return micros


_FIRST = from_datetime(datetime.min.replace(tzinfo=UTC))
_LAST = from_datetime(datetime.max.replace(tzinfo=UTC))
