"""Giving many cases to another owner: choosing, what it means, and asking for the job (SPEC C6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Select

from webapp.clock import last_tick
from webapp.database import write_transaction
from webapp.errors import Invalid, Refused, TooSlow
from webapp.extensions import db
from webapp.history.calendar import Calendar
from webapp.history.case_list import CaseFilter, matching, parse, query_string
from webapp.history.owner_choices import owner_choices
from webapp.history.selections import Found, freeze
from webapp.history.stored_views import stored_text
from webapp.jobs.kind import Kind
from webapp.jobs.queue import get_job, wake
from webapp.people.owners import owners_of
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.sharing.new_owner import NewOwner, kind_words, new_owner
from webapp.sharing.phone_changes import PhoneChanges, by_moves
from webapp.sharing.reassign import Chosen, TooMany, choose, forms_written, start_reassign
from webapp.web.access import project_route
from webapp.web.case_filter_words import all_filter_words
from webapp.web.filtered import with_query
from webapp.web.formatting import number
from webapp.web.forms.reassign import ReassignForm
from webapp.web.typed import shown_again_by

reassign = Blueprint("reassign", __name__)

AGAIN = "reassign.show_typed"

#: The screen whose stored views are meant.
SCREEN = "cases"
#: So many owners and phones are shown.
SHOWN = 20


@reassign.get("/a/<project_name>/cases/reassign")
@project_route(Right.EDIT_DATA)
def ask(project: Project) -> ResponseReturnValue:
    """The cases that the filters in the address leave, whose they are, and whom to give them to."""
    return _page(project, ReassignForm(formdata=None))


@reassign.post("/a/<project_name>/cases/reassign")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def start(project: Project) -> ResponseReturnValue:
    """Say what giving them to this owner means, then (`mark`) do it as a job: 303 to the job; 422
    with what is wrong; 409 with what they are now where they are no longer the same cases."""
    form = ReassignForm()
    wanted = new_owner(db.session(), project.id, (form.owner.data or "").strip())
    if wanted.problem:
        form.owner.errors = [wanted.problem]
        return _page(project, form, status=422)
    try:
        chosen = choose(db.session(), _cases(project), wanted.owner_id)
    except (TooMany, TooSlow) as error:
        form.owner.errors = [error.message]
        return _page(project, form, status=422)
    seen = form.mark.data if form.told.data == wanted.owner_id else ""
    form.mark.data, form.told.data = chosen.mark, wanted.owner_id
    if not seen:
        form.anyway.data = False
        return _page(project, form, chosen, wanted)
    if seen != chosen.mark:
        form.form_errors.append(
            _("The cases are no longer the same. Look at what they are now, and send this again.")
        )
        return _page(project, form, chosen, wanted, status=409)
    if wanted.doubt and not form.anyway.data:
        form.owner.errors = [wanted.doubt]
        return _page(project, form, chosen, wanted, status=422)
    try:
        with write_transaction() as session:
            job = start_reassign(session, project.id, chosen, wanted.owner_id, by=g.actor)
            job_id = job.id
    except Invalid as error:
        form.owner.errors = [error.message]
        return _page(project, form, chosen, wanted, status=422)
    wake(job)
    return redirect(url_for("jobs.show", job_id=job_id), 303)


@reassign.post("/a/<project_name>/cases/reassign/typed")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def show_typed(project: Project) -> ResponseReturnValue:
    """The form as it was typed before a session ended. Reassigns nothing."""
    return _page(project, ReassignForm())


@reassign.post("/a/<project_name>/jobs/<int:job_id>/give-back")
@project_route(Right.EDIT_DATA)
def give_back(project: Project, job_id: int) -> ResponseReturnValue:
    """Select the forms that a job wrote and that still count, and go on to what archiving them
    would do."""
    session = db.session()
    job = get_job(session, project.id, job_id)
    if job.kind != Kind.REASSIGN_CASES:
        raise Invalid(_("Only a job that reassigns cases can be taken back here."))
    if not job.over:
        raise Refused(_("This job is still at work. Stop it first, or wait until it is over."))
    keys = forms_written(session, job)
    if not keys:
        flash(_("Nothing is left of what this job did."))
        return redirect(url_for("jobs.show", job_id=job_id), 303)
    with write_transaction() as writing:
        up_to = last_tick(writing, project.id)
        selection = freeze(writing, project.id, Found(keys, up_to), by=g.actor, of_job=job_id)
        selection_id = selection.selection_id
    return redirect(url_for("submissions.ask_archive_many", selection_id=selection_id), 303)


def _wanted() -> CaseFilter:
    return parse(request.args)


def _cases(project: Project) -> Select[Any]:
    wanted = _wanted()
    return matching(project.id, wanted, _text(project), Calendar.of(project))


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page says of the cases: how many each owner has, by name, most first."""

    count: int
    owners: list[tuple[str, str, int]]
    more_owners: int


def _page(
    project: Project,
    form: ReassignForm,
    chosen: Chosen | None = None,
    wanted: NewOwner | None = None,
    *,
    status: int = 200,
) -> ResponseReturnValue:
    session = db.session()
    problem = ""
    if chosen is None:
        form.mark.data = form.told.data = ""
        try:
            chosen = choose(session, _cases(project), None)
        except (TooMany, TooSlow) as error:
            problem = error.message
    phones: PhoneChanges | None = None
    if chosen is not None and wanted is not None:
        phones = by_moves(session, project.id, chosen.moves(wanted.owner_id))
    query = query_string(_wanted())
    back = with_query(url_for("cases.index"), query)
    return (
        render_template(
            "cases/reassign.html",
            project=project,
            form=form,
            problem=problem,
            chosen=chosen,
            shown=None if chosen is None else _shown(project, chosen),
            wanted=wanted,
            phones=phones,
            most=SHOWN,
            action=with_query(url_for("reassign.start"), query),
            back=back,
            tags=all_filter_words(project, _wanted(), _text(project)),
            offered=owner_choices(session, project.id).typed,
            kind_words=kind_words,
            title=_title(chosen, wanted),
        ),
        status,
    )


def _text(project: Project) -> str:
    view = _wanted().view
    return stored_text(db.session(), project.id, SCREEN, view) if view else ""


def _shown(project: Project, chosen: Chosen) -> Shown:
    first = chosen.owners.most_common(SHOWN)
    known = owners_of(db.session(), project.id, [owner for owner, _count in first])
    named = [
        (owner, known[owner].name if owner in known else owner, count) for owner, count in first
    ]
    return Shown(len(chosen), named, len(chosen.owners) - len(first))


def _title(chosen: Chosen | None, wanted: NewOwner | None) -> str:
    if chosen is None:
        return _("Reassign cases")
    words = {"number": number(len(chosen))}
    if wanted is None:
        return ngettext(
            "Reassign %(number)s case", "Reassign %(number)s cases", len(chosen), **words
        )
    return ngettext(
        "Reassign %(number)s case to %(name)s?",
        "Reassign %(number)s cases to %(name)s?",
        len(chosen),
        **words,
        name=wanted.name,
    )
