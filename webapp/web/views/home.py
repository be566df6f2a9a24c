"""A project's home (SPEC U1)."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.extensions import db
from webapp.history.calendar import Calendar
from webapp.history.glance import glance
from webapp.history.words import form_title
from webapp.people.accounts import first_worker
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.sharing.check import count_wrong_workers
from webapp.web.access import project_route
from webapp.web.home_nights import nights_context

home = Blueprint("home", __name__)


@home.get("/a/<project_name>/")
@project_route(Right.VIEW)
def index(project: Project) -> ResponseReturnValue:
    """What happened last night, what waits for somebody, what came lately."""
    session = db.session()
    seen = glance(session, project.id, Calendar.of(project))
    return render_template(
        "home/index.html",
        project=project,
        glance=seen,
        worker=first_worker(session, project.id) if seen.first_use else None,
        receiver_url=f"{request.url_root}a/{project.name}/receiver/",
        form_title=form_title,
        wrong_sharing=0 if seen.first_use else count_wrong_workers(session, project.id),
        **({} if seen.first_use else nights_context(session, project)),
    )
