"""Groups of mobile workers: who shares cases with whom (SPEC C1, C5, U10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.database import write_transaction
from webapp.errors import InvalidEntry
from webapp.extensions import db
from webapp.people.groups import (
    add_members,
    create_group,
    delete_group,
    get_group,
    remove_members,
    set_group,
    undelete_group,
)
from webapp.people.models import MobileWorker
from webapp.people.queries import groups_of, workers_of
from webapp.people.sharing_models import Group
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.ask_first import ask, made_or_asked
from webapp.web.formatting import number
from webapp.web.forms.based_on import ContestedError
from webapp.web.forms.people_group import GroupForm, MembersForm
from webapp.web.views.people_workers import people

GROUPS = "/a/<project_name>/people/groups"
#: So many members are listed on the page of a group.
LISTED = 500
#: What is said of a group.
_SAID = ("name", "case_sharing", "reporting")


@people.get(f"{GROUPS}/")
@project_route(Right.VIEW)
def groups(project: Project) -> ResponseReturnValue:
    """All groups by name; with `?state=deleted` those that were deleted."""
    deleted = request.args.get("state") == "deleted"
    return render_template(
        "people/groups.html",
        project=project,
        rows=groups_of(db.session(), project.id, deleted=deleted),
        deleted=deleted,
    )


@people.get(f"{GROUPS}/new")
@project_route(Right.MANAGE_PEOPLE)
def new_group(project: Project) -> ResponseReturnValue:
    """An empty form."""
    return _form_page(project, GroupForm(formdata=None, data={"reporting": True}), None)


@people.post(f"{GROUPS}/new")
@project_route(Right.MANAGE_PEOPLE)
def make_group(project: Project) -> ResponseReturnValue:
    """Make a group: 303 to its page, where members are put into it; 422 with what is wrong."""
    form = GroupForm()
    try:
        with write_transaction() as session:
            group_id = create_group(
                session,
                project.id,
                form.name.data or "",
                case_sharing=bool(form.case_sharing.data),
                reporting=bool(form.reporting.data),
                by=g.actor,
            ).group_id
    except InvalidEntry as error:
        form.name.errors = [error.message]
        return _form_page(project, form, None)
    flash(_("The group is made. Put workers into it."))
    return redirect(url_for("people.group", group_id=group_id), 303)


@people.get(f"{GROUPS}/<group_id>/")
@project_route(Right.VIEW)
def group(project: Project, group_id: str) -> ResponseReturnValue:
    """A group with its members, and what it shares."""
    return _page(project, group_id, MembersForm(formdata=None))


@people.get(f"{GROUPS}/<group_id>/edit")
@project_route(Right.MANAGE_PEOPLE)
def edit_group(project: Project, group_id: str) -> ResponseReturnValue:
    """What is said of a group, in a form."""
    row = get_group(db.session(), project.id, group_id)
    form = GroupForm(formdata=None)
    form.begin(_said(row))
    return _form_page(project, form, row)


@people.post(f"{GROUPS}/<group_id>/edit")
@project_route(Right.MANAGE_PEOPLE)
def save_group(project: Project, group_id: str) -> ResponseReturnValue:
    """Say something else: 303 to its page; a question where phones change; 422 with what is
    wrong; 409, and what was typed, where somebody else changed the same meanwhile."""
    form = GroupForm()

    def change(session: Session) -> str:
        row = get_group(session, project.id, group_id)
        changed = set_group(session, row, by=g.actor, **form.uncontested(_said(row)))
        return _("The group is saved.") if changed else _("Nothing was changed.")

    row = get_group(db.session(), project.id, group_id)
    title = (
        _("Let the members of “%(name)s” share cases?", name=row.name)
        if form.case_sharing.data
        else _("End case sharing in “%(name)s”?", name=row.name)
    )
    try:
        return _done(project, group_id, change, title=title, button=_("Save"))
    except InvalidEntry as error:
        form.name.errors = [error.message]
        return _form_page(project, form, get_group(db.session(), project.id, group_id))
    except ContestedError:
        return _form_page(project, form, get_group(db.session(), project.id, group_id), 409)


@people.post(f"{GROUPS}/<group_id>/members/add")
@project_route(Right.MANAGE_PEOPLE)
def add_to_group(project: Project, group_id: str) -> ResponseReturnValue:
    """Put workers into a group, by their usernames: a question where phones change; 422 where a
    name is nobody's."""
    form = MembersForm()
    names, session = form.names(), db.session()
    row = get_group(session, project.id, group_id)
    known = {
        worker.username: worker
        for worker in session.scalars(
            select(MobileWorker).where(
                MobileWorker.project_id == project.id, MobileWorker.username.in_(names)
            )
        )
    }
    unknown = [name for name in names if name not in known]
    if not names:
        form.usernames.errors = [_("Enter at least one username.")]
    elif unknown:
        form.usernames.errors = [
            ngettext(
                "No worker of this project is called %(names)s.",
                "No workers of this project are called %(names)s.",
                len(unknown),
                names=", ".join(f"“{name[:80]}”" for name in unknown[:10]),
            )
        ]
    if form.usernames.errors:
        return _page(project, group_id, form)

    def change(session: Session) -> str:
        row = get_group(session, project.id, group_id)
        added = len(add_members(session, row, list(known.values()), by=g.actor))
        return ngettext(
            "%(number)s worker is new in the group.",
            "%(number)s workers are new in the group.",
            added,
            number=number(added),
        )

    title = _("Put workers into “%(name)s”?", name=row.name)
    return _done(project, group_id, change, title=title, button=_("Put them into the group"))


