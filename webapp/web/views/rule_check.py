"""Why a rule does or does not match one case (SPEC R26)."""

from __future__ import annotations

from collections.abc import Sequence

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.cases.models import Case
from webapp.errors import NotFound
from webapp.extensions import db
from webapp.history.calendar import Calendar
from webapp.history.case_list import LONGEST, CaseFilter, CaseState, matching
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.explain_case import Explained, explain_case
from webapp.rules.models import Rule
from webapp.rules.queries import definition_of, get_rule
from webapp.web.access import project_route
from webapp.web.forms.rule import CheckForm
from webapp.web.rule_preview import moment_of
from webapp.web.views.rules import rules

#: Cases to choose from, where several have the name.
SHOWN = 20


@rules.get("/a/<project_name>/rules/<rule_id>/check")
@project_route(Right.VIEW)
def check(project: Project, rule_id: str) -> ResponseReturnValue:
    """What the rule finds of one case (`case`, its id), now or `as_of`."""
    session = db.session()
    rule = get_rule(session, project.id, rule_id, deleted=True)
    form = CheckForm(request.args)
    as_of = form.read_as_of(project.timezone)
    case_id = (form.case.data or "").strip()
    explained = None
    if case_id and not form.errors:
        moment = moment_of(project, as_of)
        try:
            definition = definition_of(session, rule)
            explained = explain_case(session, project.id, definition, case_id, moment)
        except NotFound:
            form.case.errors = [_("This project has no case with this id")]
    return _page(project, rule, form, explained=explained, as_of=as_of)


@rules.post("/a/<project_name>/rules/<rule_id>/check")
@project_route(Right.VIEW)
def find_case(project: Project, rule_id: str) -> ResponseReturnValue:
    """Find a case by its id, or by a part of its name among those of the rule's type: 303 to its
    check, or several to choose from. A POST because what people type about persons must not stand
    in an address (SPEC U7); it saves nothing."""
    session = db.session()
    rule = get_rule(session, project.id, rule_id, deleted=True)
    form = CheckForm(request.form)
    as_of = form.read_as_of(project.timezone)
    text = (form.case.data or "").strip()
    if not text:
        form.case.errors = [_("Enter a name or an id")]
    elif len(text) > LONGEST:
        form.case.errors = [_("Search for at most 255 characters")]
    if form.errors:
        return _page(project, rule, form, as_of=as_of)
    found = _cases(project, rule, text)
    if not found:
        form.case.errors = [
            _(
                "No case of type “%(type)s” has this in its name, and none this id.",
                type=rule.case_type,
            )
        ]
    if len(found) == 1:
        case_id, day = found[0].case_id, form.as_of.data or None
        return redirect(url_for("rules.check", rule_id=rule_id, case=case_id, as_of=day), 303)
    return _page(project, rule, form, found=found, as_of=as_of)


def _cases(project: Project, rule: Rule, text: str) -> Sequence[Case]:
    """The case with an id, whatever its type; else those of the rule's type with a name, the last
    changed first. Up to two queries; the second reads the names of all cases of the type."""
    session = db.session()
    calendar = Calendar.of(project)
    everything = CaseFilter(state=CaseState.ANY)
    by_id = matching(project.id, everything, "", calendar).where(Case.case_id == text)
    found = session.scalars(by_id).all()
    if found:
        return found
    of_type = CaseFilter(type=rule.case_type, state=CaseState.ANY)
    named = matching(project.id, of_type, text, calendar).order_by(Case.indexed_on.desc())
    return session.scalars(named.limit(SHOWN + 1)).all()


def _page(
    project: Project,
    rule: Rule,
    form: CheckForm,
    *,
    as_of: int | None,
    explained: Explained | None = None,
    found: Sequence[Case] = (),
) -> ResponseReturnValue:
    return render_template(
        "rules/check.html",
        project=project,
        rule=rule,
        definition=definition_of(db.session(), rule),
        form=form,
        as_of=as_of,
        explained=explained,
        found=found[:SHOWN],
        more_found=len(found) > SHOWN,
    ), 422 if form.errors else 200
