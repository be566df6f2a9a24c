"""One mobile worker: their page, making and changing them (SPEC C1, C7, U10)."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.database import write_transaction
from webapp.errors import Invalid, InvalidEntry, NotFound, Refused
from webapp.extensions import db
from webapp.history.calendar import ANY_TIME
from webapp.history.filters import SubmissionFilter, query_string
from webapp.history.last_forms import last_forms, last_sync
from webapp.people.belonging import set_groups, set_locations
from webapp.people.groups import get_group
from webapp.people.locations import get_location
from webapp.people.models import MobileWorker
from webapp.people.operations import create_worker, set_worker
from webapp.people.owner_sets import WRONG_SHARING, owner_set
from webapp.people.passwords import new_password
from webapp.people.queries import Belongs, belongings, groups_of, tree_of
from webapp.people.sharing_models import Group, Location
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.ask_first import ask, made_or_asked
from webapp.web.filtered import with_query
from webapp.web.forms.people_choice import AS_BOXES
from webapp.web.forms.people_worker import PasswordForm, WorkerForm
from webapp.web.views.people_workers import people

WORKER = "/a/<project_name>/people/workers/<worker_id>"
#: So many groups and locations are offered as one types.
OFFERED = 500


def worker_of(session: Session, project: Project, worker_id: str) -> MobileWorker:
    """A mobile worker by their user id: names of persons stand in no address. Raises `NotFound`."""
    found = session.scalar(
        select(MobileWorker).where(
            MobileWorker.project_id == project.id, MobileWorker.user_id == worker_id
        )
    )
    if found is None:
        raise NotFound(_("There is no such mobile worker in this project."))
    return found


@people.get(f"{WORKER}/")
@project_route(Right.VIEW)
def worker(project: Project, worker_id: str) -> ResponseReturnValue:
    """What is known of a worker, and whose cases their phone carries."""
    session = db.session()
    row = worker_of(session, project, worker_id)
    every_form = SubmissionFilter(received=ANY_TIME, state=None, user=row.user_id)
    return render_template(
        "people/worker.html",
        project=project,
        worker=row,
        belongs=belongings(session, project.id, [row])[row.id],
        owners=owner_set(session, row),
        wrong_sharing=WRONG_SHARING,
        last=last_forms(session, project.id, [row]).get(row.user_id),
        synced_on=last_sync(session, row),
        forms_url=with_query(url_for("submissions.index"), query_string(every_form)),
    )


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
            if typed:
                flash(_("The worker is made."))
                return redirect(url_for("people.worker", worker_id=worker_id), 303)
            return _password_page(project, worker_id, password, new=True)
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
                crumbs = _crumbs(row, _("Edit"))
                return ask(
                    project,
                    outcome.asks,
                    title=title,
                    button=_("Save"),
                    back=here,
                    crumbs=crumbs,
                )
            flash(_("The worker is saved.") if outcome.made else _("Nothing was changed."))
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


@people.get(f"{WORKER}/password")
@project_route(Right.MANAGE_PEOPLE)
def ask_password(project: Project, worker_id: str) -> ResponseReturnValue:
    """Which password."""
    row = worker_of(db.session(), project, worker_id)
    return _password_form(project, row, PasswordForm(formdata=None))


@people.post(f"{WORKER}/password")
@project_route(Right.MANAGE_PEOPLE)
def set_password(project: Project, worker_id: str) -> ResponseReturnValue:
    """Give a worker another password: 303 to their page, or the one that was made for them, shown
    this once; 422 with what is wrong."""
    form = PasswordForm()
    typed = form.password.data or ""
    password = typed or new_password()
    try:
        with write_transaction() as session:
            row = worker_of(session, project, worker_id)
            set_worker(session, row, password=password, by=g.actor)
    except Invalid as error:
        form.password.errors = [error.message]
        return _password_form(project, worker_of(db.session(), project, worker_id), form)
    if not typed:
        return _password_page(project, worker_id, password, new=False)
    flash(_("The password is set. The phone asks for it at its next sync."))
    return redirect(url_for("people.worker", worker_id=worker_id), 303)


@people.post(f"{WORKER}/deactivate")
@project_route(Right.MANAGE_PEOPLE)
def deactivate_worker(project: Project, worker_id: str) -> ResponseReturnValue:
    """Let a worker in no longer: asked first, for their phone cannot sync from then on."""
    return _switch(project, worker_id, active=False)


@people.post(f"{WORKER}/activate")
@project_route(Right.MANAGE_PEOPLE)
def activate_worker(project: Project, worker_id: str) -> ResponseReturnValue:
    """Let a worker in again."""
    return _switch(project, worker_id, active=True)


def _switch(project: Project, worker_id: str, *, active: bool) -> ResponseReturnValue:
    def change(session: Session) -> bool:
        row = worker_of(session, project, worker_id)
        return set_worker(session, row, active=active, by=g.actor)

    outcome = made_or_asked(project, change)
    here = url_for("people.worker", worker_id=worker_id)
    row = worker_of(db.session(), project, worker_id)
    if outcome.asks:
        return ask(
            project,
            outcome.asks,
            title=_("Deactivate %(name)s?", name=row.username),
            text=_(
                "Nobody can sign in as them any more, and no form is taken from them. Their cases"
                " and forms stay as they are. You can activate them again at any time."
            ),
            button=_("Deactivate"),
            back=here,
            crumbs=_crumbs(row, _("Deactivate")),
        )
    if active:
        flash(_("%(name)s is active again.", name=row.username))
    else:
        flash(_("%(name)s is deactivated.", name=row.username))
    return redirect(here, 303)


def _crumbs(row: MobileWorker, last: str) -> list[tuple[str, str | None]]:
    return [
        (_("People"), url_for("people.workers")),
        (row.username, url_for("people.worker", worker_id=row.user_id)),
        (last, None),
    ]


def _belongs(session: Session, row: MobileWorker) -> Belongs:
    return belongings(session, row.project_id, [row])[row.id]


def _chosen(project: Project, form: WorkerForm) -> tuple[list[Group], list[Location]]:
    session, project_id = db.session(), project.id
    return (
        form.chosen("groups", lambda text: get_group(session, project_id, text)),
        form.chosen("locations", lambda text: get_location(session, project_id, text)),
    )


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


def _password_form(project: Project, row: MobileWorker, form: PasswordForm) -> ResponseReturnValue:
    return render_template(
        "people/password.html", project=project, worker=row, form=form
    ), 422 if form.errors else 200


def _password_page(
    project: Project, worker_id: str, password: str, *, new: bool
) -> ResponseReturnValue:
    """The password that was made, which nobody can see again."""
    row = worker_of(db.session(), project, worker_id)
    return render_template(
        "people/new_password.html",
        project=project,
        title=_("The password of %(name)s", name=row.username),
        text=_("The worker is made. Write this down now: nobody can see the password again.")
        if new
        else _("The password is set. Write it down now: nobody can see it again."),
        username=row.username,
        password=password,
        here=url_for("people.worker", worker_id=worker_id),
        crumbs=_crumbs(row, _("Password")),
        link=_("To the page of %(name)s", name=row.username),
    )
