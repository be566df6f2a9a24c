"""How people fill in what the app does not check: mostly as they should."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from random import Random

from webapp.demo.places import Village


class Pen:
    """A hand that slips in a share of the free texts, in ways of its own."""

    def __init__(self, random: Random, slips: float) -> None:
        self._random = random
        self._slips = slips
        #: Who writes dates or numbers otherwise does so in the same way each time.
        self._way = random.randrange(4)

    def slip(self, often: float = 1.0) -> bool:
        """Whether it slips now."""
        return self._random.random() < self._slips * often

    def day(self, day: date) -> str:
        """A date that is typed, from a booklet."""
        if not self.slip():
            return day.isoformat()
        ways = (
            f"{day:%d/%m/%Y}",
            f"{day.year}-{day.month}-{day.day}",
            f"{day:%d.%m.%y}",
            f"{calendar.month_abbr[day.month]} {day.year}",
            f"{day:%d/%m/%Y}",
            f" {day.isoformat()}",
            "not known",
            "",
            # The year stays the old one in January, and the day is none.
            f"{day.year - 1}-{day.month:02}-{day.day:02}",
            f"{day.year}-02-30",
        )
        return self._random.choice((ways[self._way], *ways))

    def number(self, value: float, digits: int = 0, unit: str = "") -> str:
        """A measurement."""
        text = f"{value:.{digits}f}"
        if not self.slip():
            return text
        ways = (
            text.replace(".", ","),
            f"{text} {unit}".strip(),
            f"{text}{unit}",
            text.replace(".", " ."),
            "",
            "0",
            text.replace(".", ""),
        )
        return self._random.choice((ways[self._way], *ways))

    def phone(self) -> str:
        """The number of a mobile phone."""
        digits = f"7{self._random.choice('0012249')}{self._random.randrange(10**7):07}"
        if not self.slip(1.5):
            return f"+254{digits}"
        ways = (f"0{digits}", f"0{digits[:3]} {digits[3:]}", f"254{digits}", "", "none", digits[:7])
        return self._random.choice((ways[self._way], *ways))

    def name(self, name: str) -> str:
        """The name of a person."""
        if not self.slip():
            return name
        first, _, rest = name.partition(" ")
        ways = (name.upper(), name.lower(), f"{rest} {first}", f"{name} ", name.replace(" ", "  "))
        return self._random.choice((ways[self._way], *ways))

    def village(self, village: Village) -> str:
        """The name of a village."""
        if not self.slip():
            return village.name
        ways = (*village.also, village.name.upper(), f"{village.name} village", "")
        return self._random.choice(ways)

    def remembered(self, day: date) -> date:
        """A date that was remembered: near it."""
        return day + timedelta(days=round(self._random.gauss(0, 3)))
