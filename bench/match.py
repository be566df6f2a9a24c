"""Which cases match: the compiled rule against SQL that was written by hand (DESIGN "Figures")."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select, text

from bench.world import World, world
from webapp.clock import now
from webapp.extensions import db
from webapp.rules.compile import matching
from webapp.rules.definition import Close, Definition, Match, PropertyIs
from webapp.rules.moment import moment_at
from webapp.rules.references import parse_reference

#: × hand-written SQL, at most; and seconds for a million cases.
REACH_RATIO = 1.2
REACH_SECONDS = 1.5

RULE = Definition(
    "Close stale patients",
    "patient",
    Match.ALL,
    (
        PropertyIs(parse_reference("status"), "equals", "stale"),
        PropertyIs(parse_reference("risk"), "not_equals", "high"),
        PropertyIs(parse_reference("village"), "has_value"),
    ),
    (Close(),),
)

BY_HAND = {
    "sqlite": """SELECT count(*) FROM cases WHERE project_id = :project AND type = 'patient'
        AND NOT closed AND NOT deleted AND json_extract(properties, '$.status') = 'stale'
        AND coalesce(json_extract(properties, '$.risk'), '') <> 'high'
        AND trim(json_extract(properties, '$.village')) <> ''""",
    "postgresql": """SELECT count(*) FROM cases WHERE project_id = :project AND type = 'patient'
        AND NOT closed AND NOT deleted AND properties ->> 'status' = 'stale'
        AND coalesce(properties ->> 'risk', '') <> 'high'
        AND btrim(properties ->> 'village') <> ''""",
}


@dataclass(frozen=True)
class Matched:
    """Seconds, the best of some."""

    database: str
    cases: int
    matched: int
    rule: float
    by_hand: float


def measure(database: str, *, cases: int) -> Matched:
    """Fill a project and measure in it."""
    with world(database, cases) as there:
        return measured(there)


def measured(there: World) -> Matched:
    """In turns, so that both meet the same machine."""
    moment = moment_at(now(), "UTC")
    session = db.session()
    inner = matching(there.project_id, RULE, moment).subquery()
    counting = select(func.count()).select_from(inner)
    by_hand = text(BY_HAND[there.database])
    found: list[int] = []

    def rule() -> None:
        found.append(session.scalar(counting) or 0)

    def hand() -> None:
        found.append(session.scalar(by_hand, {"project": there.project_id}) or 0)

    times = [(seconds(rule), seconds(hand)) for _ in range(4)]
    if len(set(found)) != 1:
        raise RuntimeError(f"the two do not count the same: {found}")
    session.rollback()
    return Matched(
        there.database,
        there.cases,
        found[0],
        min(one for one, _ in times),
        min(other for _, other in times),
    )


def seconds(work: Callable[[], None]) -> float:
    """How long something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
