"""One mobile worker: their page, making and changing them (SPEC C1, C7, U10)."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.database import write_transaction
from webapp.errors import Invalid, NotFound
from webapp.extensions import db
from webapp.history.calendar import ANY_TIME
from webapp.history.filters import SubmissionFilter, query_string
from webapp.history.last_forms import last_forms, last_sync
from webapp.people.models import MobileWorker
from webapp.people.operations import set_worker
from webapp.people.owner_sets import WRONG_SHARING, owner_set
from webapp.people.passwords import new_password
from webapp.people.queries import belongings
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.ask_first import ask, made_or_asked
from webapp.web.filtered import with_query
from webapp.web.forms.people_worker import PasswordForm
from webapp.web.views.people_workers import people

WORKER = "/a/<project_name>/people/workers/<worker_id>"


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
        return password_page(project, worker_id, password, new=False)
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
            takes_away=True,
            back=here,
            crumbs=crumbs_of(row, _("Deactivate")),
        )
    if active:
        flash(_("%(name)s is active again.", name=row.username))
    else:
        flash(_("%(name)s is deactivated.", name=row.username))
    return redirect(here, 303)


def crumbs_of(row: MobileWorker, last: str) -> list[tuple[str, str | None]]:
    """Where one is: at something of a worker."""
    return [
        (_("People"), url_for("people.workers")),
        (row.username, url_for("people.worker", worker_id=row.user_id)),
        (last, None),
    ]


def _password_form(project: Project, row: MobileWorker, form: PasswordForm) -> ResponseReturnValue:
    return render_template(
        "people/password.html", project=project, worker=row, form=form
    ), 422 if form.errors else 200


def password_page(
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
        crumbs=crumbs_of(row, _("Password")),
        link=_("To the page of %(name)s", name=row.username),
    )
