"""What a look at some of the open cases of a type tells: the values that properties often have, and
the types of the cases that they lead to (SPEC U3, R7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cases.models import OPEN, Case
from webapp.history.kept import Kept
from webapp.rules.view import Path, load

#: So many of the oldest and of the newest open cases are looked at, for values and for types; what
#: was seen is kept so long, in seconds.
VALUES_OF, TYPES_OF, KEPT_S = 500, 100, 60.0
#: A value with more characters, or that fewer cases have, may be a person's: it is not shown.
LONGEST, FEWEST = 30, 3
#: A property with so many different values is no choice; and where these make up less of what is
#: filled in, in per cent, most values are somebody's own.
DIFFERENT, MOSTLY = 50, 80
SHOWN = 4

_values: Kept[Mapping[str, tuple[str, ...]]] = Kept(100)
_types: Kept[tuple[str, ...]] = Kept(500)


def frequent_values(
    session: Session, project_id: int, case_type: str
) -> Mapping[str, tuple[str, ...]]:
    """The most frequent values of those properties of a type that have few different ones, by name:
    of choices, and never of names of people. Two queries of at most `VALUES_OF` cases."""
    kept = _values.get(session, (project_id, case_type))
    if kept is not None:
        return kept
    seen: dict[str, Counter[str]] = {}
    for properties in _some(session, project_id, case_type, VALUES_OF).values():
        for name, value in properties.items():
            if value.strip():
                seen.setdefault(name, Counter())[value] += 1
    found = {name: shown for name, values in seen.items() if (shown := _shown(values))}
    return _values.keep(session, (project_id, case_type), found, KEPT_S)


def _shown(values: Counter[str]) -> tuple[str, ...]:
    """Those of a property's values that may be shown."""
    often = {
        value: count
        for value, count in values.most_common()
        if count >= FEWEST and len(value) <= LONGEST
    }
    if len(values) > DIFFERENT or sum(often.values()) * 100 < values.total() * MOSTLY:
        return ()
    return tuple(often)[:SHOWN]


def types_at(session: Session, project_id: int, case_type: str, path: Path) -> tuple[str, ...]:
    """The types of the cases that a path leads to from open cases of a type, commonest first. Two
    queries, and two for each step."""
    if not path:
        return (case_type,) if case_type else ()
    if not case_type:
        return ()
    kept = _types.get(session, (project_id, case_type, path))
    if kept is not None:
        return kept
    keys = list(_some(session, project_id, case_type, TYPES_OF))
    cases = load(session, project_id, keys, [path]) if keys else None
    found = Counter[str]()
    for key in keys:
        other = None if cases is None else cases.follow(key, path)
        if cases is not None and other is not None:
            found[cases.known[other].state.type] += 1
    types = tuple(name for name, _count in found.most_common() if name)
    return _types.keep(session, (project_id, case_type, path), types, KEPT_S)


def _some(
    session: Session, project_id: int, case_type: str, count: int
) -> dict[int, dict[str, str]]:
    """Keys and properties of the oldest and the newest open cases of a type."""
    rows = select(Case.id, Case.properties).where(
        Case.project_id == project_id, Case.type == case_type, *OPEN
    )
    return {
        row.id: row.properties
        for order in (Case.id, Case.id.desc())
        for row in session.execute(rows.order_by(order).limit(count))
    }
