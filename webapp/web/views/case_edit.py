"""Editing and reassigning a case by forms of its own, and taking that back (SPEC U5)."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.cases.models import Case
from webapp.cases.queries import get_case
from webapp.database import write_transaction
from webapp.errors import Invalid, Refused
from webapp.extensions import db
from webapp.history.case_properties import described, first_described
from webapp.history.owner_choices import owner_choices
from webapp.people.owners import names_of_owners
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.sharing.new_owner import NewOwner, kind_words, new_owner
from webapp.submissions import own
from webapp.submissions.blocks import valid_id
from webapp.submissions.models import Submission
from webapp.submissions.own_edit import (
    EDITABLE,
    ChangedMeanwhile,
    InvalidValues,
    assign_case,
    edit_case,
    name_problem,
)
from webapp.web.access import project_route
from webapp.web.forms.case_edit import AssignForm, EditForm, attributes_of
from webapp.web.typed import shown_again_by
from webapp.web.views.case import looked_for
from webapp.web.views.case_rules import cases

__all__ = ["cases"]  # with the routes of this file, and those before

AGAIN, AGAIN_ASSIGN = "cases.show_typed", "cases.show_typed_owner"

#: So many properties that the case does not have are offered.
OFFERED = 100
#: So many characters of values stand in the form: the first of more, or those that are looked for.
MOST_TEXT = 500_000


@cases.get("/a/<project_name>/cases/<public_id:case_id>/edit")
@project_route(Right.EDIT_DATA)
def edit(project: Project, case_id: str) -> ResponseReturnValue:
    """What the case holds, in a form: of very many properties the first, or those that `?find=`
    finds. 409 when it is deleted."""
    case = _not_deleted(get_case(db.session(), project.id, case_id))
    find = looked_for()
    found, more = first_described(
        db.session(), case, find=find, also_unset=OFFERED, most_text=MOST_TEXT
    )
    properties = [one for one in found if one.value is not None or not name_problem(one.name)]
    form = EditForm.of(attributes_of(case.name, case.external_id), properties)
    return _edit_page(project, case, form, find=find, more=more)


@cases.post("/a/<project_name>/cases/<public_id:case_id>/edit")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def save_edit(project: Project, case_id: str) -> ResponseReturnValue:
    """Write what differs: 303 to the case; 422 with what is wrong; 409, and everything still there,
    where a value that was changed here was changed by somebody else too."""
    form = EditForm()
    form.validate()
    wishes = form.wishes()
    status = 422
    if not form.is_wrong():
        try:
            with write_transaction() as session:
                made = edit_case(session, project.id, case_id, wishes, by=g.actor)
        except InvalidValues as error:
            form.show_problems(error.problems)
        except ChangedMeanwhile as error:
            status = 409
            for name, now in error.now.items():
                form.row(name).ask(now)
        else:
            if made is None:
                flash(_("Nothing was changed."))
            else:
                flash(_("The case is saved. You can undo it at any time."))
            return redirect(url_for("cases.show", case_id=case_id, saved=made), 303)
    form.prepare()
    return _edit_page(project, get_case(db.session(), project.id, case_id), form, status)


@cases.post("/a/<project_name>/cases/<public_id:case_id>/edit/typed")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def show_typed(project: Project, case_id: str) -> ResponseReturnValue:
    """The form as it was typed before a session ended. Saves nothing."""
    form = EditForm()
    form.prepare()
    return _edit_page(project, _not_deleted(get_case(db.session(), project.id, case_id)), form)


@cases.get("/a/<project_name>/cases/<public_id:case_id>/assign")
@project_route(Right.EDIT_DATA)
def ask_assign(project: Project, case_id: str) -> ResponseReturnValue:
    """Whom to give the case to. 409 when it is deleted."""
    case = _not_deleted(get_case(db.session(), project.id, case_id))
    return _assign_page(project, case, AssignForm(formdata=None, seen=case.owner_id))


@cases.post("/a/<project_name>/cases/<public_id:case_id>/assign")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN_ASSIGN)
def assign(project: Project, case_id: str) -> ResponseReturnValue:
    """Give it to somebody: 303 to the case; 422 with what is wrong, or with a warning where it
    would be nobody's who can be known; 409 where it has got another owner meanwhile."""
    form = AssignForm()
    wanted = new_owner(db.session(), project.id, (form.owner.data or "").strip())
    status = 422
    if wanted.problem:
        form.owner.errors = [wanted.problem]
    elif not _is_sure(form, wanted):
        form.unsure.data = wanted.owner_id if valid_id(wanted.owner_id) else ""
        form.anyway.data = False
    else:
        try:
            with write_transaction() as session:
                seen = form.seen.data or ""
                made = assign_case(
                    session, project.id, case_id, wanted.owner_id, seen=seen, by=g.actor
                )
        except ChangedMeanwhile as error:
            status = 409
            form.seen.data = error.now["owner_id"] or ""
            form.owner.errors = [
                _(
                    "The case was reassigned meanwhile: it belongs to %(name)s now. Send this again"
                    " to reassign it all the same.",
                    name=_name_of(project, form.seen.data),
                )
            ]
        except Invalid as error:
            form.owner.errors = [error.message]
        else:
            if made is None:
                flash(_("The case belongs to %(name)s already.", name=wanted.name))
            else:
                flash(_("The case belongs to %(name)s now. You can undo it.", name=wanted.name))
            return redirect(url_for("cases.show", case_id=case_id, saved=made), 303)
    return _assign_page(project, get_case(db.session(), project.id, case_id), form, status)


