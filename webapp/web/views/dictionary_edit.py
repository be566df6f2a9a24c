"""What people say of case types and properties (SPEC U10)."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.database import write_transaction
from webapp.dictionary.models import CaseType, Property
from webapp.dictionary.operations import (
    ChangedMeanwhile,
    add_case_type,
    add_property,
    problems_of,
    set_case_type,
    set_property,
)
from webapp.dictionary.queries import get_case_type, get_property, groups_of
from webapp.errors import InvalidEntry, Refused
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.forms.dictionary import CaseTypeForm, PropertyForm, show_problems
from webapp.web.views.dictionary import TYPE, dictionary


@dictionary.get("/a/<project_name>/dictionary/add")
@project_route(Right.EDIT_DATA)
def new_case_type(project: Project) -> ResponseReturnValue:
    """An empty form."""
    return _type_page(project, CaseTypeForm(formdata=None))


@dictionary.post("/a/<project_name>/dictionary/add")
@project_route(Right.EDIT_DATA)
def create_case_type(project: Project) -> ResponseReturnValue:
    """Add a case type that no form has used: 303 to its page, or 422 with what is wrong."""
    form = CaseTypeForm()
    name, said = (form.name.data or "").strip(), form.said()
    if not _fails(form, said):
        try:
            with write_transaction() as session:
                add_case_type(session, project.id, name, by=g.actor, **said)
        except (InvalidEntry, Refused) as error:
            form.name.errors = [error.message]
        else:
            flash(_("The case type is added."))
            return redirect(url_for("dictionary.show", case_type=name), 303)
    return _type_page(project, form)


@dictionary.get(f"{TYPE}/edit")
@project_route(Right.EDIT_DATA)
def edit_case_type(project: Project, case_type: str) -> ResponseReturnValue:
    """What is said of a case type, in a form."""
    row = get_case_type(db.session(), project.id, case_type)
    form = CaseTypeForm(formdata=None)
    form.begin_with(row)
    return _type_page(project, form, row)


@dictionary.post(f"{TYPE}/edit")
@project_route(Right.EDIT_DATA)
def save_case_type(project: Project, case_type: str) -> ResponseReturnValue:
    """Say something else: 303 to its page; 422 with what is wrong; 409, and everything still there,
    where somebody else has changed the same meanwhile."""
    row, form = get_case_type(db.session(), project.id, case_type), CaseTypeForm()
    if _fails(form, form.said()):
        return _type_page(project, form, row)
    said, seen = form.changed(), form.seen()
    try:
        with write_transaction() as session:
            changed = set_case_type(session, project.id, case_type, said, by=g.actor, seen=seen)
    except ChangedMeanwhile as error:
        row = get_case_type(db.session(), project.id, case_type)
        form.ask(row, error.now)
        return _type_page(project, form, row, 409)
    flash(_("The case type is saved.") if changed else _("Nothing was changed."))
    return redirect(url_for("dictionary.show", case_type=case_type), 303)


@dictionary.get(f"{TYPE}/add")
@project_route(Right.EDIT_DATA)
def new_property(project: Project, case_type: str) -> ResponseReturnValue:
    """An empty form."""
    get_case_type(db.session(), project.id, case_type)
    return _property_page(project, case_type, PropertyForm(formdata=None))


@dictionary.post(f"{TYPE}/add")
@project_route(Right.EDIT_DATA)
def create_property(project: Project, case_type: str) -> ResponseReturnValue:
    """Add a property that no form has brought: 303 to its type, or 422 with what is wrong."""
    get_case_type(db.session(), project.id, case_type)
    form = PropertyForm()
    name, said = (form.name.data or "").strip(), form.said()
    if not _fails(form, said):
        try:
            with write_transaction() as session:
                add_property(session, project.id, case_type, name, by=g.actor, **said)
        except (InvalidEntry, Refused) as error:
            form.name.errors = [error.message]
        else:
            flash(_("The property is added."))
            return redirect(url_for("dictionary.show", case_type=case_type), 303)
    return _property_page(project, case_type, form)


@dictionary.get(f"{TYPE}/properties/<any_name:name>/")
@project_route(Right.EDIT_DATA)
def edit_property(project: Project, case_type: str, name: str) -> ResponseReturnValue:
    """What is said of a property, in a form."""
    row = get_property(db.session(), project.id, case_type, name)
    form = PropertyForm(formdata=None)
    form.begin_with(row)
    return _property_page(project, case_type, form, row)


@dictionary.post(f"{TYPE}/properties/<any_name:name>/")
@project_route(Right.EDIT_DATA)
def save_property(project: Project, case_type: str, name: str) -> ResponseReturnValue:
    """Say something else: 303 to its type; 422 with what is wrong; 409, and everything still there,
    where somebody else has changed the same meanwhile."""
    row, form = get_property(db.session(), project.id, case_type, name), PropertyForm()
    if _fails(form, form.said()):
        return _property_page(project, case_type, form, row)
    said, seen = form.changed(), form.seen()
    try:
        with write_transaction() as session:
            changed = set_property(
                session, project.id, case_type, name, said, by=g.actor, seen=seen
            )
    except ChangedMeanwhile as error:
        row = get_property(db.session(), project.id, case_type, name)
        form.ask(row, error.now)
        return _property_page(project, case_type, form, row, 409)
    flash(_("The property is saved.") if changed else _("Nothing was changed."))
    return redirect(url_for("dictionary.show", case_type=case_type), 303)


def _fails(form: CaseTypeForm | PropertyForm, said: dict[str, object]) -> bool:
    """Whether something is wrong; the fields say what."""
    problems = problems_of(said)
    if "place" in problems:
        problems["place"] = _("Enter a whole number from 1 to 1,000,000, or nothing.")
    show_problems(form, problems)
    return bool(problems)


def _type_page(
    project: Project, form: CaseTypeForm, row: CaseType | None = None, status: int = 0
) -> ResponseReturnValue:
    status = status or (422 if form.errors else 200)
    return render_template("dictionary/case_type.html", project=project, form=form, row=row), status


def _property_page(
    project: Project,
    case_type: str,
    form: PropertyForm,
    row: Property | None = None,
    status: int = 0,
) -> ResponseReturnValue:
    status = status or (422 if form.errors else 200)
    groups = groups_of(db.session(), project.id, case_type)
    return render_template(
        "dictionary/property.html",
        project=project,
        case_type=case_type,
        form=form,
        row=row,
        groups=groups,
    ), status
