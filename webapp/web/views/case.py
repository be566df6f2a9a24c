"""A case's own page, and closing a case by a form (SPEC U5)."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.history.case_page import SHOWN_FORMS, SHOWN_RELATED, get_case, past_of, related_cases
from webapp.history.choices import names_of_users
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.submissions.archive import archive
from webapp.submissions.models import State
from webapp.submissions.own import CLOSE_XMLNS, close_case
from webapp.submissions.queries import get_submission, touches
from webapp.web.access import project_route
from webapp.web.submission_words import form_title, type_word
from webapp.web.views.cases import cases

__all__ = ["cases"]  # with the routes of this file


@cases.get("/a/<project_name>/cases/<public_id:case_id>/")
@project_route(Right.VIEW)
def show(project: Project, case_id: str) -> ResponseReturnValue:
    """All that is known of a case."""
    session = db.session()
    case = get_case(session, project.id, case_id)
    past = past_of(session, case)
    up, down = related_cases(session, case)
    people = {case.owner_id, case.opened_by, case.modified_by, case.closed_by} - {""}
    return render_template(
        "cases/show.html",
        project=project,
        case=case,
        past=past,
        more_forms=past.total - len(past.forms),
        shown_forms=SHOWN_FORMS,
        up=up[:SHOWN_RELATED],
        down=down[:SHOWN_RELATED],
        more_related=len(up) > SHOWN_RELATED or len(down) > SHOWN_RELATED,
        names=names_of_users(session, project.id, people),
        can_undo_close=past.closing is not None
        and past.closing.submission.own
        and past.closing.submission.xmlns == CLOSE_XMLNS,
        form_title=form_title,
        type_word=type_word,
    )


@cases.get("/a/<project_name>/cases/<public_id:case_id>/close")
@project_route(Right.EDIT_DATA)
def ask_close(project: Project, case_id: str) -> ResponseReturnValue:
    """What closing this case means."""
    case = get_case(db.session(), project.id, case_id)
    if case.closed or case.deleted:
        raise Refused(_("This case is closed or deleted already."))
    return render_template("cases/close.html", project=project, case=case)


@cases.post("/a/<project_name>/cases/<public_id:case_id>/close")
@project_route(Right.EDIT_DATA)
def close(project: Project, case_id: str) -> ResponseReturnValue:
    """Close the case by a form of its own. 409 when it is closed already."""
    with write_transaction() as session:
        close_case(session, project.id, case_id, by=g.actor)
    flash(_("The case is closed. Undo opens it again."))
    return redirect(url_for("cases.show", case_id=case_id), 303)


@cases.post("/a/<project_name>/cases/<public_id:case_id>/undo-close")
@project_route(Right.EDIT_DATA)
def undo_close(project: Project, case_id: str) -> ResponseReturnValue:
    """Archive the form that closed the case from its page; archiving it twice changes nothing."""
    submission_id = request.form.get("submission_id", "")
    session = db.session()
    case = get_case(session, project.id, case_id)
    form = get_submission(session, project.id, submission_id)
    mine = {touch.case for touch in touches(session, form)}
    if not form.own or form.xmlns != CLOSE_XMLNS or case.id not in mine:
        raise Refused(_("This is not the form that closed the case from its page."))
    if form.state == State.ARCHIVED:
        flash(_("Closing was undone already."))
    else:
        with write_transaction() as writing:
            archive(writing, project.id, submission_id, by=g.actor, reason=_("Closing undone"))
        flash(_("The case is open again. The form that closed it is archived."))
    return redirect(url_for("cases.show", case_id=case_id), 303)
