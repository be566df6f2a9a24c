"""Invariant 3, as people mean it: what a preview says is what a run then does, in all its numbers
and for each case."""

from __future__ import annotations

from collections import Counter
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
from webapp.rules import preview as previews
from webapp.rules.changed_cases import changed_cases
from webapp.rules.losing import Losing, Move, losing_of
from webapp.rules.models import Run
from webapp.rules.moment import moment_at
from webapp.rules.preview import Owners, preview
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
def test_of_random_rules_and_cases(
    session: Session, project: Project, seed: int, monkeypatch: pytest.MonkeyPatch
):
    random = Random(seed)
    monkeypatch.setattr(previews, "LARGE", random.choice((0, 50_000)))
    send_world(session, project, dirt.world(random, 30))
    definition = dirt.rule(random)
    as_of = random.choice((None, MOMENT))
    at = moment_at(as_of or now(), "UTC")
    seen = preview(session, project.id, definition, at, shown=1000, owners=Owners.YES)
    listed = changed_cases(session, project.id, definition, at, limit_s=None)
    # Page by page, and one that is asked for by itself.
    first, size = random.randint(0, len(listed)), random.choice((1, 2, 7))
    by_itself = listed.read(first, first + size)
    pages = [listed.read(n, n + size) for n in range(0, len(listed), size)]
    assert [one.change for page in pages for one in page] == list(seen.cases), definition
    assert [one.change for one in by_itself] == list(seen.cases)[first : first + size], definition
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
    assert (seen.losing or Losing()) == losing_of(lost(session, run)), definition


def lost(session: Session, run: Run) -> Counter[Move]:
    """How many cases went from whom to whom; None where they are closed now."""
    rows = session.execute(
        select(CaseTransaction.case, CaseTransaction.change, CaseTransaction.before, Case.owner_id)
        .join(Submission, CaseTransaction.submission == Submission.id)
        .join(Case, Case.id == CaseTransaction.case)
        .where(Submission.project_id == run.project_id, Submission.run_id == run.id)
        .order_by(Submission.received_on)
    ).all()
    now = {case: owner for case, _change, _before, owner in rows}
    first = dict(now)
    for case, change, before, _owner in reversed(rows):
        if "owner_id" in change.get("given", {}):
            first[case] = before.get("owner_id", "")
    closed = {case for case, change, _before, _owner in rows if change.get("closes")}
    return Counter(
        (first[case], None if case in closed else now[case])
        for case in now
        if case in closed or first[case] != now[case]
    )


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
