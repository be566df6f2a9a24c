"""The jobs of a project: the list, one with its progress, stop and resume; and asking for the job
that processes forms again (SPEC S10, U10)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import Select, exists, select

from webapp.clock import SECOND, now
from webapp.database import write_transaction
from webapp.errors import Invalid, NotAllowed, Refused
from webapp.exchange.exports import export_of
from webapp.exchange.lists import Of
from webapp.exchange.models import Export
from webapp.exchange.write import Format
from webapp.extensions import db
from webapp.history.bulk_jobs import BECOME, leaves_something, taken_back_by
from webapp.jobs.claim import DEAD_AFTER
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job, JobState
from webapp.jobs.progress import few_done, skipped_by_reason, skipped_page
from webapp.jobs.queue import ask_stop, enqueue, get_job, wake
from webapp.jobs.queue import resume as resume_job
from webapp.people.owners import names_of_owners
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.sharing.reassign import leaves_something as still_counts
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import get_submission
from webapp.submissions.reprocess import ids_now
from webapp.web.access import may, project_route
from webapp.web.htmx import is_fragment_request, render_page_or_fragment
from webapp.web.pagination import keyset_page

jobs = Blueprint("jobs", __name__)

#: Skipped forms on one page.
SKIPPED = 100


@jobs.get("/a/<project_name>/jobs/")
@project_route(Right.VIEW)
def index(project: Project) -> ResponseReturnValue:
    """The jobs of the project, newest first."""
    page = keyset_page(
        db.session(),
        select(Job).where(Job.project_id == project.id),
        Job.id,
        before=request.args.get("before"),
        after=request.args.get("after"),
    )
    return render_template("jobs/index.html", project=project, page=page, label=_label)


@jobs.get("/a/<project_name>/jobs/<int:job_id>/")
@project_route(Right.VIEW)
def show(project: Project, job_id: int) -> ResponseReturnValue:
    """One job. htmx gets its progress alone, until the job is over. That of a run is shown by the
    run's own page."""
    job = get_job(db.session(), project.id, job_id)
    if job.kind == Kind.RUN:
        return redirect(url_for("runs.show", run_id=job.params["run_id"]), 302)
    return render_page_or_fragment(
        "jobs/show.html",
        "jobs/_job.html",
        project=project,
        job=job,
        label=_label(job),
        note=_note(job),
        bulk=_bulk(job),
        given_to=_given_to(job),
        export=_export(job),
        may_stop=_may_stop(job),
        elapsed=(now() - (job.started_on or job.queued_on)) // SECOND,
        done=_done(job),
        skipped=skipped_by_reason(db.session(), job),
        fragment=is_fragment_request(request),
    )


@jobs.get("/a/<project_name>/jobs/<int:job_id>/skipped")
@project_route(Right.VIEW)
def skipped(project: Project, job_id: int) -> ResponseReturnValue:
    """All that a job skipped, in the order of its work."""
    job = get_job(db.session(), project.id, job_id)
    after = request.args.get("after", "-1")
    if not after.removeprefix("-").isdecimal() or len(after) > 9:
        raise Invalid(_("This link to a page of a list cannot be read."))
    items = skipped_page(db.session(), job, after=int(after), size=SKIPPED + 1)
    return render_template(
        "jobs/skipped.html",
        project=project,
        job=job,
        items=items[:SKIPPED],
        more_after=items[SKIPPED - 1].place if len(items) > SKIPPED else None,
    )


@jobs.post("/a/<project_name>/jobs/<int:job_id>/stop")
@project_route(Right.VIEW)
def stop(project: Project, job_id: int) -> ResponseReturnValue:
    """Stop a job; what it has done stays. That of a run is stopped as the run. It needs Edit data,
    but for an export of one's own. Raises `NotAllowed`."""
    run_id = _run_of(project, job_id)
    if run_id is not None:
        return redirect(url_for("runs.stop", run_id=run_id), 307)
    with write_transaction() as session:
        job = ask_stop(session, project.id, job_id, by=g.actor)
        waiting = job.state == JobState.STOPPED
    if waiting:
        flash(_("The job is stopped."))
    else:
        flash(_("The job stops after the piece that it is at."))
    return redirect(url_for(".show", job_id=job_id), 303)


@jobs.post("/a/<project_name>/jobs/<int:job_id>/resume")
@project_route(Right.VIEW)
def resume(project: Project, job_id: int) -> ResponseReturnValue:
    """Let a stopped or failed job go on where it ended. That of a run is resumed as the run. Needs
    what `stop` needs."""
    run_id = _run_of(project, job_id)
    if run_id is not None:
        return redirect(url_for("runs.resume", run_id=run_id), 307)
    with write_transaction() as session:
        job = resume_job(session, project.id, job_id, by=g.actor)
    wake(job)
    flash(_("The job goes on where it ended."))
    return redirect(url_for(".show", job_id=job_id), 303)


