"""Phones, and when what they hold arrives: some of it at once, some when there is a network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from webapp.clock import SECOND, Micros
from webapp.demo import hours
from webapp.demo.rounds import Done
from webapp.demo.xform import uuid_of

#: What share of the phones is where, and how often those of each send their forms of a day.
_NETWORK = ((0.58, 1.0), (0.28, 0.7), (0.14, 0.22))


class Phone:
    """One phone. Forms leave it in the order in which they were filled in."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.device_id = f"commcare_{uuid_of(random)}"
        _, self._often = random.choices(_NETWORK, [share for share, _ in _NETWORK])[0]
        self._waiting: list[Done] = []
        self._sent_on: Micros = 0
        self._broken_until = date.min

    def evening(self, day: date, done: list[Done]) -> Iterator[tuple[Micros, Done]]:
        """What arrives on a day on which this was done, and when. What is left waits."""
        random = self._random
        if day > self._broken_until and random.random() < 0.0023:
            # No credit, no charge, or lent to somebody: weeks at times.
            self._broken_until = day + timedelta(days=round(random.triangular(3, 26, 6)))
        if day <= self._broken_until:
            self._waiting += done
            return
        if self._often == 1.0 and random.random() < 0.93:
            for form in done:
                self._waiting.append(form)
                yield from self._send(form.ended + round(random.expovariate(1 / 20) * SECOND))
            return
        self._waiting += done
        if self._waiting and random.random() < self._often:
            yield from self._send(hours.instant(day, random.triangular(1000, 1275, 1120)))

    def _send(self, at: Micros) -> Iterator[tuple[Micros, Done]]:
        waiting, self._waiting = self._waiting, []
        for form in waiting:
            at = max(at, form.ended, self._sent_on)
            self._sent_on = at = at + round(self._random.uniform(1.4, 5.5) * SECOND)
            yield at, form
