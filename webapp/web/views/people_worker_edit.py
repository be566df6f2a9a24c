"""Making a mobile worker, and changing what is said of one (SPEC C1, C7, U10)."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.database import write_transaction
from webapp.errors import Invalid, InvalidEntry, NotFound, Refused
from webapp.extensions import db
from webapp.people.belonging import set_groups, set_locations
from webapp.people.groups import get_group
from webapp.people.locations import get_location
from webapp.people.models import MobileWorker
from webapp.people.operations import create_worker, set_worker
from webapp.people.passwords import new_password
from webapp.people.queries import Belongs, belongings, groups_of, tree_of
from webapp.people.sharing_models import Group, Location
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.ask_first import ask, made_or_asked
from webapp.web.forms.people_choice import AS_BOXES
from webapp.web.forms.people_worker import WorkerForm
from webapp.web.views.people_worker import WORKER, crumbs_of, password_page, worker_of
from webapp.web.views.people_workers import people

#: So many groups and locations are offered as one types.
OFFERED = 500


@people.get("/a/<project_name>/people/workers/new")
@project_route(Right.MANAGE_PEOPLE)
def new_worker(project: Project) -> ResponseReturnValue:
    """An empty form."""
    return _form_page(project, WorkerForm.of(None, Belongs()), None)


@people.post("/a/<project_name>/people/workers/new")
@project_route(Right.MANAGE_PEOPLE)
def make_worker(project: Project) -> ResponseReturnValue:
    """Make a worker: 303 to their page, or the password that was made for them, shown this once;
    422 with what is wrong."""
    form = WorkerForm()
    groups, locations = _chosen(project, form)
    data, typed = form.user_data({}), form.password.data or ""
    password = typed or new_password()
    if not form.is_wrong():
        try:
            with write_transaction() as session:
                row = create_worker(
                    session,
                    project,
                    form.username.data or "",
                    password,
                    user_data=data,
                    by=g.actor,
                    **form.names(),
                )
                set_groups(session, row, groups, by=g.actor)
                set_locations(session, row, locations, by=g.actor)
                worker_id = row.user_id
        except (Invalid, Refused) as error:
            _show(form, error)
        else:
            _say_gone(form)
            if typed:
                flash(_("The worker is made."))
                return redirect(url_for("people.worker", worker_id=worker_id), 303)
            return password_page(project, worker_id, password, new=True)
    return _form_page(project, form, None)


@people.get(f"{WORKER}/edit")
@project_route(Right.MANAGE_PEOPLE)
def edit_worker(project: Project, worker_id: str) -> ResponseReturnValue:
    """What is said of a worker, in a form."""
    session = db.session()
    row = worker_of(session, project, worker_id)
    return _form_page(project, WorkerForm.of(row, _belongs(session, row)), row)


@people.post(f"{WORKER}/edit")
@project_route(Right.MANAGE_PEOPLE)
def save_worker(project: Project, worker_id: str) -> ResponseReturnValue:
    """Say something else: 303 to the worker's page; a question where their phone changes; 422 with
    what is wrong."""
    form = WorkerForm()
    row = worker_of(db.session(), project, worker_id)
    groups, locations = _chosen(project, form)
    form.user_data(row.user_data)
    if not form.is_wrong():
        try:
            outcome = made_or_asked(
                project,
                lambda session: _save(session, project, worker_id, form, groups, locations),
            )
        except (Invalid, Refused) as error:
            _show(form, error)
        else:
            here = url_for("people.worker", worker_id=worker_id)
            if outcome.asks:
                row = worker_of(db.session(), project, worker_id)
                title = _("Change whose cases the phone of %(name)s has?", name=row.username)
                crumbs = crumbs_of(row, _("Edit"))
                return ask(
                    project,
                    outcome.asks,
                    title=title,
                    button=_("Save"),
                    back=here,
                    crumbs=crumbs,
                )
            flash(_("The worker is saved.") if outcome.made else _("Nothing was changed."))
            _say_gone(form)
            return redirect(here, 303)
    return _form_page(project, form, worker_of(db.session(), project, worker_id))


def _save(  # noqa: PLR0917  # what was typed
    session: Session,
    project: Project,
    worker_id: str,
    form: WorkerForm,
    groups: list[Group],
    locations: list[Location],
) -> bool:
    row = worker_of(session, project, worker_id)
    now = _belongs(session, row)
    data = form.user_data(row.user_data)
    names = form.names()
    changed = set_worker(
        session,
        row,
        first_name=names.get("first_name"),
        last_name=names.get("last_name"),
        user_data=data,
        by=g.actor,
    )
    of_groups = {one.group_id: one for one in (*now.groups, *groups)}
    wanted = form.merged(
        "groups",
        [one.group_id for one in groups],
        [one.group_id for one in now.groups],
    )
    if set_groups(session, row, [of_groups[one] for one in wanted], by=g.actor):
        changed = True
    of_locations = {one.location_id: one for one in (*now.locations, *locations)}
    wanted = form.merged(
        "locations",
        [one.location_id for one in locations],
        [one.location_id for one in now.locations],
    )
    if set_locations(session, row, [of_locations[one] for one in wanted], by=g.actor):
        changed = True
    return changed


def _belongs(session: Session, row: MobileWorker) -> Belongs:
    return belongings(session, row.project_id, [row])[row.id]


def _chosen(project: Project, form: WorkerForm) -> tuple[list[Group], list[Location]]:
    session, project_id = db.session(), project.id
    return (
        form.chosen("groups", lambda text: _group(session, project_id, text)),
        form.chosen("locations", lambda text: get_location(session, project_id, text)),
    )


def _say_gone(form: WorkerForm) -> None:
    for sentence in form.gone:
        flash(sentence)


def _group(session: Session, project_id: int, text: str) -> Group:
    """A group by name or id. Raises `NotFound`, of one that was deleted meanwhile by its name."""
    found = get_group(session, project_id, text, deleted=True)
    if found.deleted:
        raise NotFound(_("The group “%(name)s” was deleted meanwhile.", name=found.name))
    return found


def _show(form: WorkerForm, error: Invalid | Refused) -> None:
    """Say at a field what is wrong."""
    if isinstance(error, Refused):
        form.form_errors.append(error.message)
    elif not isinstance(error, InvalidEntry):
        form.password.errors = [error.message]
    elif error.field == "user_data":
        form.data[0].form["name"].errors = [error.message]
    else:
        form[error.field].errors = [error.message]


def _form_page(project: Project, form: WorkerForm, row: MobileWorker | None) -> ResponseReturnValue:
    session = db.session()
    form.prepare()
    groups = [one.group for one in groups_of(session, project.id)]
    tree = tree_of(session, project.id, archived=True)
    places = [one for one in tree if not one.location.archived]
    chosen = {*(form.groups.data or []), *(form.locations.data or [])}
    few_groups, few_places = len(groups) <= AS_BOXES, len(places) <= AS_BOXES
    return render_template(
        "people/edit_worker.html",
        project=project,
        form=form,
        worker=row,
        groups=[one for one in groups if few_groups or one.group_id in chosen],
        more_groups=[] if few_groups else groups[:OFFERED],
        # One that is archived since they were assigned to it stays, unless it is taken away here.
        tree=[
            one
            for one in tree
            if one.location.location_id in chosen or (few_places and not one.location.archived)
        ],
        more_locations=[] if few_places else places[:OFFERED],
    ), 422 if form.errors else 200