@jobs.post("/a/<project_name>/submissions/reprocess")
@project_route(Right.EDIT_DATA)
def reprocess(project: Project) -> ResponseReturnValue:
    """Ask for forms in error to be processed again: one (`submission_id`) or all (`all=1`)."""
    submission_id = request.form.get("submission_id", "")
    with write_transaction() as session:
        if submission_id:
            submission_id = ids_now(session, project.id, [submission_id]).get(
                submission_id, submission_id
            )
            if get_submission(session, project.id, submission_id).state != State.ERROR:
                raise Refused(_("Only forms that could not be processed can be processed again."))
            params: dict[str, object] = {"submission_ids": [submission_id]}
        elif request.form.get("all") == "1":
            if not session.scalar(_any_error(project)):
                raise Refused(_("No form of this project is in error now."))
            params = {"all_errors": True}
        else:
            raise Invalid(_("Say which form is to be processed again."))
        job = enqueue(session, project.id, Kind.REPROCESS, params, by=g.actor)
        job_id = job.id
    wake(job)
    return redirect(url_for(".show", job_id=job_id), 303)


def _run_of(project: Project, job_id: int) -> int | None:
    """The run that a job works on, if it is the job of a run; else the job may be stopped and
    resumed by whoever asks. Raises `NotAllowed`."""
    job = get_job(db.session(), project.id, job_id)
    if not _may_stop(job):
        raise NotAllowed(Right.EDIT_DATA.label)
    return int(job.params["run_id"]) if job.kind == Kind.RUN else None


def _may_stop(job: Job) -> bool:
    return may(Right.EDIT_DATA) or (job.kind == Kind.EXPORT and job.actor_id == g.actor.user_id)


def _any_error(project: Project) -> Select[bool]:
    return select(
        exists().where(Submission.project_id == project.id, Submission.state == State.ERROR)
    )


@dataclass(frozen=True, slots=True)
class Bulk:
    """Of a job over forms: whether there is anything of it to take back, and which jobs did."""

    leaves: bool
    taken_back_by: list[Job]


def _bulk(job: Job) -> Bulk | None:
    """None of other jobs. At most two queries."""
    if job.kind not in BECOME:
        return None
    session = db.session()
    return Bulk(job.over and leaves_something(session, job), taken_back_by(session, job))


@dataclass(frozen=True, slots=True)
class GivenTo:
    """Of a job that reassigns cases: to whom, and whether there is anything of it to take back,
    and which jobs did."""

    owner_id: str
    name: str
    leaves: bool
    taken_back_by: list[Job]


def _given_to(job: Job) -> GivenTo | None:
    """None of other jobs. A few queries."""
    if job.kind != Kind.REASSIGN_CASES:
        return None
    session, to = db.session(), str(job.params["to"])
    name = names_of_owners(session, job.project_id, [to]).get(to, to)
    leaves = job.over and still_counts(session, job)
    return GivenTo(to, name, leaves, taken_back_by(session, job))


def _done(job: Job) -> list[str]:
    """Of a job that processes few forms again: the ids that those have which could be processed.
    None of other jobs. Two queries."""
    if job.kind != Kind.REPROCESS:
        return []
    session = db.session()
    done = few_done(session, job)
    now = ids_now(session, job.project_id, done)
    return [now.get(one, one) for one in done]


def _export(job: Job) -> Export | None:
    """None of other jobs. One query."""
    return export_of(db.session(), job) if job.kind == Kind.EXPORT else None


def _label(job: Job) -> str:
    if job.kind == Kind.EXPORT:
        of, kind = Of(job.params["of"]), Format(job.params["format"])
        return _("Export %(what)s as %(format)s", what=of.label, format=kind.name)
    of_job = job.params.get("of_job") if job.kind in BECOME else None
    if of_job is not None:
        return _("Take job %(number)s back", number=of_job)
    return _labels()[job.kind]


def _labels() -> dict[str, str]:
    return {kind.value: kind.label for kind in Kind}


def _note(job: Job) -> str | None:
    """A sentence on what happens now, where that is not plain."""
    if job.state == JobState.QUEUED:
        return str(_("It waits until a worker of the server is free."))
    if job.state != JobState.RUNNING:
        return None
    if job.stop_asked:
        return str(_("It stops after the piece that it is at."))
    if (job.heartbeat_on or 0) < now() - DEAD_AFTER:
        return str(_("Its worker does not answer. The job goes on by itself within two minutes."))
    return None
