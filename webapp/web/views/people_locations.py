"""The organization tree: which locations there are, and whose cases its people have (SPEC C7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as later
from sqlalchemy.orm import Session

from webapp.errors import Invalid, InvalidEntry, NotFound, Refused
from webapp.extensions import db
from webapp.people.levels import get_level
from webapp.people.locations import (
    create_location,
    get_location,
    set_location,
)
from webapp.people.queries import TreeRow, levels_of, tree_of, workers_of
from webapp.people.sharing_models import Level, Location
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.ask_first import ask, made_or_asked
from webapp.web.forms.based_on import ContestedError
from webapp.web.forms.people_location import LocationForm
from webapp.web.views.people_workers import people

LOCATIONS = "/a/<project_name>/people/locations"
#: A larger tree shows its upper levels; the rest is on the pages of its locations.
MOST_NODES = 400
#: So many are offered as one types, and so many workers are listed.
OFFERED, LISTED = 1_000, 200
_NO_LEVEL = later("Choose the level of this location.")


@dataclass(slots=True)
class Node:
    """A location at its place, with what is below it that is shown, and how many there are."""

    row: TreeRow
    below: list[Node] = field(default_factory=list)
    count: int = 0


def nodes_of(rows: list[TreeRow]) -> list[Node]:
    """The tops of trees whose rows stand from the top down. Of more than `MOST_NODES` as many
    upper levels as there is room for."""
    depth = max((row.depth for row in rows), default=0)
    while depth and sum(row.depth <= depth for row in rows) > MOST_NODES:
        depth -= 1
    tops: list[Node] = []
    above: list[Node] = []
    for row in rows:
        del above[row.depth - rows[0].depth :]
        node = Node(row)
        for one in above:
            one.count += 1
        if row.depth <= depth:
            (above[-1].below if above else tops).append(node)
        above.append(node)
    return tops


@people.get(f"{LOCATIONS}/")
@project_route(Right.VIEW)
def locations(project: Project) -> ResponseReturnValue:
    """The tree; with `?archived=yes` also what is archived."""
    session, archived = db.session(), request.args.get("archived") == "yes"
    rows = tree_of(session, project.id, archived=archived)
    return render_template(
        "people/locations.html",
        project=project,
        nodes=nodes_of(rows),
        total=len(rows),
        archived=archived,
        levels=levels_of(session, project.id),
        is_any=bool(rows) or (not archived and bool(tree_of(session, project.id, archived=True))),
    )


@people.get(f"{LOCATIONS}/new")
@project_route(Right.MANAGE_PEOPLE)
def new_location(project: Project) -> ResponseReturnValue:
    """An empty form; `?below=` is the id of the location that it will lie below."""
    session, below = db.session(), request.args.get("below", "")
    parent = get_location(session, project.id, below) if below else None
    form = LocationForm(formdata=None, data={"parent": parent.site_code if parent else ""})
    return _form_page(project, form, None)


@people.post(f"{LOCATIONS}/new")
@project_route(Right.MANAGE_PEOPLE)
def make_location(project: Project) -> ResponseReturnValue:
    """Make a location: 303 to its page; a question where phones change, those of people who see
    what is below; 422 with what is wrong."""
    form = LocationForm()
    if not (form.name.data or "").strip() and not form.level.data:
        form.name.errors = [_("Give it a name.")]
        form.level.errors = [_NO_LEVEL]
        return _form_page(project, form, None)

    def change(session: Session) -> str:
        typed = (form.parent.data or "").strip()
        try:
            parent = get_location(session, project.id, typed[:300]) if typed else None
        except (NotFound, Invalid) as error:
            raise InvalidEntry("parent", error.message) from error
        level = _level(session, project, form)
        made = create_location(
            session,
            project.id,
            form.name.data or "",
            level,
            parent=parent,
            site_code=form.site_code.data or "",
            by=g.actor,
        )
        return made.location_id

    title = _("Make “%(name)s”?", name=(form.name.data or "")[:255])
    try:
        outcome = made_or_asked(project, change)
    except (InvalidEntry, Refused) as error:
        _show(form, error, "parent")
        return _form_page(project, form, None)
    if outcome.asks:
        back = url_for("people.locations")
        crumbs = [(_("Locations"), back), (_("New location"), None)]
        button = _("Make location")
        return ask(project, outcome.asks, title=title, button=button, back=back, crumbs=[*crumbs])
    flash(_("The location is made."))
    return redirect(url_for("people.location", location_id=outcome.made), 303)


@people.get(f"{LOCATIONS}/<location_id>/")
@project_route(Right.VIEW)
def location(project: Project, location_id: str) -> ResponseReturnValue:
    """A location: its place, who is assigned to it, and what is below it."""
    session = db.session()
    found = location_of(session, project, location_id)
    rows = tree_of(session, project.id, archived=True)
    mine = next(row for row in rows if row.location.id == found.id)
    below = [
        row
        for row in rows
        if found in row.path[:-1] and (found.archived or not row.location.archived)
    ]
    workers = session.scalars(workers_of(project.id, location=found).limit(LISTED + 1)).all()
    return render_template(
        "people/location.html",
        project=project,
        location=found,
        path=mine.path[:-1],
        nodes=nodes_of(below),
        workers=workers[:LISTED],
        more=len(workers) > LISTED,
        below=len(below),
    )


@people.get(f"{LOCATIONS}/<location_id>/edit")
@project_route(Right.MANAGE_PEOPLE)
def edit_location(project: Project, location_id: str) -> ResponseReturnValue:
    """What is said of a location, in a form."""
    row = location_of(db.session(), project, location_id)
    form = LocationForm(formdata=None)
    form.begin(_said(row))
    return _form_page(project, form, row)


@people.post(f"{LOCATIONS}/<location_id>/edit")
@project_route(Right.MANAGE_PEOPLE)
def save_location(project: Project, location_id: str) -> ResponseReturnValue:
    """Say something else: 303 to its page; a question where phones change; 422 with what is
    wrong."""
    form = LocationForm()

    def change(session: Session) -> str:
        row = location_of(session, project, location_id)
        said = form.uncontested(_said(row))
        changed = set_location(
            session,
            row,
            name=said.get("name"),
            site_code=said.get("site_code") or None,
            level=_level(session, project, form) if "level" in said else None,
            by=g.actor,
        )
        return _("The location is saved.") if changed else _("Nothing was changed.")

    title = _("Change the level of “%(name)s”?", name=(form.name.data or "")[:255])
    try:
        return changed(project, location_id, change, title=title, button=_("Save"))
    except (InvalidEntry, Refused) as error:
        _show(form, error, "name")
        return _form_page(project, form, location_of(db.session(), project, location_id))
    except ContestedError:
        return _form_page(project, form, location_of(db.session(), project, location_id), 409)


def location_of(session: Session, project: Project, location_id: str) -> Location:
    """A location by its id alone. Raises `NotFound`."""
    found = get_location(session, project.id, location_id)
    if found.location_id != location_id:
        raise NotFound(_("There is no such location in this project."))
    return found


def _level(session: Session, project: Project, form: LocationForm) -> Level:
    if not form.level.data:
        raise InvalidEntry("level", str(_NO_LEVEL))
    try:
        return get_level(session, project.id, form.level.data)
    except NotFound as error:
        raise InvalidEntry("level", error.message) from error


def _show(form: LocationForm, error: InvalidEntry | Refused, otherwise: str) -> None:
    name = error.field if isinstance(error, InvalidEntry) else otherwise
    form[name].errors = [error.message]


def changed(
    project: Project,
    location_id: str,
    change: Callable[[Session], str],
    *,
    title: str,
    button: str,
    text: str = "",
    always: bool = False,
) -> ResponseReturnValue:
    """Make a change whose sentence is said on the next page, or ask first."""
    name = location_of(db.session(), project, location_id).name
    here = url_for("people.location", location_id=location_id)
    outcome = made_or_asked(project, change, always=always)
    if outcome.asks is None:
        flash(outcome.made or "")
        return redirect(here, 303)
    return ask(
        project,
        outcome.asks,
        title=title,
        button=button,
        text=text,
        takes_away=always,
        back=here,
        crumbs=[(_("Locations"), url_for("people.locations")), (name, here), (button, None)],
    )


def _said(row: Location) -> dict[str, str]:
    return {"name": row.name, "site_code": row.site_code, "level": row.level.name}


def _form_page(
    project: Project, form: LocationForm, row: Location | None, status: int = 422
) -> ResponseReturnValue:
    session = db.session()
    levels = levels_of(session, project.id)
    form.offer(levels)
    return render_template(
        "people/edit_location.html",
        project=project,
        form=form,
        location=row,
        levels=levels,
        offered=[] if row else tree_of(session, project.id)[:OFFERED],
    ), status if form.errors else 200
