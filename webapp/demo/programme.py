"""All that a programme sends in two years, in the order in which it arrives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from random import Random

from webapp.clock import Micros
from webapp.demo import app_forms, hours
from webapp.demo.phone import Phone
from webapp.demo.rounds import Done, Rounds
from webapp.demo.staff import Promoter, promoters
from webapp.demo.xform import Meta, form_of, uuid_of, xml_of
from webapp.submissions.receive import Incoming


@dataclass(frozen=True, slots=True)
class Size:
    """How large a programme is: its mobile workers and days."""

    promoters: int = 60
    days: int = 730


@dataclass(frozen=True, slots=True)
class Sent:
    """A form on its way to the server, and when it arrives."""

    at: Micros
    by: Promoter
    done: Done
    meta: Meta

    def xml(self) -> bytes:
        """Its bytes."""
        return xml_of(self.done.filled, self.meta)

    def incoming(self) -> Incoming:
        """The same as it is read. A quarter of the whole time would go into reading what has just
        been written; a test holds this against that."""
        xml = self.xml()
        return Incoming(
            xml, hashlib.sha256(xml).hexdigest(), form_of(self.done.filled, self.meta), None
        )


class Programme:
    """A programme up to an instant: the same each time for a seed, a size and that instant."""

    def __init__(self, seed: int, until: Micros, size: Size) -> None:
        self.seed = seed
        self.until = until
        self.last = hours.day_of(until)
        self.first = self.last - timedelta(days=size.days)
        self.promoters = promoters(self.random("staff"), size.promoters, self.first, self.last)

    def random(self, of: str) -> Random:
        """The dice of one part, so that a change in another does not turn them."""
        return Random(f"{self.seed} {of}")

    @cached_property
    def sent(self) -> list[Sent]:
        """Every form that has arrived, in order. Some seconds."""
        everything = [sent for one in self.promoters for sent in self._sent_by(one)]
        return sorted(everything, key=lambda sent: sent.at)

    def _sent_by(self, by: Promoter) -> Iterator[Sent]:
        random = self.random(by.username)
        rounds, phone = Rounds(by, random), Phone(random)
        late = random.randrange(40)  # days until they get a new version of the app
        clock = _Clock(by, self.first)
        for day, done in rounds.days(self.last):
            version = app_forms.app_version(max(0, (day - self.first).days - late))
            for at, form in phone.evening(day, done):
                if at >= self.until:
                    return
                meta = Meta(
                    instance_id=uuid_of(random),
                    user_id=by.user_id,
                    username=by.username,
                    device_id=phone.device_id,
                    begun=clock.shown(form.begun),
                    ended=clock.shown(form.ended),
                    app_version=version,
                )
                yield Sent(at, by, form, meta)


class _Clock:
    """The clock of a phone. That of one was back in 2012 for two weeks, when its battery had been
    taken out."""

    def __init__(self, by: Promoter, first: date) -> None:
        self._wrong = by.number == 23
        self._from = hours.instant(first + timedelta(days=400), 0)
        self._until = hours.instant(first + timedelta(days=415), 0)

    def shown(self, at: Micros) -> Micros:
        if self._wrong and self._from <= at < self._until:
            return at - self._from + hours.instant(date(2012, 1, 1), 180)
        return at
