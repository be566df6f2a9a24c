"""Asking for the number before a run by hand that is over its brake (SPEC R22, UX "Brake hit")."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.clock import Micros
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.rules.models import Rule
from webapp.rules.outlook import MustConfirm
from webapp.rules.queries import definition_of
from webapp.rules.warnings import warnings_about
from webapp.web.formatting import number
from webapp.web.forms.confirm_run import ConfirmForm


def ask_to_confirm(
    project: Project, rule: Rule, must: MustConfirm, form: ConfirmForm, *, as_of: Micros | None
) -> ResponseReturnValue:
    """The question, on a page whose form asks for the same run again: 409."""
    if form.confirm_changes.raw_data:  # it was asked before
        form.confirm_changes.errors = [_what_is_wrong(form, must)]
    percent = 100 * must.changes / max(must.open_cases, 1)
    session = db.session()
    definition = definition_of(session, rule)
    return render_template(
        "rules/confirm_run.html",
        project=project,
        rule=rule,
        must=must,
        percent=round(percent),
        warnings=warnings_about(session, project.id, definition, rule_id=rule.rule_id),
        form=form,
        as_of=as_of,
        as_of_text=request.form.get("as_of", ""),
        here=request.path,
    ), 409


def _what_is_wrong(form: ConfirmForm, must: MustConfirm) -> str:
    if not (form.confirm_changes.data or "").strip():
        return str(_("Type the number of cases."))
    if form.number is None:
        return str(_("Type a whole number, with digits."))
    changes = number(must.changes)
    return str(_("It is %(number)s now. Look again, then type it.", number=changes))
