"""The rounds of one promoter: what is due, and what is done on each day."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from random import Random

from webapp.clock import Micros
from webapp.demo import hours, household, pregnancy, referral
from webapp.demo.household import Household
from webapp.demo.pen import Pen
from webapp.demo.places import VILLAGES
from webapp.demo.pregnancy import Pregnancy
from webapp.demo.referral import Referral
from webapp.demo.staff import Promoter
from webapp.demo.xform import Filled

#: Nothing is begun after a quarter past five.
_LAST_MINUTE = 17 * 60 + 15
#: Households that are mapped in the first weeks, and the days between two new pregnancies.
_MAPPED = (9, 16)
_BETWEEN_PREGNANCIES = 16.0

#: What is to be done: gives the forms of the visit, none where nobody was met.
Task = Callable[[date], list[Filled]]


@dataclass(frozen=True, slots=True)
class Done:
    """A form that was filled in, from when to when."""

    begun: Micros
    ended: Micros
    filled: Filled


class Rounds:
    """What one promoter knows and does. Reproducible: `random` is theirs alone."""

    def __init__(self, by: Promoter, random: Random) -> None:
        self._by = by
        self._random = random
        self._pen = Pen(random, random.choices((0.012, 0.05, 0.2), (60, 30, 10))[0])
        self._weekdays = hours.visiting_days(random)
        self._households: list[Household] = []
        self._due: list[tuple[date, int, Task]] = []
        self._numbers = count()
        self._plan(by.begins, self._map)
        self._plan_after(by.begins, 6 + random.expovariate(1 / 12), self._find_pregnancy)
        self._to_map = random.randint(*_MAPPED)

    def days(self, last: date) -> Iterator[tuple[date, list[Done]]]:
        """Day by day, to the last one, what was done."""
        day = self._by.begins
        until = min(last, self._by.ends or last)
        while day <= until:
            yield day, self._day(day)
            day += timedelta(days=1)

    def _day(self, day: date) -> list[Done]:
        chance = hours.effort(day) * (0.92 if day.weekday() in self._weekdays else 0.07)
        if self._random.random() > chance:
            return []
        done: list[Done] = []
        minute = hours.first_minute(self._random)
        for _visit in range(self._random.choice((2, 3, 4, 4, 5, 7))):
            if minute > _LAST_MINUTE or not self._due or self._due[0][0] > day:
                break
            _when, _number, task = heapq.heappop(self._due)
            for filled in task(day):
                begun = hours.instant(day, minute)
                minute += self._random.uniform(*filled.kind.takes)
                done.append(Done(begun, hours.instant(day, minute), filled))
                minute += self._random.uniform(0.5, 3)
            minute += self._random.uniform(9, 40)  # to the next house
        return done

    def _plan(self, day: date, task: Task) -> None:
        heapq.heappush(self._due, (day, next(self._numbers), task))

    def _plan_after(self, day: date, days: float, task: Task) -> None:
        self._plan(day + timedelta(days=max(1, round(days))), task)

    # Households.

    def _map(self, day: date) -> list[Filled]:
        self._to_map -= 1
        if self._to_map > 0:
            self._plan(day, self._map)
        return [self._new_household(day)[1]]

    def _new_household(self, day: date) -> tuple[Household, Filled]:
        # Each promoter of a village has a hundred numbers of its register.
        number = self._by.number // len(VILLAGES) * 100 + len(self._households) + 1
        found, form = household.register(self._random, self._pen, self._by, day, number)
        self._households.append(found)
        self._plan_visit(found, day)
        return found, form

    def _plan_visit(self, found: Household, day: date) -> None:
        far = int(found.case_id[:2], 16) < 30  # those are not seen for most of a year
        days = self._random.uniform(190, 330) if far else self._random.uniform(70, 125)
        self._plan_after(day, days, lambda day: self._visit(found, day))

    def _visit(self, found: Household, day: date) -> list[Filled]:
        form = household.visit(self._random, self._pen, found, day)
        if not found.moved:
            self._plan_visit(found, day)
        return [form]

    # Pregnancies.

    def _find_pregnancy(self, day: date) -> list[Filled]:
        self._plan_after(
            day, self._random.expovariate(1 / _BETWEEN_PREGNANCIES), self._find_pregnancy
        )
        known = [one for one in self._households if not one.pregnant and not one.moved]
        if known and self._random.random() < 0.4:
            home, forms = self._random.choice(known), []
        else:
            home, form = self._new_household(day)
            forms = [form]
        found, form = pregnancy.register(self._random, self._pen, self._by, home, day)
        home.pregnant = True
        self._follow(found, day)
        return [*forms, form]

    def _follow(self, found: Pregnancy, day: date) -> None:
        self._plan_after(day, self._random.uniform(20, 36), lambda day: self._anc(found, day))
        if self._random.random() < 0.08:
            days = self._random.uniform(8, 90)
            self._plan_after(day, days, lambda day: self._end(found, day))
        if self._random.random() < 0.9:  # of the others nobody hears how it went
            days = (found.born_on - day).days + self._random.triangular(1, 25, 5)
            self._plan_after(day, days, lambda day: self._delivery(found, day))

    def _anc(self, found: Pregnancy, day: date) -> list[Filled]:
        if found.over or found.household.moved or day >= found.born_on:
            return []
        self._plan_after(
            day, self._random.triangular(22, 60, 29), lambda day: self._anc(found, day)
        )
        if self._random.random() < 0.14:  # not at home
            return []
        form, sent = pregnancy.anc_visit(self._random, self._pen, self._by, found, day)
        if sent is not None and self._random.random() < 0.78:
            self._plan_after(day, self._random.triangular(3, 30, 8), self._asks(sent))
        return [form]

    def _end(self, found: Pregnancy, day: date) -> list[Filled]:
        if found.over or day >= found.born_on:
            return []
        found.over, found.household.pregnant = True, False
        return [pregnancy.end(self._random, found, day)]

    def _delivery(self, found: Pregnancy, day: date) -> list[Filled]:
        if found.over or found.household.moved or day <= found.born_on:
            return []
        found.over, found.household.pregnant = True, False
        age = (day - found.born_on).days
        for days, often in ((8, 0.85), (20, 0.7), (42, 0.62)):
            if age < days and self._random.random() < often:
                self._plan_after(day, days - age, self._sees(found, last=days == 42))
        return [pregnancy.delivery(self._random, self._pen, found)]

    def _sees(self, found: Pregnancy, *, last: bool) -> Task:
        def task(day: date) -> list[Filled]:
            if found.household.moved or (day - found.born_on).days > 55:
                return []
            return [pregnancy.pnc_visit(self._random, found, day, last=last)]

        return task

    def _asks(self, sent: Referral) -> Task:
        def task(day: date) -> list[Filled]:
            form, settled = referral.follow_up(self._random, self._pen, sent, day)
            if not settled and self._random.random() < 0.6:
                self._plan_after(day, self._random.uniform(5, 20), self._asks(sent))
            return [form]

        return task
