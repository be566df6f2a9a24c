"""Running a rule without writing: for rules that write to cases other than the one that matches.

There two cases may write to one parent, and what the first does is there already for the second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from webapp.cases.apply import CaseState
from webapp.cases.models import Case
from webapp.cases.store import batches
from webapp.errors import Invalid
from webapp.rules.changes import CaseChange, case_change
from webapp.rules.compile import narrowed
from webapp.rules.definition import Definition
from webapp.rules.effect import Effect, copies_of, effects
from webapp.rules.family import Family
from webapp.rules.moment import Moment
from webapp.rules.view import Cases, Known, load, paths_read, paths_written


@dataclass(slots=True)
class Totals:
    """What a run counts: cases that match and lead to a form, that are closed, forms about other
    cases, all forms, and cases at fault."""

    changed: int = 0
    closed: int = 0
    related_updates: int = 0
    submissions: int = 0
    errors: int = 0

    def count(self, key: int, done: list[Effect]) -> None:
        """Count what is done for the case `key`."""
        others = sum(effect.key != key for effect in done)
        self.changed += bool(done)
        self.closed += any(effect.closes for effect in done)
        self.related_updates += others
        self.submissions += len(done)


def rehearse(
    session: Session, project_id: int, definition: Definition, moment: Moment, *, shown: int
) -> tuple[Totals, list[CaseChange]]:
    """Count what a run would do, and give the first `shown` cases that it would change.

    Reads all cases that match, a thousand at a time, in the order of a run (R18). Memory grows with
    the cases that would change.
    """
    totals = Totals()
    first: list[CaseChange] = []
    family = Family(project_id)
    in_order = narrowed(family.select(Case.id), family, definition, moment).order_by(
        Case.server_modified_on, Case.id
    )
    changed: dict[int, Known] = {}
    paths = paths_read(definition) | paths_written(definition)
    for keys in batches(session.scalars(in_order).all()):
        cases = load(session, project_id, keys, paths)
        # Values to copy are those of the start, whatever the run has done since (R18).
        copies = {key: copies_of(definition, cases, key) for key in keys}
        cases.known |= {key: known for key, known in changed.items() if key in cases.known}
        for key in keys:
            try:
                done = effects(definition, cases, key, copies[key])
            except Invalid:
                totals.errors += 1
                continue
            if done and len(first) < shown:
                first.append(case_change(cases, key, done))
            totals.count(key, done)
            for effect in done:
                changed[effect.key] = cases.known[effect.key] = _after(cases, effect)
    return totals, first


def _after(cases: Cases, effect: Effect) -> Known:
    known = cases.known[effect.key]
    state: CaseState = replace(
        known.state,
        **effect.given,  # type: ignore[arg-type]  # the names of attributes that are texts
        properties={**known.state.properties, **effect.properties},
        closed=known.state.closed or effect.closes,
    )
    return replace(known, state=state)
