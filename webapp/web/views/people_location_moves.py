"""Rearranging the organization tree: moving, archiving and bringing back locations (SPEC C7)."""

from __future__ import annotations

from flask import g, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from webapp.errors import Invalid, InvalidEntry, NotFound, Refused
from webapp.extensions import db
from webapp.people.locations import (
    archive_location,
    get_location,
    move_location,
    unarchive_location,
)
from webapp.people.queries import tree_of
from webapp.people.sharing_models import Location
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.formatting import number
from webapp.web.forms.people_location import MoveForm
from webapp.web.views.people_locations import LOCATIONS, OFFERED, changed, location_of
from webapp.web.views.people_workers import people


@people.get(f"{LOCATIONS}/<location_id>/move")
@project_route(Right.MANAGE_PEOPLE)
def ask_move(project: Project, location_id: str) -> ResponseReturnValue:
    """Where to."""
    row = location_of(db.session(), project, location_id)
    parent = _parent(db.session(), row)
    form = MoveForm(formdata=None, data={"parent": parent.site_code if parent else ""})
    return _move_page(project, form, row)


@people.post(f"{LOCATIONS}/<location_id>/move")
@project_route(Right.MANAGE_PEOPLE)
def move(project: Project, location_id: str) -> ResponseReturnValue:
    """Put a location, with all below it, somewhere else: a question where phones change; 422 for a
    place that cannot be."""
    form = MoveForm()
    typed = (form.parent.data or "").strip()

    def change(session: Session) -> str:
        row = location_of(session, project, location_id)
        try:
            parent = get_location(session, project.id, typed[:300]) if typed else None
        except NotFound as error:
            raise InvalidEntry("parent", error.message) from error
        moved = move_location(session, row, parent, by=g.actor)
        return _("The location is moved.") if moved else _("It lies there already.")

    row = location_of(db.session(), project, location_id)
    title = _("Move “%(name)s” with all that is below it?", name=row.name)
    try:
        return changed(project, location_id, change, title=title, button=_("Move"))
    except (Invalid, Refused) as error:
        form.parent.errors = [error.message]
        return _move_page(project, form, location_of(db.session(), project, location_id))


@people.post(f"{LOCATIONS}/<location_id>/archive")
@project_route(Right.MANAGE_PEOPLE)
def archive(project: Project, location_id: str) -> ResponseReturnValue:
    """Archive a location with all below it: always asked first."""

    def change(session: Session) -> str:
        row = location_of(session, project, location_id)
        gone = len(archive_location(session, row, by=g.actor))
        return ngettext(
            "%(number)s location is archived. You can bring it back.",
            "%(number)s locations are archived. You can bring them back.",
            gone,
            number=number(gone),
        )

    row = location_of(db.session(), project, location_id)
    rows = tree_of(db.session(), project.id)
    below = sum(row in one.path[:-1] for one in rows)
    return changed(
        project,
        location_id,
        change,
        title=_("Archive “%(name)s”?", name=row.name),
        text=" ".join(
            [
                ngettext(
                    "With it %(number)s location below it is archived.",
                    "With it %(number)s locations below it are archived.",
                    below,
                    number=number(below),
                )
                if below
                else _("Nothing lies below it."),
                _(
                    "Archived locations count nowhere. Cases that they own stay theirs, and are on"
                    " no phone for their sake. You can bring them back at any time."
                ),
            ]
        ),
        button=_("Archive"),
        always=True,
    )


@people.post(f"{LOCATIONS}/<location_id>/bring-back")
@project_route(Right.MANAGE_PEOPLE)
def bring_back_location(project: Project, location_id: str) -> ResponseReturnValue:
    """Bring back what was archived in one go: a question where phones change."""

    def change(session: Session) -> str:
        row = location_of(session, project, location_id)
        back = len(unarchive_location(session, row, by=g.actor))
        return ngettext(
            "%(number)s location is back.",
            "%(number)s locations are back.",
            back,
            number=number(back),
        )

    row = location_of(db.session(), project, location_id)
    title = _("Bring back “%(name)s”?", name=row.name)
    try:
        return changed(project, location_id, change, title=title, button=_("Bring back"))
    except InvalidEntry as error:
        raise Refused(error.message) from error


def _parent(session: Session, row: Location) -> Location | None:
    return session.get(Location, row.parent_id) if row.parent_id else None


def _move_page(project: Project, form: MoveForm, row: Location) -> ResponseReturnValue:
    session = db.session()
    offered = [one for one in tree_of(session, project.id) if row not in one.path]
    return render_template(
        "people/move_location.html",
        project=project,
        form=form,
        location=row,
        offered=offered[:OFFERED],
    ), 422 if form.errors else 200
