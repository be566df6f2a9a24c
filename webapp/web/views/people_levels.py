"""The levels of the organization tree: what kinds of locations there are (SPEC C7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.database import write_transaction
from webapp.errors import InvalidEntry, NotFound
from webapp.extensions import db
from webapp.people.levels import create_level, delete_level, set_level
from webapp.people.queries import levels_of
from webapp.people.sharing_models import Level
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.ask_first import ask, made_or_asked
from webapp.web.forms.based_on import ContestedError
from webapp.web.forms.people_location import LevelForm
from webapp.web.views.people_workers import people

LEVELS = "/a/<project_name>/people/levels"
#: What is said of a level.
_SAID = ("name", "owns_cases", "views_child_data")


@people.get(f"{LEVELS}/")
@project_route(Right.VIEW)
def levels(project: Project) -> ResponseReturnValue:
    """All levels by name."""
    rows = levels_of(db.session(), project.id)
    return render_template("people/levels.html", project=project, rows=rows)


@people.get(f"{LEVELS}/new")
@project_route(Right.MANAGE_PEOPLE)
def new_level(project: Project) -> ResponseReturnValue:
    """An empty form."""
    return _form_page(project, LevelForm(formdata=None), None)


@people.post(f"{LEVELS}/new")
@project_route(Right.MANAGE_PEOPLE)
def make_level(project: Project) -> ResponseReturnValue:
    """Make a level: 303 to the list, or 422 with what is wrong."""
    form = LevelForm()
    try:
        with write_transaction() as session:
            create_level(session, project.id, form.name.data or "", by=g.actor, **_switches(form))
    except InvalidEntry as error:
        form.name.errors = [error.message]
        return _form_page(project, form, None)
    flash(_("The level is made."))
    return redirect(url_for("people.levels"), 303)


@people.get(f"{LEVELS}/<int:level_id>/edit")
@project_route(Right.MANAGE_PEOPLE)
def edit_level(project: Project, level_id: int) -> ResponseReturnValue:
    """What is said of a level, in a form."""
    row = _level(db.session(), project, level_id)
    form = LevelForm(formdata=None)
    form.begin(_said(row))
    return _form_page(project, form, row)


@people.post(f"{LEVELS}/<int:level_id>/edit")
@project_route(Right.MANAGE_PEOPLE)
def save_level(project: Project, level_id: int) -> ResponseReturnValue:
    """Say something else: 303 to the list; a question where phones change; 422 with what is
    wrong; 409, and what was typed, where somebody else changed the same meanwhile."""
    form = LevelForm()

    def change(session: Session) -> str:
        row = _level(session, project, level_id)
        changed = set_level(session, row, by=g.actor, **form.uncontested(_said(row)))
        return _("The level is saved.") if changed else _("Nothing was changed.")

    name = _level(db.session(), project, level_id).name
    try:
        return _done(project, change, _("Change the level “%(name)s”?", name=name))
    except InvalidEntry as error:
        form.name.errors = [error.message]
        return _form_page(project, form, _level(db.session(), project, level_id))
    except ContestedError:
        return _form_page(project, form, _level(db.session(), project, level_id), 409)


@people.post(f"{LEVELS}/<int:level_id>/delete")
@project_route(Right.MANAGE_PEOPLE)
def remove_level(project: Project, level_id: int) -> ResponseReturnValue:
    """Delete a level that has no locations; 409 where it has."""
    with write_transaction() as session:
        delete_level(session, _level(session, project, level_id), by=g.actor)
    flash(_("The level is deleted."))
    return redirect(url_for("people.levels"), 303)


def _done(project: Project, change: Callable[[Session], str], title: str) -> ResponseReturnValue:
    outcome = made_or_asked(project, change)
    here = url_for("people.levels")
    if outcome.asks is None:
        flash(outcome.made or "")
        return redirect(here, 303)
    return ask(
        project,
        outcome.asks,
        title=title,
        button=_("Save"),
        back=here,
        crumbs=[(_("Levels"), here), (_("Save"), None)],
    )


def _level(session: Session, project: Project, level_id: int) -> Level:
    found = session.scalar(
        select(Level).where(Level.project_id == project.id, Level.id == level_id)
    )
    if found is None:
        raise NotFound(_("There is no such level in this project."))
    return found


def _switches(form: LevelForm) -> dict[str, bool]:
    return {
        "owns_cases": bool(form.owns_cases.data),
        "views_child_data": bool(form.views_child_data.data),
    }


def _said(row: Level) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _SAID}


def _form_page(
    project: Project, form: LevelForm, row: Level | None, status: int = 422
) -> ResponseReturnValue:
    return render_template(
        "people/edit_level.html", project=project, form=form, level=row
    ), status if form.errors else 200
