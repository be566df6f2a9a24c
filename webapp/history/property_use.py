"""In how many open cases a property is filled in: exactly, or not at all (SPEC U3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from webapp.clock import Tick
from webapp.errors import TooSlow
from webapp.history.kept import Kept
from webapp.rules.compile import of_type
from webapp.rules.family import Family
from webapp.rules.layers import apart
from webapp.rules.operators import has_value
from webapp.rules.references import Reference
from webapp.rules.sql import IsDate, IsNumber
from webapp.time_limit import time_limit

#: Counting may take this long in all, in seconds.
LIMIT_S = 5.0
#: As long as nothing was written in the project a count stays right. Else it is kept so many times
#: as long as it took: a form asks again at each change, and must not count all the time.
KEPT_TIMES = 20.0
#: What was too slow is not tried again for so many seconds.
SLOW_S = 60.0
#: So many properties are counted first. Reading the cases costs as much as counting so many; what
#: is begun then shall take no more than this part of the time that is left.
FIRST, READING, SURELY = 5, 15, 0.8

#: As what the values are read.
READABLE: Mapping[str, Callable[[ColumnElement[Any]], ColumnElement[bool]]] = {
    "date": IsDate,
    "number": IsNumber,
}


@dataclass(frozen=True, slots=True)
class Read:
    """A property that is read: as a text (`kind` ""), or as a `date` or a `number`."""

    reference: Reference
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """Of the open cases of a type, those where a property has a value that is not blank; of these,
    those where it cannot be read as what it is read."""

    open_cases: int
    filled: int
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class _Counted:
    tick: int
    until: float
    use: Use


_counted: Kept[_Counted] = Kept()
_slow: Kept[float] = Kept()


def uses_of(
    session: Session, project_id: int, case_type: str, wanted: Iterable[Read], *, limit_s: float
) -> dict[Read, Use]:
    """The counts of properties, without those for which the time was too short.

    The first of `wanted` are counted first. Two queries or a few for those that are of the cases
    themselves, and one for each that is of another case; none for what was counted a moment ago.
    Not for a transaction that writes.
    """
    tick = session.scalar(select(Tick.last).where(Tick.project_id == project_id)) or 0
    found: dict[Read, Use] = {}
    missing: list[Read] = []
    for one in dict.fromkeys(wanted):
        kept = _counted.get(session, (project_id, case_type, one))
        if kept is not None and (kept.tick == tick or time.monotonic() < kept.until):
            found[one] = kept.use
        elif (_slow.get(session, (project_id, case_type, one)) or 0.0) < limit_s:
            missing.append(one)
    if not missing or limit_s <= 0:
        return found
    tried = missing  # where not even the first can be counted, none is tried again soon
    until = time.monotonic() + limit_s
    try:
        with time_limit(session, limit_s, "") as limit:
            for some in _groups(missing, until):
                limit.renew()
                tried = tried or some
                began = time.monotonic()
                uses = _count(session, project_id, case_type, some)
                took = time.monotonic() - began
                for one, use in zip(some, uses, strict=True):
                    found[one] = use
                    counted = _Counted(tick, time.monotonic() + took * KEPT_TIMES, use)
                    _counted.keep(session, (project_id, case_type, one), counted, 3600.0)
                tried = []
    except TooSlow:
        for one in tried:
            _slow.keep(session, (project_id, case_type, one), limit_s, SLOW_S)
    return found


def _groups(missing: Sequence[Read], until: float) -> Iterator[list[Read]]:
    """What to count at once: a few properties of the cases themselves, then as many as there is
    probably time for, which is over at `until`; each of another case alone. Those for which there
    is no time are left to the next who asks."""
    own = [one for one in missing if not one.reference.path]
    size = FIRST
    while own and size > 0:
        some, own = own[:size], own[size:]
        began = time.monotonic()
        yield some
        now = time.monotonic()
        of_one = (now - began) / (READING + len(some)) or 1e-9
        size = min(len(own), int((until - now) * SURELY / of_one) - READING)
    for one in missing:
        if one.reference.path:
            yield [one]


def _count(session: Session, project_id: int, case_type: str, some: Sequence[Read]) -> list[Use]:
    """One query. Each value is looked up once, however often it is asked about."""
    family = Family(project_id)
    values = [family.text(one.reference).label(f"value{n}") for n, one in enumerate(some)]
    inner = apart(session, of_type(family.select(*values), case_type)).subquery()
    counts: list[ColumnElement[int]] = [func.count()]
    for n, one in enumerate(some):
        value = inner.c[f"value{n}"]
        is_filled = has_value(value)
        counts.append(func.count().filter(is_filled))
        if one.kind:
            counts.append(func.count().filter(and_(is_filled, ~READABLE[one.kind](value))))
    open_cases, *rest = session.execute(select(*counts).select_from(inner)).one()
    numbers = iter(rest)
    return [Use(open_cases, next(numbers), next(numbers) if one.kind else 0) for one in some]
