"""All cases that a rule would change, of a saved rule and of one that is being written (SPEC U3,
R25)."""

from __future__ import annotations

from collections.abc import Callable

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.errors import TooSlow
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.definition import Definition
from webapp.rules.queries import definition_of, get_rule
from webapp.web.access import project_route
from webapp.web.changed_page import changed_csv, changed_page
from webapp.web.forms.rule import RunForm
from webapp.web.forms.rule_problems import problems_of, show_problems
from webapp.web.forms.rules import RuleForm, typed_form
from webapp.web.rule_form_page import AGAIN, form_page, rule_in
from webapp.web.rule_preview import Shown, rule_in_form
from webapp.web.typed import shown_again_by
from webapp.web.views.rules import rules

#: What the buttons of the page send, and is not part of what was typed.
_OURS = {"csrf_token", "before", "after", "say", "add", "remove", "up", "down", "open", "chosen"}


@rules.get("/a/<project_name>/rules/<rule_id>/preview/cases")
@project_route(Right.VIEW)
def cases(project: Project, rule_id: str) -> ResponseReturnValue:
    """Those of a saved rule now, or `as_of`, page by page (`after`, `before`)."""
    form = RunForm(request.args)
    as_of = form.read_as_of(project.timezone)
    session = db.session()
    rule = get_rule(session, project.id, rule_id)
    if form.errors:
        return _said_there(rule_id, form)
    definition = definition_of(session, rule)
    page = changed_page(session, project, definition, as_of, request.args)
    return render_template(
        "rules/cases.html",
        project=project,
        rule=rule,
        name=rule.name,
        definition=definition,
        page=page,
        as_of=as_of,
        as_of_text=form.as_of.data or None,
    )


@rules.get("/a/<project_name>/rules/<rule_id>/preview/cases.csv")
@project_route(Right.VIEW)
def cases_csv(project: Project, rule_id: str) -> ResponseReturnValue:
    """The same as a file."""
    form = RunForm(request.args)
    as_of = form.read_as_of(project.timezone)
    session = db.session()
    rule = get_rule(session, project.id, rule_id)
    if form.errors:
        return _said_there(rule_id, form)
    return changed_csv(session, project, definition_of(session, rule), as_of)


@rules.post("/a/<project_name>/rules/preview/cases")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def unsaved_cases(project: Project) -> ResponseReturnValue:
    """Those of the rule in the form, which goes along from page to page. Saves nothing."""

    def page(form: RuleForm, definition: Definition, as_of: int | None) -> ResponseReturnValue:
        rule = rule_in(project, form)
        return render_template(
            "rules/cases.html",
            project=project,
            rule=rule,
            name=(form.name.data or "").strip(),
            definition=definition,
            page=changed_page(db.session(), project, definition, as_of, request.form),
            as_of=as_of,
            typed=[pair for pair in request.form.items(multi=True) if pair[0] not in _OURS],
        )

    return _of_form(project, page)


@rules.post("/a/<project_name>/rules/preview/cases.csv")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def unsaved_cases_csv(project: Project) -> ResponseReturnValue:
    """The same as a file."""
    return _of_form(
        project,
        lambda _form, definition, as_of: changed_csv(db.session(), project, definition, as_of),
    )


def _said_there(rule_id: str, form: RunForm) -> ResponseReturnValue:
    """To the preview, which says what is wrong with the date."""
    return redirect(url_for("rules.preview", rule_id=rule_id, as_of=form.as_of.data), 303)


def _of_form(
    project: Project,
    answer: Callable[[RuleForm, Definition, int | None], ResponseReturnValue],
) -> ResponseReturnValue:
    """An answer for the rule in the form; the form again, with the reason in its panel, where it
    lacks something or is too slow."""
    form = typed_form(request.form)
    as_of = form.read_as_of(project.timezone)
    data, problems = rule_in_form(form)
    rule = rule_in(project, form)
    if data is None or form.as_of.errors:
        wrong = typed_form(request.form)
        show_problems(wrong, problems)
        wrong.as_of.errors = form.as_of.errors
        return form_page(project, form, rule, preview=Shown(missing=tuple(problems_of(wrong))))
    try:
        return answer(form, data.definition, as_of)
    except TooSlow as error:
        return form_page(project, form, rule, preview=Shown(failed=error.message))
