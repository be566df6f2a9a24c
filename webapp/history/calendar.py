"""Calendar days of a project: people filter by days, the database holds instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from webapp.clock import Micros, now, start_of_day, to_datetime
from webapp.projects.models import Project

#: The first and last day that a filter may name.
EARLIEST, LATEST = date(1970, 1, 1), date(9999, 12, 30)


@dataclass(frozen=True, slots=True)
class Days:
    """From the first to the last day, both included; None is open."""

    first: date | None = None
    last: date | None = None


ANY_TIME = Days()


@dataclass(frozen=True, slots=True)
class Calendar:
    """The time zone of a project, and which day it is there."""

    zone: ZoneInfo
    today: date

    @classmethod
    def of(cls, project: Project) -> Calendar:
        """The present calendar of a project."""
        zone = ZoneInfo(project.timezone)
        return cls(zone, to_datetime(now()).astimezone(zone).date())

    def day_of(self, instant: Micros) -> date:
        """The day of an instant."""
        return to_datetime(instant).astimezone(self.zone).date()

    def starts(self, day: date) -> Micros:
        """When a day begins."""
        return start_of_day(day, self.zone)

    def ends(self, day: date) -> Micros:
        """When the day after it begins: the first instant that is no longer in it."""
        return start_of_day(day + timedelta(days=1), self.zone)
