"""What a rule would do, before it does it: previews against SQL by hand that counts the same cases
(DESIGN "Figures")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from bench.match import BY_HAND, RULE, seconds
from bench.panel import Panel, measure_panels
from bench.world import World, parents, world
from webapp.clock import DAY, now
from webapp.extensions import db
from webapp.rules.definition import (
    Close,
    Copy,
    DateIs,
    Definition,
    Match,
    NotModifiedSince,
    PropertyIs,
    Set,
)
from webapp.rules.moment import Moment, moment_at
from webapp.rules.preview import Preview, preview
from webapp.rules.references import parse_reference
from webapp.rules.warnings import warnings_about

#: Seconds for a million cases.
REACH_SECONDS = 2.0

_STATUS, _EDD = parse_reference("status"), parse_reference("edd")
_VISITED = Set(parse_reference("parent/visited"), "yes")
DATES = replace(
    RULE,
    criteria=(
        NotModifiedSince(30),
        DateIs(_EDD, "on_or_after", 60),
        PropertyIs(_STATUS, "equals", "stale"),
    ),
)
_DATES = {
    "sqlite": """SELECT count(*) FROM cases WHERE project_id = :project AND type = 'patient'
        AND NOT closed AND NOT deleted AND server_modified_on < :before
        AND json_extract(properties, '$.status') = 'stale'
        AND json_extract(properties, '$.edd') <= :day
        AND date(json_extract(properties, '$.edd'), '+0 days') = json_extract(properties, '$.edd')
    """,
    "postgresql": """SELECT count(*) FROM cases WHERE project_id = :project AND type = 'patient'
        AND NOT closed AND NOT deleted AND server_modified_on < :before
        AND properties ->> 'status' = 'stale' AND properties ->> 'edd' <= :day
        AND properties ->> 'edd' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'""",
}
#: The rule of CommCare's help page: “Close patients not modified in a year”.
YEAR = replace(RULE, criteria=(NotModifiedSince(365),))
_YEAR = dict.fromkeys(
    ("sqlite", "postgresql"),
    """SELECT count(*) FROM cases WHERE project_id = :project AND type = 'patient'
        AND NOT closed AND NOT deleted AND server_modified_on < :last_year""",
)
ANY = replace(DATES, match=Match.ANY)
_ANY = {
    "sqlite": """SELECT count(*) FROM cases WHERE project_id = :project AND type = 'patient'
        AND NOT closed AND NOT deleted AND (server_modified_on < :before
        OR json_extract(properties, '$.status') = 'stale'
        OR json_extract(properties, '$.edd') <= :day AND
        date(json_extract(properties, '$.edd'), '+0 days') = json_extract(properties, '$.edd'))
    """,
    "postgresql": """SELECT count(*) FROM cases WHERE project_id = :project AND type = 'patient'
        AND NOT closed AND NOT deleted AND (server_modified_on < :before
        OR properties ->> 'status' = 'stale' OR properties ->> 'edd' <= :day
        AND properties ->> 'edd' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$')""",
}
RULES = (
    ("not modified for a year; close", YEAR, _YEAR),
    ("three properties; close", RULE, BY_HAND),
    (
        "the same; set and copy a value",
        replace(RULE, actions=(Set(_STATUS, "lost"), Copy(parse_reference("seen"), _EDD))),
        BY_HAND,
    ),
    ("not modified, date, property; close", DATES, _DATES),
    ("any of not modified, date, property; close", ANY, _ANY),
    (
        "three properties; close, and write to the parent",
        replace(RULE, actions=(Close(), _VISITED)),
        BY_HAND,
    ),
)


@dataclass(frozen=True)
class Previewed:
    """A rule: seconds, the best of some, and the memory that the preview took at its peak, in MB
    (None where that cannot be measured)."""

    rule: str
    matched: int
    took: float
    by_hand: float
    memory: float | None


@dataclass(frozen=True)
class Previews:
    """What was measured on a database: in the process, and the panel of the form over HTTP.
    `misspelled`: seconds to say that no case has a property."""

    database: str
    cases: int
    found: tuple[Previewed, ...]
    misspelled: float
    panels: tuple[Panel, ...]


def measure(database: str, *, cases: int) -> Previews:
    """Fill a project, a hundred cases to each parent, and measure in it."""
    with world(database, cases) as there:
        parents(there)
        return measured(there)


def measured(there: World) -> Previews:
    """In turns with SQL by hand, so that both meet the same machine."""
    moment = moment_at(now(), "UTC")
    found = tuple(
        _measured(there, name, rule, by_hand[there.database], moment)
        for name, rule, by_hand in RULES
    )
    wrong = replace(RULE, criteria=(PropertyIs(parse_reference("statsu"), "equals", "stale"),))
    session = db.session()
    misspelled = min(
        seconds(lambda: warnings_about(session, there.project_id, wrong) and None)
        for _ in range(there.times)
    )
    session.rollback()
    shown = (RULES[0], *RULES[3:])
    panels = measure_panels(there, [(name, rule) for name, rule, _by_hand in shown])
    return Previews(there.database, there.cases, found, misspelled, panels)


def _measured(there: World, name: str, rule: Definition, by_hand: str, moment: Moment) -> Previewed:
    session = db.session()
    all_values = {
        "project": there.project_id,
        "before": moment.now - 30 * DAY,
        "last_year": moment.now - 365 * DAY,
        "day": (moment.today - timedelta(days=60)).isoformat(),
    }
    values = {name: value for name, value in all_values.items() if f":{name}" in by_hand}
    seen: list[Preview] = []
    counted: list[int] = []

    def look() -> None:
        seen.append(preview(session, there.project_id, rule, moment, limit_s=None))

    def hand() -> None:
        counted.append(session.scalar(text(by_hand), values) or 0)

    forget_peak()
    before = peak()
    look()
    memory = None if before is None else (peak() or before) - before
    times = [(seconds(look), seconds(hand)) for _ in range(there.times)]
    session.rollback()
    if {one.matched for one in seen} != set(counted):
        raise RuntimeError(f"{name}: the two do not count the same: {seen}, {counted}")
    return Previewed(
        name,
        counted[0],
        min(one for one, _ in times),
        min(other for _, other in times),
        memory,
    )


_STATUS_FILE, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Let `peak` begin anew, on Linux."""
    if _FORGET.exists():
        _FORGET.write_text("5")


def peak() -> float | None:
    """The most memory that this process had since then, in MB; None where that is not told."""
    if not _FORGET.exists():
        return None
    (line,) = (one for one in _STATUS_FILE.read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1000
