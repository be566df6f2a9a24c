"""Web users of a project and their roles (SPEC X1, U10)."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.database import write_transaction
from webapp.errors import Invalid, NotFound
from webapp.extensions import db
from webapp.people.members import (
    MemberRow,
    get_member,
    invite,
    may_give,
    members_of,
    remove_member,
    roles_of,
    set_role,
)
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.forms.people_member import InviteForm, RoleForm
from webapp.web.views.people_workers import people

MEMBERS = "/a/<project_name>/people/web-users"


@people.get(f"{MEMBERS}/")
@project_route(Right.VIEW)
def members(project: Project) -> ResponseReturnValue:
    """All members by address, and what each role may do."""
    session = db.session()
    return render_template(
        "people/members.html",
        project=project,
        rows=members_of(session, project.id),
        roles=roles_of(session, project.id),
        rights_of=lambda role: [Right(right).label for right in role.rights],
        may_change=_may_change,
    )


@people.get(f"{MEMBERS}/new")
@project_route(Right.MANAGE_PEOPLE)
def new_member(project: Project) -> ResponseReturnValue:
    """An empty form."""
    return _invite_page(project, InviteForm(formdata=None))


@people.post(f"{MEMBERS}/new")
@project_route(Right.MANAGE_PEOPLE)
def make_member(project: Project) -> ResponseReturnValue:
    """Make somebody a member: the password that was made, shown this once, or 303 to the list for
    somebody who has an account; 422 with what is wrong."""
    form = InviteForm()
    if not form.role.data:
        form.role.errors = [_("Choose a role.")]
    try:
        if not form.role.errors:
            with write_transaction() as session:
                user, password = invite(
                    session,
                    project,
                    form.email.data or "",
                    form.role.data or "",
                    by=g.actor,
                )
                email = user.email
    except NotFound as error:
        form.role.errors = [error.message]
    except Invalid as error:
        form.email.errors = [error.message]
    if form.errors:
        return _invite_page(project, form)
    if password is None:
        flash(_("%(email)s is a member now, and keeps their password.", email=email))
        return redirect(url_for("people.members"), 303)
    return render_template(
        "people/new_password.html",
        project=project,
        title=_("The password of %(name)s", name=email),
        text=_(
            "The web user is made. Write this down now, and give it to them in a safe way: nobody"
            " can see the password again."
        ),
        username=email,
        password=password,
        here=url_for("people.members"),
        crumbs=[(_("Web users"), url_for("people.members")), (_("Password"), None)],
        link=_("To the web users"),
    )


@people.get(f"{MEMBERS}/<user_id>/role")
@project_route(Right.MANAGE_PEOPLE)
def edit_member(project: Project, user_id: str) -> ResponseReturnValue:
    """Which role."""
    row = get_member(db.session(), project.id, user_id)
    return _role_page(project, row, RoleForm(formdata=None, data={"role": row.role.name}))


@people.post(f"{MEMBERS}/<user_id>/role")
@project_route(Right.MANAGE_PEOPLE)
def save_member(project: Project, user_id: str) -> ResponseReturnValue:
    """Give a member another role: 303 to the list, 422 without one, 409 for what one may not."""
    form = RoleForm()
    if not form.role.data:
        form.role.errors = [_("Choose a role.")]
        return _role_page(project, get_member(db.session(), project.id, user_id), form)
    with write_transaction() as session:
        changed = set_role(session, project, user_id, form.role.data, by=g.actor)
    flash(_("The role is changed.") if changed else _("Nothing was changed."))
    return redirect(url_for("people.members"), 303)


@people.get(f"{MEMBERS}/<user_id>/remove")
@project_route(Right.MANAGE_PEOPLE)
def ask_remove_member(project: Project, user_id: str) -> ResponseReturnValue:
    """What that means."""
    row = get_member(db.session(), project.id, user_id)
    return render_template("people/remove_member.html", project=project, row=row)


@people.post(f"{MEMBERS}/<user_id>/remove")
@project_route(Right.MANAGE_PEOPLE)
def take_out_member(project: Project, user_id: str) -> ResponseReturnValue:
    """Take a member out of the project; 409 for what one may not."""
    email = get_member(db.session(), project.id, user_id).user.email
    with write_transaction() as session:
        remove_member(session, project, user_id, by=g.actor)
    flash(_("%(email)s is no longer a member of this project.", email=email))
    return redirect(url_for("people.members"), 303)


def _may_change(row: MemberRow) -> bool:
    return row.user.user_id != g.actor.user_id and may_give(row.role, g.rights)


def _invite_page(project: Project, form: InviteForm) -> ResponseReturnValue:
    roles = roles_of(db.session(), project.id)
    form.offer(role for role in roles if may_give(role, g.rights))
    return render_template(
        "people/invite.html", project=project, form=form
    ), 422 if form.errors else 200


def _role_page(project: Project, row: MemberRow, form: RoleForm) -> ResponseReturnValue:
    roles = roles_of(db.session(), project.id)
    form.offer(role for role in roles if may_give(role, g.rights))
    return render_template(
        "people/edit_member.html", project=project, row=row, form=form
    ), 422 if form.errors else 200
