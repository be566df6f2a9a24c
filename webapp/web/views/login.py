"""Signing in and out."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.people.accounts import check_web_user
from webapp.people.models import WebUser
from webapp.web.access import safe_next, sign_in_page, signed_in_route, signed_in_user
from webapp.web.forms.login import SignInForm
from webapp.web.sessions import begin_session, cookie_would_be_lost, end_session
from webapp.web.typed import typed_before

login = Blueprint("login", __name__)


@login.get("/login")
def sign_in() -> ResponseReturnValue:
    """The login page; whoever is signed in already goes on."""
    if signed_in_user() is not None:
        return redirect(_target(), 303)
    return sign_in_page(SignInForm(formdata=None), None)


@login.get("/login/done")
@signed_in_route
def done() -> ResponseReturnValue:
    """Where one arrives who signed in beside a page that was left open."""
    return render_template("login/done.html")


@login.post("/login")
def take_sign_in() -> ResponseReturnValue:
    """Check e-mail and password, and go on to where the person wanted to be, or to the form that
    was sent after its session ended.

    The answer to a wrong one is the same whether the e-mail is known or not. Raises `TooMany` after
    too many of them.
    """
    form, typed = SignInForm(), typed_before()
    if not form.validate_on_submit():
        return sign_in_page(form, typed, 422)
    if cookie_would_be_lost(current_app, request):
        # Without this the browser would drop the cookie, and the person see nothing but the login.
        form.form_errors.append(
            _("Signing in needs https here. Open this page with an address that begins with https.")
        )
        return sign_in_page(form, typed, 422)
    address = request.remote_addr or ""
    email, password = form.email.data or "", form.password.data or ""
    found = check_web_user(db.session(), email, password, address=address)
    if found is None:
        form.form_errors.append(_("E-mail or password is not right"))
        return sign_in_page(form, typed, 422)
    with write_transaction() as session:
        user = session.scalars(select(WebUser).where(WebUser.id == found.web_user_id)).one()
        record(
            session,
            project_id=None,
            tag=Tag.WEB_USER_LOGIN,
            subject=f"web_user:{user.email}",
            by=Actor(user.user_id, user.email, address),
        )
    begin_session(user, shared=bool(form.shared.data))
    if typed is not None:
        return render_template("login/again.html", typed=typed)
    return redirect(_target(), 303)


@login.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End the session."""
    end_session()
    return redirect(url_for("login.sign_in"), 303)


def _target() -> str:
    return safe_next(request.args.get("next")) or url_for("projects.index")
