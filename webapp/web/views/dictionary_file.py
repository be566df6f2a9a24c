"""The data dictionary as a file (SPEC U10)."""

from __future__ import annotations

from flask import Response, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp.database import write_transaction
from webapp.dictionary.operations import OF_PROPERTY
from webapp.errors import Invalid
from webapp.exchange.dictionary_table import COLUMNS, Plan, carry_out, plan_import, rows_of
from webapp.exchange.sheets import LARGEST
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.csv_answer import csv_answer
from webapp.web.formatting import number
from webapp.web.forms.dictionary import ImportForm, PropertyForm, said_words
from webapp.web.views.dictionary import dictionary

#: So many changes, and so many faults, are shown one by one.
SHOWN = 100


@dictionary.get("/a/<project_name>/dictionary/export")
@project_route(Right.VIEW)
def export(project: Project) -> Response:
    """All of it as CSV, as `take_import` reads it."""
    rows = rows_of(db.session(), project.id)
    return csv_answer(f"dictionary-{project.name}.csv", COLUMNS, rows)


@dictionary.get("/a/<project_name>/dictionary/import")
@project_route(Right.EDIT_DATA)
def ask_import(project: Project) -> ResponseReturnValue:
    """Which file."""
    return _page(project, ImportForm(formdata=None))


@dictionary.post("/a/<project_name>/dictionary/import")
@project_route(Right.EDIT_DATA)
def look_at_import(project: Project) -> ResponseReturnValue:
    """What a file would change, row by row, or what is wrong with it (422). Saves nothing."""
    form = ImportForm()
    try:
        form.text.data = form.read()
        plan = plan_import(db.session(), project.id, form.text.data)
    except Invalid as error:
        form.file.errors = [error.message]
        return _page(project, form)
    return _page(project, form, plan)


@dictionary.post("/a/<project_name>/dictionary/import/now")
@project_route(Right.EDIT_DATA)
def take_import(project: Project) -> ResponseReturnValue:
    """Import what somebody has looked at: 303 to the dictionary; all of it or, with 422, none."""
    form = ImportForm()
    text = form.text.data or ""
    try:
        if not text or len(text) > LARGEST:
            raise Invalid(_("Choose a file that is not empty."))
        with write_transaction() as session:
            plan = plan_import(session, project.id, text)
            added = 0
            if not plan.faults and plan.changes:
                added = carry_out(session, project.id, plan, by=g.actor)
    except Invalid as error:
        form.file.errors = [error.message]
        return _page(project, form)
    if plan.faults:
        return _page(project, form, plan)
    flash(_imported(added, len(plan.changes) - added))
    return redirect(url_for("dictionary.index"), 303)


def _page(project: Project, form: ImportForm, plan: Plan | None = None) -> ResponseReturnValue:
    faults = [] if plan is None else plan.faults
    if faults:
        form.file.errors = [
            ngettext(
                "%(number)s row of the file cannot be taken.",
                "%(number)s rows of the file cannot be taken.",
                len(faults),
                number=number(len(faults)),
            )
        ]
    return render_template(
        "dictionary/import.html",
        project=project,
        form=form,
        plan=plan,
        shown=SHOWN,
        words=_field_words(),
        said_words=said_words,
    ), 422 if form.file.errors else 200


def _imported(added: int, changed: int) -> str:
    if not added and not changed:
        return _("Nothing was changed: all of it was there already.")
    return _(
        "The dictionary is imported: %(added)s added, %(changed)s changed.",
        added=number(added),
        changed=number(changed),
    )


def _field_words() -> dict[str, str]:
    form = PropertyForm(formdata=None)
    return {name: str(form[name].label.text) for name in OF_PROPERTY}
