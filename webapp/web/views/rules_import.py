"""Rules from a file (SPEC §4.9, R30)."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.import_rules import Faulty, InvalidFile, import_rules
from webapp.rules.models import RuleState
from webapp.web.access import project_route
from webapp.web.formatting import number
from webapp.web.forms.import_rules import ImportForm
from webapp.web.views.rules import rules

#: Names that were there already, and rules at fault, that are shown one by one.
SHOWN = 20


@rules.get("/a/<project_name>/rules/import")
@project_route(Right.EDIT_DATA)
def ask_import(project: Project) -> ResponseReturnValue:
    """Which file."""
    return _page(project, ImportForm())


@rules.post("/a/<project_name>/rules/import")
@project_route(Right.EDIT_DATA)
def take_import(project: Project) -> ResponseReturnValue:
    """Make all rules of a file, switched off: 303 to them; or none, and 422 with what is wrong in
    each."""
    form = ImportForm()
    try:
        given = form.read()
    except InvalidFile as error:
        form.file.errors = [_some_are_faulty(len(error.faulty))]
        return _page(project, form, error.faulty)
    except Invalid as error:
        form.file.errors = [error.message]
        return _page(project, form)
    with write_transaction() as session:
        made, there = import_rules(session, project.id, given, by=g.actor)
        count = len(made)
    flash(_rules_are_imported(count))
    for name in sorted(there)[:SHOWN]:
        flash(_("There was a rule called “%(name)s” already. It stays as it is.", name=name))
    return redirect(url_for("rules.index", state=RuleState.INACTIVE.value), 303)


def _page(project: Project, form: ImportForm, faulty: Sequence[Faulty] = ()) -> ResponseReturnValue:
    return render_template(
        "rules/import.html",
        project=project,
        form=form,
        faulty=faulty[:SHOWN],
        more=max(len(faulty) - SHOWN, 0),
    ), 422 if form.file.errors else 200


def _some_are_faulty(count: int) -> str:
    return ngettext(
        "%(number)s rule of the file is faulty.",
        "%(number)s rules of the file are faulty.",
        count,
        number=number(count),
    )


def _rules_are_imported(count: int) -> str:
    return ngettext(
        "%(number)s rule is imported. It is off.",
        "%(number)s rules are imported. They are off.",
        count,
        number=number(count),
    )
