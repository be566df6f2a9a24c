"""The chart of what the nights changed: bars whose numbers stand in a table beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from webapp.rules.last_night import DayOfNights

#: So many days, and the highest bar in pixels.
DAYS, HEIGHT = 14, 200


@dataclass(frozen=True, slots=True)
class Bar:
    """A day, and its night if there was one. `x` and `width` are in per cent of the chart's width,
    `height` in pixels."""

    day: date
    night: DayOfNights | None
    x: float
    width: float
    height: int
    last: bool

    @property
    def middle(self) -> float:
        """Where its words are centred."""
        return round(self.x + self.width / 2, 2)


def bars_of(nights: Sequence[DayOfNights]) -> list[Bar]:
    """A bar for each day from the first night to the last, oldest first; none where there are not
    two nights to compare. A night that changed something is never without height."""
    if len(nights) < 2:
        return []
    by_day = {date.fromisoformat(night.day): night for night in nights}
    first, last = min(by_day), max(by_day)
    count = (last - first).days + 1
    most = max(night.changed for night in nights)
    step = 100 / max(count, 7)
    found = []
    for place in range(count):
        day = first + timedelta(days=place)
        night = by_day.get(day)
        changed = 0 if night is None else night.changed
        height = max(-(-HEIGHT * changed // most), 2) if changed else 0
        found.append(
            Bar(day, night, round(place * step, 2), round(step * 0.88, 2), height, day == last)
        )
    return found
