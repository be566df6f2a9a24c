"""One case and one rule: does it match, and what would happen (SPEC R26)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.cases.store import keys_of
from webapp.errors import Invalid, NotFound
from webapp.rules.changes import CaseChange, case_change
from webapp.rules.definition import Definition
from webapp.rules.explain import Explanation, explain
from webapp.rules.moment import Moment
from webapp.rules.no_effect import NoEffect, without_effect
from webapp.rules.view import load, paths_read, paths_written


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation, its effects as before and after, and why they cannot be done, if so: a run
    would count the case as an error (R21). `without_effect` are the updates that do nothing to a
    case that matches."""

    explanation: Explanation
    change: CaseChange
    problem: str | None
    without_effect: tuple[NoEffect, ...] = ()


def explain_case(
    session: Session, project_id: int, definition: Definition, case_id: str, moment: Moment
) -> Explained:
    """Explain a rule for a case that is named by its public id. Writes nothing.

    Raises `NotFound` for a case that the project never had. One query, and two for each step of the
    rule's longest path.
    """
    key = keys_of(session, project_id, {case_id}).get(case_id)
    if key is None:
        raise NotFound(_("There is no case “%(id)s” in this project.", id=case_id))
    paths = paths_read(definition) | paths_written(definition)
    cases = load(session, project_id, [key], paths)
    problem = None
    try:
        explanation = explain(definition, cases, key, moment)
    except Invalid as error:
        problem = error.message
        explanation = explain(replace(definition, actions=()), cases, key, moment)
    idle: tuple[NoEffect, ...] = ()
    if explanation.matches and problem is None:
        idle = without_effect(definition, cases, key, explanation.effects)
    return Explained(explanation, case_change(cases, key, explanation.effects), problem, idle)
