"""Many forms at once: selecting them, what would change, and asking for the job (SPEC U8, A6)."""

from __future__ import annotations

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp.database import write_transaction
from webapp.errors import TooSlow
from webapp.extensions import db
from webapp.history import bulk_jobs
from webapp.history.bulk_outlook import BulkOutlook, bulk_outlook
from webapp.history.calendar import Calendar
from webapp.history.filters import parse, query_string
from webapp.history.models import Selection
from webapp.history.selections import (
    TooMany,
    find_all,
    find_forms_of,
    find_some,
    freeze,
    get_selection,
    selected,
)
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job
from webapp.jobs.queue import get_job, wake
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.sharing.give_back import back_moves
from webapp.sharing.phone_changes import PhoneChanges, by_moves
from webapp.submissions.archive import WHY_NOT
from webapp.submissions.models import State
from webapp.web.access import project_route
from webapp.web.filtered import with_query
from webapp.web.formatting import number
from webapp.web.forms.archive import ArchiveManyForm, RestoreManyForm
from webapp.web.typed import shown_again_by
from webapp.web.views.submission import submissions

__all__ = ["submissions"]  # with the routes of this file

AGAIN_SELECT = "submissions.select_forms"
AGAIN_ARCHIVE = "submissions.show_typed_archive_many"
AGAIN_RESTORE = "submissions.show_typed_restore_many"

#: So many can be named one by one in a request; a page has 25.
NAMED = 1000


@submissions.post("/a/<project_name>/submissions/selections")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN_SELECT, only_by_token=True)
def select_forms(project: Project) -> ResponseReturnValue:
    """Freeze a selection, and go on to what would change: the forms that are named (`form`), those
    on the page (`page`, as the list says in `shown`), or `all` that the filter in the address
    leaves. `to` says what they are selected for."""
    session, calendar = db.session(), Calendar.of(project)
    project_id = project.id
    wanted = parse(dict(request.args.lists()), calendar.today)
    every = request.form.get("all") == "1"
    try:
        found = (
            find_all(session, project_id, wanted, calendar)
            if every
            else find_some(session, project_id, _named())
        )
    except (TooMany, TooSlow) as error:
        flash(error.message)
        return _to_list(query_string(wanted))
    if not found.keys:
        flash(_("Select at least one form first."))
        return _to_list(query_string(wanted))
    with write_transaction() as writing:
        selection = freeze(writing, project_id, found, by=g.actor, wanted=wanted)
        selection_id = selection.selection_id
    endpoint = ".ask_restore_many" if request.form.get("to") == "restore" else ".ask_archive_many"
    return redirect(url_for(endpoint, selection_id=selection_id), 303)


@submissions.post("/a/<project_name>/jobs/<int:job_id>/take-back")
@project_route(Right.EDIT_DATA)
def take_back(project: Project, job_id: int) -> ResponseReturnValue:
    """Select what a job over forms did and nobody changed since, and go on to what taking it back
    would change."""
    session, project_id = db.session(), project.id
    job = get_job(session, project_id, job_id)
    bulk_jobs.refuse_take_back(job)
    archived = bulk_jobs.BECOME[job.kind] is State.ARCHIVED
    try:
        found = find_forms_of(session, job)
    except TooSlow as error:
        flash(error.message)
        return redirect(url_for("jobs.show", job_id=job_id), 303)
    if not found.keys:
        flash(_("Nothing is left of what this job did."))
        return redirect(url_for("jobs.show", job_id=job_id), 303)
    with write_transaction() as writing:
        selection = freeze(writing, project_id, found, by=g.actor, of_job=job_id)
        selection_id = selection.selection_id
    endpoint = ".ask_restore_many" if archived else ".ask_archive_many"
    return redirect(url_for(endpoint, selection_id=selection_id), 303)


@submissions.get("/a/<project_name>/submissions/selections/<selection_id>/archive")
@project_route(Right.EDIT_DATA)
def ask_archive_many(project: Project, selection_id: str) -> ResponseReturnValue:
    """What archiving the selected forms would do."""
    return _ask(project, selection_id, State.ARCHIVED, None)


@submissions.post("/a/<project_name>/submissions/selections/<selection_id>/archive")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN_ARCHIVE)
def archive_many(project: Project, selection_id: str) -> ResponseReturnValue:
    """Archive them, as a job."""
    return _start(project, selection_id, State.ARCHIVED)


@submissions.get("/a/<project_name>/submissions/selections/<selection_id>/restore")
@project_route(Right.EDIT_DATA)
def ask_restore_many(project: Project, selection_id: str) -> ResponseReturnValue:
    """What restoring the selected forms would do."""
    return _ask(project, selection_id, State.NORMAL, None)


