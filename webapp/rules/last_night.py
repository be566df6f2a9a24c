"""What the nights of a project did (SPEC U1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.clock import HOUR, Micros
from webapp.rules.models import MADE_UP_AFTER, Night, Rule, Run, RunState

#: A night is the last one for so long; later it is named by its day.
RECENT: Micros = 26 * HOUR
#: The order in which the runs of a night are shown where not all are: what a person must see first.
_FIRST = (RunState.HELD, RunState.FAILED, RunState.STOPPED)


@dataclass(frozen=True, slots=True)
class RunOfNight:
    """A run of a night, and its rule as it is now."""

    run: Run
    rule: Rule


@dataclass(frozen=True, slots=True)
class LastNight:
    """The newest night, with its runs in their order."""

    night: Night
    runs: Sequence[RunOfNight]

    def count(self, *states: RunState) -> int:
        """How many of its runs are in one of some states."""
        return sum(one.run.state in states for one in self.runs)

    @property
    def day(self) -> date:
        """The calendar day of the project that it is for."""
        return date.fromisoformat(self.night.day)

    @property
    def finished(self) -> int:
        """How many came to their end."""
        return self.count(RunState.FINISHED)

    @property
    def working(self) -> int:
        """How many wait for their turn or are at work."""
        return self.count(RunState.QUEUED, RunState.PLANNING, RunState.RUNNING)

    @property
    def changed(self) -> int:
        """How many cases they changed; one that two rules changed counts twice."""
        return sum(one.run.changed for one in self.runs)

    @property
    def closed(self) -> int:
        """How many of these they closed."""
        return sum(one.run.closed for one in self.runs)

    @property
    def errors(self) -> int:
        """How many cases could not be changed."""
        return sum(one.run.errors for one in self.runs)

    def recent(self, at: Micros) -> bool:
        """Whether people would call it last night."""
        return at - self.night.slot < RECENT

    @property
    def held(self) -> Sequence[Run]:
        """Its runs that wait for a person."""
        return [one.run for one in self.runs if one.run.state is RunState.HELD]

    @property
    def faulty(self) -> int:
        """How many failed, or finished with errors."""
        return self.count(RunState.FAILED) + sum(
            one.run.state is RunState.FINISHED and one.run.errors > 0 for one in self.runs
        )

    @property
    def made_up(self) -> bool:
        """Whether it began long after its slot: the server was down."""
        return self.night.begun_on - self.night.slot > MADE_UP_AFTER

    @property
    def ended_on(self) -> Micros | None:
        """When the last of its runs came to its end, those that were held aside: they waited for a
        person. None while some are at work or all were held."""
        by_itself = (one.run for one in self.runs if one.run.held_on is None)
        ends = [run.finished_on for run in by_itself if run.finished_on is not None]
        return None if self.working else max(ends, default=None)

    def most_important(self, count: int) -> Sequence[RunOfNight]:
        """At most so many of the runs, in their order: those that wait for a person, failed, had
        errors or changed cases before those that did nothing."""
        ranked = sorted(self.runs, key=lambda one: _rank(one.run))
        chosen = {one.run.id for one in ranked[:count]}
        return [one for one in self.runs if one.run.id in chosen]


def _rank(run: Run) -> int:
    if run.state in _FIRST:
        return _FIRST.index(run.state)
    return 3 if run.errors else 4 if run.changed or not run.over else 5


def last_night(session: Session, project_id: int) -> LastNight | None:
    """The newest night of a project; None before the first. Two queries."""
    night = session.scalar(
        select(Night).where(Night.project_id == project_id).order_by(Night.slot.desc()).limit(1)
    )
    if night is None:
        return None
    rows = session.execute(
        select(Run, Rule)
        .join(Rule, (Rule.project_id == Run.project_id) & (Rule.id == Run.rule))
        .where(Run.project_id == project_id, Run.night_id == night.id)
        .order_by(Run.id)
    )
    return LastNight(night, [RunOfNight(run, rule) for run, rule in rows])


@dataclass(frozen=True, slots=True)
class DayOfNights:
    """The nights of a calendar day, which is one but for a day on which the hour was changed: how
    many rules were due and finished, how many cases they changed, and whether the server was down
    and the night was made up."""

    day: str
    rules: int
    finished: int
    changed: int
    made_up: bool


def nights_since(session: Session, project_id: int, slot: Micros) -> list[DayOfNights]:
    """The nights from a slot on, oldest first. One query."""
    finished = func.count().filter(Run.state == RunState.FINISHED)
    rows = session.execute(
        select(
            Night.day,
            func.count(),
            finished,
            func.sum(Run.changed),
            func.max(Night.begun_on - Night.slot),
        )
        .join(Run, (Run.project_id == Night.project_id) & (Run.night_id == Night.id))
        .where(Night.project_id == project_id, Night.slot >= slot)
        .group_by(Night.day)
        .order_by(Night.day)
    )
    return [
        DayOfNights(day, rules, ended, int(changed), int(late) > MADE_UP_AFTER)
        for day, rules, ended, changed, late in rows
    ]
