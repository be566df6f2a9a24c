"""Invariant 3, as people mean it: what a preview says is what a run then does, in all its numbers
and for each case."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.rules import dirt
from tests.rules.leftovers import send_world
from tests.rules.running import chunks_of, queued, saved, worked
from tests.rules.worlds import MOMENT
from webapp.cases.models import Case, CaseTransaction
from webapp.clock import now
from webapp.projects.models import Project
from webapp.rules.models import Run
from webapp.rules.moment import moment_at
from webapp.rules.preview import preview
from webapp.submissions.models import Submission

#: What a preview and a run have in common, by the names of both.
NUMBERS = {
    "open_cases": "open_cases",
    "matched": "matched",
    "would_change": "changed",
    "would_close": "closed",
    "related_updates": "related_updates",
    "submissions": "submissions",
    "errors": "errors",
    "unchanged": "unchanged",
}


@pytest.mark.parametrize("seed", range(15))
def test_of_random_rules_and_cases(session: Session, project: Project, seed: int):
    random = Random(seed)
    send_world(session, project, dirt.world(random, 30))
    definition = dirt.rule(random)
    as_of = random.choice((None, MOMENT))
    seen = preview(session, project.id, definition, moment_at(as_of or now(), "UTC"), shown=1000)
    session.rollback()
    with chunks_of(random.choice((1, 3, 1000))):
        run = worked(queued(project, saved(project, definition), as_of=as_of))
    said = [getattr(seen, name) for name in NUMBERS]
    assert said == [getattr(run, name) for name in NUMBERS.values()], definition
    told = [
        (
            case.closes,
            sorted((one.case_id, one.property, one.before, one.after) for one in case.changes),
        )
        for case in seen.cases
    ]
    assert told == did(session, run), definition


def did(session: Session, run: Run) -> list[tuple[bool, list[tuple[str, str, str | None, str]]]]:
    """For each case of the plan that the run changed, in order: whether it was closed, and what
    was written, as (case, property, before, after)."""
    rows = session.execute(
        select(Submission.run_place, Case.case_id, CaseTransaction.change, CaseTransaction.before)
        .join(CaseTransaction, CaseTransaction.submission == Submission.id)
        .join(Case, Case.id == CaseTransaction.case)
        .where(Submission.project_id == run.project_id, Submission.run_id == run.id)
        .order_by(Submission.received_on)
    )
    places: dict[int, tuple[bool, list[tuple[str, str, str | None, str]]]] = {}
    for place, case_id, change, before in rows:
        closes, values = places.get(place, (False, []))
        for name, value in change.get("given", {}).items():
            values.append((case_id, name, before.get(name), value))
        for name, value in change.get("properties", {}).items():
            values.append((case_id, name, before.get("properties", {}).get(name), value))
        places[place] = closes or bool(change.get("closes")), values
    return [(closes, sorted(values)) for _place, (closes, values) in sorted(places.items())]
