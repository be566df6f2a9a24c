"""Finding the case that a person means, to check a rule with it (SPEC R26)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from webapp.cases.models import Case
from webapp.extensions import db
from webapp.history.calendar import Calendar
from webapp.history.case_list import LONGEST, CaseFilter, CaseState, matching
from webapp.projects.models import Project
from webapp.web.forms.rule import CheckForm

#: Cases to choose from, where several have the name.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Found:
    """Cases that may be meant, and whether there are `more`."""

    cases: Sequence[Case] = ()
    more: bool = False


def find_cases(project: Project, case_type: str, form: CheckForm) -> Found:
    """The case whose id was typed, whatever its type; else those of the type with that in their
    name, the last changed first. Where there is none, the field says so.

    Up to two queries; the second reads the names of all cases of the type.
    """
    text = (form.case.data or "").strip()
    if not text:
        form.case.errors = [_("Enter a name or an id")]
    elif len(text) > LONGEST:
        form.case.errors = [_("Search for at most 255 characters")]
    if form.case.errors:
        return Found()
    cases = _cases(project, case_type, text)
    if not cases:
        form.case.errors = [
            _(
                "No case of type “%(type)s” has this in its name, and none this id.",
                type=case_type,
            )
        ]
    return Found(cases[:SHOWN], len(cases) > SHOWN)


def _cases(project: Project, case_type: str, text: str) -> Sequence[Case]:
    session = db.session()
    calendar = Calendar.of(project)
    everything = CaseFilter(state=CaseState.ANY)
    by_id = matching(project.id, everything, "", calendar).where(Case.case_id == text)
    found = session.scalars(by_id).all()
    if found:
        return found
    of_type = CaseFilter(type=case_type, state=CaseState.ANY)
    named = matching(project.id, of_type, text, calendar).order_by(Case.indexed_on.desc())
    return session.scalars(named.limit(SHOWN + 1)).all()
