"""Trying a rule that is being written on one case (SPEC U3, R26)."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.errors import NotFound
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.definition import Definition
from webapp.rules.explain_case import Explained, explain_case
from webapp.web.access import project_route
from webapp.web.find_case import Found, find_cases
from webapp.web.forms.rule_problems import problems_of, show_problems
from webapp.web.forms.rules import RuleForm, typed_form
from webapp.web.htmx import render_page_or_fragment, trigger
from webapp.web.rule_form_page import AGAIN, form_context, rule_in
from webapp.web.rule_preview import conditions_in_form, moment_of
from webapp.web.typed import shown_again_by
from webapp.web.views.rules import rules


@dataclass(frozen=True, slots=True)
class Checked:
    """A case and the rule in the form: cases that may be meant; or what the rule still lacks
    (sentences with the ids of fields); or why it matches the case or not."""

    found: Found = field(default_factory=Found)
    missing: tuple[tuple[str, str], ...] = ()
    definition: Definition | None = None
    explained: Explained | None = None


@rules.post("/a/<project_name>/rules/check")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def check_unsaved(project: Project) -> ResponseReturnValue:
    """Find the case that was typed, or take the one that was chosen (`chosen`), and say what the
    rule makes of it. A POST because what people type about persons must not stand in an address
    (SPEC U7); it saves nothing."""
    form = typed_form(request.form)
    as_of = form.read_as_of(project.timezone)
    found = Found()
    form.checked.data = request.form.get("chosen", "")
    if not form.checked.data:
        found = find_cases(project, (form.case_type.data or "").strip(), form)
        if len(found.cases) == 1:
            form.checked.data = found.cases[0].case_id
    checked = Checked(found)
    if form.checked.data:
        checked = checked_case(project, form, as_of)
    rule = rule_in(project, form)
    answer = render_page_or_fragment(
        "rules/edit.html",
        "rules/_check.html",
        **form_context(project, form, rule),
        checked=checked,
        as_of=as_of,
        problems=list(problems_of(form)),
    )
    said = said_of(checked) or " ".join(form.case.errors)
    return trigger(answer, "announce", said) if said else answer


def checked_case(project: Project, form: RuleForm, as_of: int | None) -> Checked:
    """What the rule in the form makes of the case that it is tried on. A few queries."""
    definition, problems = conditions_in_form(form)
    if definition is None or form.as_of.errors:
        wrong = typed_form(request.form)
        show_problems(wrong, problems)
        wrong.as_of.errors = form.as_of.errors
        return Checked(missing=tuple(problems_of(wrong)))
    session = db.session()
    try:
        explained = explain_case(
            session, project.id, definition, form.checked.data or "", moment_of(project, as_of)
        )
    except NotFound:
        form.checked.data = ""
        form.case.errors = [_("This project has no case with this id")]
        return Checked()
    return Checked(definition=definition, explained=explained)


def said_of(checked: Checked) -> str:
    """What is announced: the verdict, or what to do for one."""
    if checked.explained is not None:
        case = checked.explained.change
        name = case.name or case.case_id
        if checked.explained.explanation.matches:
            return _("The rule matches “%(case)s”", case=name)
        return _("The rule does not match “%(case)s”", case=name)
    if checked.missing:
        return _("This cannot be checked yet: %(problem)s", problem=checked.missing[0][0])
    return _("Which of these?") if checked.found.cases else ""
