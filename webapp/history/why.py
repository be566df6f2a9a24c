"""Why a rule wrote a form: the rule, its version and its run, and how the case met the conditions
(SPEC U9, R15, R18)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from webapp.cases.models import CaseTransaction
from webapp.history.before import Before, cases_before, rewritten_since, touched_between
from webapp.joins import row_of
from webapp.rules.definition import Definition
from webapp.rules.explain import Explanation, explain
from webapp.rules.models import Rule, RuleVersion, Run, RunCase
from webapp.rules.moment import Moment
from webapp.rules.queries import definition_of
from webapp.rules.since import on_the_way
from webapp.rules.view import Cases, paths_read
from webapp.submissions.models import Submission


@dataclass(frozen=True, slots=True)
class Why:
    """A rule's form, explained.

    `related`: the form is about another case than the one that matched, which is `case_id`, with
    the name that it had; both None where the matched case is not known any more. `explanation` is
    of that case as it was before the form, as its forms say now; `rewritten` tells that these are
    not what they were then.
    """

    rule: Rule
    run: Run
    definition: Definition
    related: bool
    case_id: str | None = None
    case_name: str | None = None
    explanation: Explanation | None = None
    rewritten: bool = False


def why(session: Session, submission: Submission) -> Why | None:
    """Explain a form that a rule wrote; None for any other. About eight queries, and two for each
    step of the paths that the rule reads; grows with the forms of the cases that it read."""
    if submission.run_id is None:
        return None
    rule, run, version = session.execute(
        select(Rule, Run, RuleVersion)
        .join(Run, (Run.project_id == Rule.project_id) & (Run.rule == Rule.id))
        .join(
            RuleVersion,
            (RuleVersion.project_id == Run.project_id) & (RuleVersion.id == Run.version),
        )
        .where(Run.project_id == submission.project_id, Run.id == submission.run_id)
    ).one()
    definition = definition_of(session, version)
    found = Why(rule, run, definition, related=bool(submission.run_part))
    key = _matched_case(session, submission)
    if key is None or run.matched_at is None or run.planned_on is None or run.today is None:
        return found
    place, cases = _as_read(session, submission, run.planned_on, key, definition)
    moment = Moment(run.matched_at, date.fromisoformat(run.today))
    # Without the actions: what they did stands in the forms.
    explanation = explain(replace(definition, actions=()), cases, key, moment)
    return replace(
        found,
        case_id=cases.known[key].case_id,
        case_name=cases.known[key].state.name,
        explanation=explanation,
        rewritten=rewritten_since(session, place, _read(cases, key, definition)),
    )


def _matched_case(session: Session, submission: Submission) -> int | None:
    """The key of the case that matched: this form's, or that of the form about it, or else what the
    plan says while it is there."""
    first = aliased(Submission)
    key = session.scalar(
        select(CaseTransaction.case)
        .join(
            first,
            row_of(first, CaseTransaction.submission, CaseTransaction.project_id),
        )
        .where(
            first.project_id == submission.project_id,
            first.run_id == submission.run_id,
            first.run_place == submission.run_place,
            first.run_part == 0,
        )
    )
    if key is not None:
        return key
    return session.scalar(
        select(RunCase.case).where(
            RunCase.project_id == submission.project_id,
            RunCase.run == submission.run_id,
            RunCase.place == submission.run_place,
        )
    )


def _as_read(
    session: Session, submission: Submission, planned_on: int, key: int, definition: Definition
) -> tuple[Before, Cases]:
    """The cases as the run looked at them. What it wrote itself it saw only where something else
    had changed them since its plan (R18)."""
    paths = paths_read(definition)
    place = Before(submission.project_id, submission.received_on, submission.run_id)
    cases = cases_before(session, place, key, paths)
    if touched_between(session, place, _read(cases, key, definition), planned_on):
        place = replace(place, without_run=None)
        cases = cases_before(session, place, key, paths)
    return place, cases


def _read(cases: Cases, key: int, definition: Definition) -> Collection[int]:
    return {key, *on_the_way(cases, key, paths_read(definition))}
