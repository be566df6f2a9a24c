"""Lists as files: asking for one, and getting it (SPEC U10)."""

from __future__ import annotations

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.utils import send_file

from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.database import write_transaction
from webapp.errors import Invalid, NotFound
from webapp.exchange.exports import export_of, start_export
from webapp.exchange.files import place
from webapp.exchange.lists import Of
from webapp.exchange.write import Format
from webapp.extensions import db
from webapp.history import case_list, filters
from webapp.history.calendar import Calendar
from webapp.history.stored_views import stored_text
from webapp.jobs.models import JobState
from webapp.jobs.queue import get_job, wake
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route

exports = Blueprint("exports", __name__)


@exports.post("/a/<project_name>/submissions/export")
@project_route(Right.VIEW)
def forms(project: Project) -> ResponseReturnValue:
    """Ask for all forms that the filters in the address leave, as a file of `kind`. Raises
    `Unreadable`."""
    today = Calendar.of(project).today
    wanted = filters.parse(dict(request.args.lists()), today)
    return _start(project, Of.FORMS, filters.query_string(wanted))


@exports.post("/a/<project_name>/cases/export")
@project_route(Right.VIEW)
def cases(project: Project) -> ResponseReturnValue:
    """Ask for all cases that the filters in the address leave, as a file of `kind`. Raises
    `Unreadable`, `NotFound`."""
    wanted = case_list.parse(request.args)
    if wanted.view:
        stored_text(db.session(), project.id, "cases", wanted.view)  # that there is such a search
    return _start(project, Of.CASES, case_list.query_string(wanted))


@exports.get("/a/<project_name>/jobs/<int:job_id>/file")
@project_route(Right.VIEW)
def file(project: Project, job_id: int) -> ResponseReturnValue:
    """The file that a job made, as long as it is kept. The audit log has who took it."""
    job = get_job(db.session(), project.id, job_id)
    export = export_of(db.session(), job)
    if export.file is None or job.state is not JobState.FINISHED:
        raise NotFound(_("This job has no file, or not any more. Export the list again."))
    path = place(export.file)
    if not path.is_file():
        raise NotFound(_("The file of this job is not in the data folder of this server."))
    day = Calendar.of(project).day_of(job.queued_on)
    if request.method == "GET":
        with write_transaction() as session:
            record(
                session,
                project_id=project.id,
                tag=Tag.JOB_DOWNLOAD,
                subject=f"job:{job_id}",
                by=g.actor,
                after={"of": export.of, "format": export.format},
            )
    answer = send_file(
        path,
        request.environ,
        mimetype=export.kind.mimetype,
        as_attachment=True,
        download_name=f"{export.of}-{project.name}-{day}.{export.format}",
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _start(project: Project, of: Of, query: str) -> ResponseReturnValue:
    try:
        kind = Format(request.form.get("kind", ""))
    except ValueError as error:
        raise Invalid(_("Choose one of the kinds of files that are offered.")) from error
    with write_transaction() as session:
        job = start_export(session, project.id, of, kind, query, by=g.actor)
        job_id = job.id
    wake(job)
    return redirect(url_for("jobs.show", job_id=job_id), 303)
