"""The page of a rule that is being written, and what its pieces need (SPEC U3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.extensions import db
from webapp.history.case_list import case_types
from webapp.history.property_names import offered_names
from webapp.projects.models import Project
from webapp.rules.held import held_of
from webapp.rules.models import Rule
from webapp.rules.queries import get_rule
from webapp.web.forms.rule_problems import problems_of
from webapp.web.forms.rules import RuleForm
from webapp.web.htmx import is_fragment_request
from webapp.web.property_hints import PAGE_S, HintedField, open_fields, put_hints
from webapp.web.rule_preview import kind_words, row_words

#: Shows the form as it was typed (`webapp.web.typed`).
AGAIN = "rules.rows"


def form_page(
    project: Project, form: RuleForm, rule: Rule | None = None, *, status: int = 200, **more: Any
) -> ResponseReturnValue:
    """The whole page; `more` are variables of its template."""
    problems = list(problems_of(form))
    context = form_context(project, form, rule)
    if rule is not None:
        context["waiting"] = held_of(db.session(), rule)
    return render_template("rules/edit.html", **context, problems=problems, **more), status


def form_context(
    project: Project,
    form: RuleForm,
    rule: Rule | None,
    *,
    hinted: Sequence[HintedField] | None = None,
    limit_s: float = 0.0,
    typed: str = "",
) -> dict[str, Any]:
    """What the page and each of its pieces need. Some ten queries; a page counts for its hints as
    well, for a moment, and a piece only says what was counted before.

    `hinted` are the fields whose hints are asked for, which may count for `limit_s` seconds; names
    are offered for what was `typed`."""
    session, case_type = db.session(), (form.case_type.data or "").strip()
    words = row_words(form)
    if not is_fragment_request(request):
        hinted, limit_s = open_fields(form, words), max(limit_s, PAGE_S)
    elif hinted is None:
        hinted = open_fields(form, words)
    put_hints(session, project, form, hinted, limit_s=limit_s)
    return {
        "project": project,
        "form": form,
        "rule": rule,
        "case_types": case_types(session, project.id),
        "names": offered_names(session, project.id, case_type, typed),
        "kinds": kind_words(),
        "words": words,
        "hour": f"{project.hour:02}:00",
    }


def rule_in(project: Project, form: RuleForm) -> Rule | None:
    """The rule that the form is about; None for a new one, and for one that was deleted since: it
    can be saved as a new one. Raises `NotFound`."""
    rule_id = form.rule_id.data or ""
    rule = get_rule(db.session(), project.id, rule_id, deleted=True) if rule_id else None
    return None if rule is None or rule.deleted_on is not None else rule
