"""The one clock, and the project's tick.

Instants are integers: microseconds since 1970-01-01 in UTC. Both databases add and compare them
alike, which timestamps as text or with mixed precision do not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ForeignKey, bindparam, case, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.extensions import Base

Micros = int

SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND
HOUR: Micros = 60 * MINUTE
DAY: Micros = 24 * HOUR

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Tick(Base):
    """The last tick that a project has given out: one row per project.

    It stands apart from `project` so that taking a tick never touches the project's own row,
    which every foreign key check reads.
    """

    __tablename__ = "tick"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    last: Mapped[Micros] = mapped_column(BigInteger)


#: How far `now()` is from the machine's clock: see `pretend`.
_moved: ContextVar[Micros] = ContextVar("casekeeper_clock_moved", default=0)


def now() -> Micros:
    """The present instant. The only place that asks the machine for it."""
    return time.time_ns() // 1000 + _moved.get()


@contextmanager
def pretend(at: Micros) -> Iterator[None]:
    """Let `now()` be `at` and go on from there, in this block and thread alone.

    For tests, and for the demonstration project, whose two years are made in seconds. Ticks still
    rise: a project whose last one is later goes on behind that.
    """
    token = _moved.set(at - time.time_ns() // 1000)
    try:
        yield
    finally:
        _moved.reset(token)


def take_ticks(session: Session, project_id: int, count: int = 1) -> Micros:
    """Reserve `count` consecutive ticks of a project and return the first (SPEC S3, I3).

    Ticks are `max(now, last + 1 µs)`. The row stays locked until the commit, so they are unique and
    increase in the order of commits. It must be the **last** lock that a transaction takes: cases
    first, then this, then only writes. One statement.
    """
    last = session.connection().scalar(TAKE, wanted_ticks(project_id, count))
    if last is None:
        raise LookupError(f"project {project_id} has no tick")
    return last - (count - 1)


def wanted_ticks(project_id: int, count: int = 1) -> dict[str, int]:
    """What to execute `TAKE` with."""
    return {"of": project_id, "at": now(), "more": count - 1}


#: Takes ticks and gives the last one, as `last`.
TAKE = (
    update(Tick.__table__)  # type: ignore[arg-type]  # a Table, as its class says
    .where(Tick.project_id == bindparam("of"))
    .values(
        last=case((Tick.last >= bindparam("at"), Tick.last + 1), else_=bindparam("at"))
        + bindparam("more")
    )
    .returning(Tick.last)
)


def take_ticks_at(
    session: Session, project_id: int, wanted: Sequence[tuple[Micros, int]]
) -> list[Micros]:
    """Reserve ticks as `take_ticks` would at each of several instants, one after the other.

    `wanted` are instants with the number of consecutive ticks; gives the first of each. Two
    statements.
    """
    last = session.connection().scalar(
        select(Tick.last).where(Tick.project_id == project_id).with_for_update()
    )
    if last is None:
        raise LookupError(f"project {project_id} has no tick")
    firsts = []
    for at, count in wanted:
        firsts.append(max(at, last + 1))
        last = firsts[-1] + count - 1
    session.connection().execute(
        update(Tick.__table__).where(Tick.project_id == project_id).values(last=last)  # type: ignore[arg-type]  # a Table, as its class says
    )
    return firsts


#: A last tick that is further ahead of the clock was given out while the clock was wrong.
AHEAD: Micros = MINUTE


def last_tick(session: Session, project_id: int) -> Micros:
    """The last tick given out (0 in a new project). One query."""
    return session.scalar(select(Tick.last).where(Tick.project_id == project_id)) or 0


def to_datetime(micros: Micros) -> datetime:
    """The same instant, aware and in UTC. Raises OverflowError outside years 1 to 9999."""
    return EPOCH + timedelta(microseconds=micros)


def from_datetime(moment: datetime) -> Micros:
    """An aware datetime as microseconds."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def iso(micros: Micros) -> str:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ`, always with six digits."""
    return to_datetime(micros).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def start_of_day(day: date, zone: ZoneInfo) -> Micros:
    """The instant at which a calendar day begins in a time zone."""
    return from_datetime(datetime(day.year, day.month, day.day, tzinfo=zone))
