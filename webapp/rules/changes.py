"""What would change, or has, as before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.rules.effect import Effect
from webapp.rules.view import Cases


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value before and after; `before` is None where the property was never set. `case_id` may be
    that of a related case."""

    case_id: str
    property: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class CaseChange:
    """What a rule does to one case that matches, and to those that it points to."""

    case_id: str
    name: str
    closes: bool
    changes: tuple[ValueChange, ...]


def case_change(cases: Cases, key: int, effects: Sequence[Effect]) -> CaseChange:
    """The effects on the case `key` and its relatives as before and after."""
    case = cases.known[key]
    return CaseChange(
        case.case_id,
        case.state.name,
        any(effect.closes for effect in effects),
        tuple(change for effect in effects for change in value_changes(cases, effect)),
    )


def value_changes(cases: Cases, effect: Effect) -> list[ValueChange]:
    """The values that an effect sets."""
    case = cases.known[effect.key]
    return [
        ValueChange(case.case_id, name, getattr(case.state, name), value)
        for name, value in effect.given.items()
    ] + [
        ValueChange(case.case_id, name, case.state.properties.get(name), value)
        for name, value in effect.properties.items()
    ]