@submissions.post("/a/<project_name>/submissions/selections/<selection_id>/restore")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN_RESTORE)
def restore_many(project: Project, selection_id: str) -> ResponseReturnValue:
    """Restore them, as a job."""
    return _start(project, selection_id, State.NORMAL)


@submissions.post("/a/<project_name>/submissions/selections/<selection_id>/archive/typed")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN_ARCHIVE)
def show_typed_archive_many(project: Project, selection_id: str) -> ResponseReturnValue:
    """The form as it was typed before a session ended. Archives nothing."""
    return _ask(project, selection_id, State.ARCHIVED, None)


@submissions.post("/a/<project_name>/submissions/selections/<selection_id>/restore/typed")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN_RESTORE)
def show_typed_restore_many(project: Project, selection_id: str) -> ResponseReturnValue:
    """The form as it was typed before a session ended. Restores nothing."""
    return _ask(project, selection_id, State.NORMAL, None)


def _named() -> set[str]:
    ids = set(request.form.getlist("form"))
    if request.form.get("page") == "1":
        ids |= set(request.form.get("shown", "").split())
    return set(sorted(ids)[:NAMED])


def _to_list(query: str | None) -> Response:
    return redirect(with_query(url_for("submissions.index"), query or ""), 303)  # type: ignore[return-value]  # Flask redirects with its own Response


def _start(project: Project, selection_id: str, to: State) -> ResponseReturnValue:
    asking = _question(to, _selection(project, selection_id))
    if not asking.validate():
        return _ask(project, selection_id, to, asking)
    with write_transaction() as session:
        job = bulk_jobs.start_over_selection(
            session,
            project.id,
            selection_id,
            to,
            by=g.actor,
            reason=(asking.reason.data or "").strip(),
        )
        job_id = job.id
    wake(job)
    return redirect(url_for("jobs.show", job_id=job_id), 303)


def _selection(project: Project, selection_id: str) -> Selection:
    """The selection of whoever asks."""
    return get_selection(db.session(), project.id, selection_id, by=g.actor)


def _question(to: State, selection: Selection) -> ArchiveManyForm | RestoreManyForm:
    """As it was sent, if it was."""
    needs_reason = to is State.ARCHIVED and selection.of_job is None
    return ArchiveManyForm() if needs_reason else RestoreManyForm()


def _ask(
    project: Project,
    selection_id: str,
    to: State,
    form: ArchiveManyForm | RestoreManyForm | None,
) -> ResponseReturnValue:
    selection = _selection(project, selection_id)
    if selection.job_id is not None:
        return redirect(url_for("jobs.show", job_id=selection.job_id), 303)
    outlook: BulkOutlook | None
    try:
        outlook = bulk_outlook(db.session(), selection, to)
    except TooSlow:
        outlook = None
    job = _reassigning(project, selection)
    return (
        render_template(
            "submissions/many.html",
            project=project,
            gives_back=job is not None,
            phones=None if job is None else _phones(selection, job),
            selection=selection,
            to=to,
            archives=to is State.ARCHIVED,
            form=form or _question(to, selection),
            outlook=outlook,
            count=selection.count if outlook is None else outlook.forms,
            title=_title(selection, to, outlook),
            other_way=outlook is not None and WHY_NOT[to] in outlook.left,
        ),
        200 if form is None else 422,
    )


def _reassigning(project: Project, selection: Selection) -> Job | None:
    """The job that reassigned cases, where that is what is taken back. One query at most."""
    if selection.of_job is None:
        return None
    job = get_job(db.session(), project.id, selection.of_job)
    return job if job.kind == Kind.REASSIGN_CASES else None


def _phones(selection: Selection, job: Job) -> PhoneChanges | None:
    """Whose phones change when cases are given back; None where that takes too long to count."""
    session, project_id = db.session(), job.project_id
    moves = back_moves(session, job, selected(project_id, selection.id))
    return None if moves is None else by_moves(session, project_id, moves)


def _title(selection: Selection, to: State, outlook: BulkOutlook | None) -> str:
    count = selection.count if outlook is None else outlook.forms
    words = {"number": number(count)}
    if selection.of_job is not None:
        return _("Take back job %(number)s?", number=selection.of_job)
    if to is State.ARCHIVED:
        return ngettext("Archive %(number)s form?", "Archive %(number)s forms?", count, **words)
    return ngettext("Restore %(number)s form?", "Restore %(number)s forms?", count, **words)