@cases.post("/a/<project_name>/cases/<public_id:case_id>/assign/typed")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN_ASSIGN)
def show_typed_owner(project: Project, case_id: str) -> ResponseReturnValue:
    """The form as it was typed before a session ended. Saves nothing."""
    case = _not_deleted(get_case(db.session(), project.id, case_id))
    return _assign_page(project, case, AssignForm())


@cases.post("/a/<project_name>/cases/<public_id:case_id>/undo")
@project_route(Right.EDIT_DATA)
def undo(project: Project, case_id: str) -> ResponseReturnValue:
    """Archive a form that this case's page wrote; archiving it twice changes nothing."""
    submission_id = request.form.get("submission_id", "")
    with write_transaction() as session:
        undone = own.undo(
            session,
            project.id,
            case_id,
            submission_id,
            by=g.actor,
            reason=_("Undone on the page of the case"),
        )
        words = _("That was undone already.") if undone is None else ""
        if undone is not None:
            words = _undone_words(project, get_case(session, project.id, case_id), undone)
    flash(words)
    return redirect(url_for("cases.show", case_id=case_id), 303)


def _undone_words(project: Project, case: Case, form: Submission) -> str:
    if form.xmlns == own.CLOSE_XMLNS and case.closed:
        return _("The form is archived. The case stays closed, because another form closes it too.")
    if form.xmlns == own.CLOSE_XMLNS:
        return _("The case is open again. The form that closed it is archived.")
    if form.xmlns == own.ASSIGN_XMLNS:
        return _(
            "Reassigning is undone, and its form archived. The case belongs to %(name)s.",
            name=_name_of(project, case.owner_id),
        )
    return _("The edit is undone, and its form archived. What later forms wrote is kept.")


def _is_sure(form: AssignForm, wanted: NewOwner) -> bool:
    """Whether nothing is to be thought of, or the person was warned of this one and wants it."""
    if not wanted.doubt or (form.anyway.data and form.unsure.data == wanted.owner_id):
        return True
    form.owner.errors = [wanted.doubt]
    return False


def _name_of(project: Project, user_id: str) -> str:
    known = names_of_owners(db.session(), project.id, [user_id])
    return known.get(user_id, user_id) or _("nobody")


def _not_deleted(case: Case) -> Case:
    if case.deleted:
        raise Refused(_("This case is deleted: no form of it counts, so it cannot be changed."))
    return case


def _edit_page(
    project: Project,
    case: Case,
    form: EditForm,
    status: int = 200,
    *,
    find: str = "",
    more: int = 0,
) -> ResponseReturnValue:
    about = {one.name: one for one in described(db.session(), case, form.names())}
    groups: dict[str, list[object]] = {}
    for entry in form.values:
        name = entry.form.name.data or ""
        if name not in EDITABLE:
            one = about.get(name)
            groups.setdefault(one.group if one else "", []).append(entry.form)
    return render_template(
        "cases/edit.html",
        project=project,
        case=case,
        form=form,
        attributes=[entry.form for entry in form.values if entry.form.name.data in EDITABLE],
        groups=groups,
        about=about,
        find=find,
        more=more,
    ), status


def _assign_page(
    project: Project, case: Case, form: AssignForm, status: int = 200
) -> ResponseReturnValue:
    return render_template(
        "cases/assign.html",
        project=project,
        case=case,
        form=form,
        offered=owner_choices(db.session(), project.id).typed,
        kind_words=kind_words,
        owner=_name_of(project, case.owner_id),
    ), status
