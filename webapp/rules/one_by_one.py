"""What a rule changes of one case after the other, each as those before it have left it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from webapp.cases.apply import CaseState
from webapp.rules.changes import CaseChange, case_change
from webapp.rules.definition import Definition
from webapp.rules.effect import Effect, copies_of, effects
from webapp.rules.view import Cases, Known

#: The values that the copies of a rule find from each case, by its key.
Copies = Mapping[int, Sequence[str | None]]


def copies_of_all(definition: Definition, cases: Cases, keys: Sequence[int]) -> Copies:
    """Values to copy are those of the start, whatever is done since (R18)."""
    return {key: copies_of(definition, cases, key) for key in keys}


def changes_one_by_one(
    definition: Definition, cases: Cases, keys: Sequence[int], copies: Copies
) -> list[CaseChange]:
    """What changes of cases that are known, in this order; `cases` are then as it leaves them.
    Raises `Invalid` where a case cannot be changed. No queries."""
    found = []
    for key in keys:
        done = effects(definition, cases, key, copies[key])
        found.append(case_change(cases, key, done))
        for effect in done:
            cases.known[effect.key] = _after(cases, effect)
    return found


def _after(cases: Cases, effect: Effect) -> Known:
    known = cases.known[effect.key]
    state: CaseState = replace(
        known.state,
        **effect.given,  # type: ignore[arg-type]  # the names of attributes that are texts
        properties={**known.state.properties, **effect.properties},
        closed=known.state.closed or effect.closes,
    )
    return replace(known, state=state)
