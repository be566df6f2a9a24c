"""Why a rule does or does not match one case (SPEC R26)."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.errors import NotFound
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.explain_case import Explained, explain_case
from webapp.rules.models import Rule
from webapp.rules.queries import definition_of, get_rule
from webapp.web.access import project_route
from webapp.web.find_case import Found, find_cases
from webapp.web.forms.rule import CheckForm
from webapp.web.rule_preview import moment_of
from webapp.web.views.rules import rules


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
    found = find_cases(project, rule.case_type, form)
    if len(found.cases) == 1 and not form.errors:
        case_id, day = found.cases[0].case_id, form.as_of.data or None
        return redirect(url_for("rules.check", rule_id=rule_id, case=case_id, as_of=day), 303)
    return _page(project, rule, form, found=found, as_of=as_of)


def _page(
    project: Project,
    rule: Rule,
    form: CheckForm,
    *,
    as_of: int | None,
    explained: Explained | None = None,
    found: Found | None = None,
) -> ResponseReturnValue:
    return render_template(
        "rules/check.html",
        project=project,
        rule=rule,
        definition=definition_of(db.session(), rule),
        form=form,
        as_of=as_of,
        explained=explained,
        found=found or Found(),
    ), 422 if form.errors else 200
