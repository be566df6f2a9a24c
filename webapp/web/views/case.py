"""A case's own page, and closing a case by a form (SPEC U5)."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.cases.models import Case
from webapp.cases.queries import family, get_case
from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.history.case_properties import by_group, first_described
from webapp.history.last_names import last_names
from webapp.history.timeline import (
    SHOWN,
    PastForm,
    Timeline,
    closing_of,
    forms_of,
    last_changes,
    timeline,
)
from webapp.history.words import form_title, type_word
from webapp.people.owners import names_of_owners
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.submissions import own
from webapp.submissions.models import Submission
from webapp.web.access import project_route
from webapp.web.forms.cases import CloseForm
from webapp.web.pagination import keyset_page
from webapp.web.typed import shown_again_by
from webapp.web.views.cases import cases

__all__ = ["cases"]  # with the routes of this file

AGAIN = "cases.show_typed_reason"


@cases.get("/a/<project_name>/cases/<public_id:case_id>/")
@project_route(Right.VIEW)
def show(project: Project, case_id: str) -> ResponseReturnValue:
    """All that is known of a case; `before` and `after` are places in its history. Of very many
    properties it shows the first, or those that `?find=` finds."""
    session = db.session()
    case = get_case(session, project.id, case_id)
    find = looked_for()
    properties, more = first_described(session, case, find=find)
    page = keyset_page(
        session,
        forms_of(case),
        Submission.received_on,
        before=request.args.get("before"),
        after=request.args.get("after"),
        size=SHOWN,
    )
    past = timeline(session, case, page.rows)
    closing = closing_of(session, case)
    people = {case.owner_id, case.opened_by, case.modified_by, case.closed_by} | past.user_ids
    return render_template(
        "cases/show.html",
        project=project,
        case=case,
        last_name=last_names(session, project.id, [case]).get(case.id),
        past=past,
        page=page,
        groups=by_group(properties),
        more=more,
        find=find,
        changes=last_changes(session, case, {one.name for one in properties}),
        closing=closing,
        can_undo=closing is not None and own.is_own(closing.submission),
        saved=_saved(past, request.args.get("saved", "")),
        is_own=own.is_own,
        family=family(session, case),
        names=names_of_owners(session, project.id, people - {""}),
        form_title=form_title,
        type_word=type_word,
    )


@cases.get("/a/<project_name>/cases/<public_id:case_id>/close")
@project_route(Right.EDIT_DATA)
def ask_close(project: Project, case_id: str) -> ResponseReturnValue:
    """What closing this case means. 409 when it is closed or deleted."""
    return _ask_close(project, _open_case(project, case_id), CloseForm(formdata=None))


@cases.post("/a/<project_name>/cases/<public_id:case_id>/close")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def close(project: Project, case_id: str) -> ResponseReturnValue:
    """Close the case by a form of its own. 409 when it is closed or deleted already."""
    form = CloseForm()
    if not form.validate():
        return _ask_close(project, get_case(db.session(), project.id, case_id), form, 422)
    reason = (form.reason.data or "").strip()
    with write_transaction() as session:
        own.close_case(session, project.id, case_id, by=g.actor, reason=reason)
    flash(_("The case is closed. You can undo it at any time."))
    return redirect(url_for("cases.show", case_id=case_id), 303)


@cases.post("/a/<project_name>/cases/<public_id:case_id>/close/typed")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def show_typed_reason(project: Project, case_id: str) -> ResponseReturnValue:
    """The form as it was typed before a session ended. Closes nothing."""
    return _ask_close(project, _open_case(project, case_id), CloseForm())


def looked_for() -> str:
    """What is looked for among the properties of a case; "" for all."""
    return request.args.get("find", "")[:255].strip()


def _open_case(project: Project, case_id: str) -> Case:
    """Raises `Refused` for one that is closed or deleted."""
    case = get_case(db.session(), project.id, case_id)
    if case.deleted:
        raise Refused(_("This case is deleted: no form of it counts, so it cannot be closed."))
    if case.closed:
        raise Refused(_("This case is closed already."))
    return case


def _ask_close(
    project: Project, case: Case, form: CloseForm, status: int = 200
) -> ResponseReturnValue:
    return render_template("cases/close.html", project=project, case=case, form=form), status


def _saved(past: Timeline, submission_id: str) -> PastForm | None:
    """The form by which this page has just changed the case, while it counts."""
    return next(
        (
            one
            for one in past.forms
            if one.submission.submission_id == submission_id
            and one.change.live
            and own.is_own(one.submission)
        ),
        None,
    )