@people.post(f"{GROUPS}/<group_id>/members/remove")
@project_route(Right.MANAGE_PEOPLE)
def remove_from_group(project: Project, group_id: str) -> ResponseReturnValue:
    """Take the chosen workers out of a group: a question where phones change."""
    session = db.session()
    row = get_group(session, project.id, group_id)
    chosen = session.scalars(
        select(MobileWorker).where(
            MobileWorker.project_id == project.id,
            MobileWorker.user_id.in_(request.form.getlist("worker")[:LISTED]),
        )
    ).all()
    if not chosen:
        flash(_("Choose the workers to take out of the group."))
        return redirect(url_for("people.group", group_id=group_id), 303)

    def change(session: Session) -> str:
        row = get_group(session, project.id, group_id)
        gone = len(remove_members(session, row, chosen, by=g.actor))
        return ngettext(
            "%(number)s worker is no longer in the group.",
            "%(number)s workers are no longer in the group.",
            gone,
            number=number(gone),
        )

    title = _("Take workers out of “%(name)s”?", name=row.name)
    return _done(project, group_id, change, title=title, button=_("Take them out"))


@people.post(f"{GROUPS}/<group_id>/delete")
@project_route(Right.MANAGE_PEOPLE)
def remove_group(project: Project, group_id: str) -> ResponseReturnValue:
    """Delete a group: always asked first. It can be brought back."""
    row = get_group(db.session(), project.id, group_id)

    def change(session: Session) -> str:
        delete_group(session, get_group(session, project.id, group_id, deleted=True), by=g.actor)
        return _("“%(name)s” is deleted. You can bring it back here.", name=row.name)

    return _done(
        project,
        group_id,
        change,
        title=_("Delete the group “%(name)s”?", name=row.name),
        text=_(
            "It counts nowhere from then on. Cases that it owns stay its own, and are on no phone"
            " for its sake. You can bring it back, with its members, at any time."
        ),
        button=_("Delete"),
        always=True,
        then=url_for("people.groups", state="deleted"),
    )


@people.post(f"{GROUPS}/<group_id>/bring-back")
@project_route(Right.MANAGE_PEOPLE)
def bring_back_group(project: Project, group_id: str) -> ResponseReturnValue:
    """Bring back a deleted group with its members: a question where phones change."""
    row = get_group(db.session(), project.id, group_id, deleted=True)

    def change(session: Session) -> str:
        undelete_group(session, get_group(session, project.id, group_id, deleted=True), by=g.actor)
        return _("“%(name)s” is back.", name=row.name)

    title = _("Bring back the group “%(name)s”?", name=row.name)
    return _done(project, group_id, change, title=title, button=_("Bring back"))


def _done(
    project: Project,
    group_id: str,
    change: Callable[[Session], str],
    *,
    title: str,
    button: str,
    text: str = "",
    always: bool = False,
    then: str = "",
) -> ResponseReturnValue:
    """Make a change whose sentence is said on the next page, or ask first."""
    row = get_group(db.session(), project.id, group_id, deleted=True)
    name, here = row.name, url_for("people.group", group_id=group_id)
    outcome = made_or_asked(project, change, always=always)
    if outcome.asks is None:
        flash(outcome.made or "")
        return redirect(then or here, 303)
    return ask(
        project,
        outcome.asks,
        title=title,
        button=button,
        text=text,
        takes_away=always,
        back=here,
        crumbs=[(_("Groups"), url_for("people.groups")), (name, here), (button, None)],
    )


def _said(row: Group) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _SAID}


def _form_page(
    project: Project, form: GroupForm, row: Group | None, status: int = 422
) -> ResponseReturnValue:
    return render_template(
        "people/edit_group.html", project=project, form=form, group=row
    ), status if form.errors else 200


def _page(project: Project, group_id: str, form: MembersForm) -> ResponseReturnValue:
    session = db.session()
    row = get_group(session, project.id, group_id, deleted=True)
    found = session.scalars(workers_of(project.id, group=row).limit(LISTED + 1)).all()
    return render_template(
        "people/group.html",
        project=project,
        group=row,
        members=found[:LISTED],
        more=len(found) > LISTED,
        form=form,
    ), 422 if form.errors else 200
