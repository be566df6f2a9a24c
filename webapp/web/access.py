"""Who may see a page: each view says what it needs by its decorator (SPEC X1).

A view that says nothing is found by `tests/web/test_every_route.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Response, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.audit.actor import Actor
from webapp.errors import NotAllowed, NotFound
from webapp.extensions import db
from webapp.people.accounts import member_of
from webapp.projects.rights import Right
from webapp.rules.naming import found_words, owned, owners_named
from webapp.web.forms.login import SignInForm
from webapp.web.htmx import is_fragment_request
from webapp.web.sessions import SignedIn
from webapp.web.typed import Typed, page_to_come_back_to, typed_now

View = Callable[..., ResponseReturnValue]

#: What `signed_in_route` puts where `project_route` puts a right.
SIGNED_IN = "signed in"


def project_route(right: Right) -> Callable[[View], View]:
    """Let a view be seen only by members of the project in its address who have `right`.

    The address has `<project_name>`; the view gets `project` instead. Anonymous people are sent to
    sign in; for all others an unknown project and one of which they are no member are the same 404;
    a member without the right gets a 403 that names it. Sets `g.project`, `g.rights`, `g.actor`.
    Two queries.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(project_name: str, **parts: Any) -> ResponseReturnValue:
            user = signed_in_user()
            if user is None:
                return to_sign_in()
            member = member_of(db.session(), user.web_user_id, project_name)
            if member is None:
                raise NotFound("")
            g.project, g.rights, g.actor = member.project, member.rights, actor_of(user)
            if right not in member.rights:
                raise NotAllowed(right.label)
            with owners_named(db.session(), member.project.id):
                return view(project=member.project, **parts)

        guarded.needs = right  # type: ignore[attr-defined]  # read by the test of all routes
        return guarded

    return decorate


def signed_in_route(view: View) -> View:
    """Let a view that belongs to no project be seen by whoever is signed in; sets `g.actor`."""

    @wraps(view)
    def guarded(**parts: Any) -> ResponseReturnValue:
        user = signed_in_user()
        if user is None:
            return to_sign_in()
        g.actor = actor_of(user)
        return view(**parts)

    guarded.needs = SIGNED_IN  # type: ignore[attr-defined]  # read by the test of all routes
    return guarded


def may(right: Right | str) -> bool:
    """Whether the person may, in the present project: what a page leaves out. The view behind it
    refuses by itself. Raises `ValueError` for a right that there is not."""
    return Right(right) in g.get("rights", frozenset())


def signed_in_user() -> SignedIn | None:
    """Who is signed in, if anybody. One query in a request."""
    return current_user if current_user.is_authenticated else None


def actor_of(user: SignedIn) -> Actor:
    """The person as the audit log has them."""
    return Actor(user.user_id, user.email, request.remote_addr or "")


def to_sign_in() -> Response:
    """Send to the login page, and from there back to where the person is now.

    Nothing that was typed is lost: htmx gets a note for the page as it is, and a form that can be
    shown again (`webapp.web.typed`) goes with the person.
    """
    if is_fragment_request(request):
        note = make_response(render_template("_signed_out.html"), 401)
        note.headers["HX-Retarget"] = "#signed-out"
        note.headers["HX-Reswap"] = "outerHTML"
        note.vary.add("HX-Request")
        return note
    typed = typed_now()
    if typed is not None:
        return sign_in_page(SignInForm(formdata=None), typed, 401)
    sent = request.method not in {"GET", "HEAD"}
    shown = safe_next(page_to_come_back_to())
    ended = 1 if sent and shown else None
    response = redirect(url_for("login.sign_in", next=shown, ended=ended), 303)
    assert isinstance(response, Response)
    return response


def sign_in_page(form: SignInForm, typed: Typed | None, status: int = 200) -> Response:
    """The login page, with what was typed before the session ended, if anything."""
    action = url_for("login.take_sign_in", next=safe_next(request.args.get("next")))
    ended = typed is None and request.args.get("ended") == "1"
    page = render_template("login/index.html", form=form, action=action, typed=typed, ended=ended)
    return make_response(page, status)


def safe_next(target: str | None) -> str | None:
    """A place on this site to which a person may be sent, or None: nobody must be able to make a
    link to our login page that ends on another site."""
    if not target or len(target) > 2_000 or not target.startswith("/"):
        return None
    # Browsers take a backslash for a slash, and drop tabs and line ends before they look.
    if target.startswith("//") or "\\" in target or not target.isprintable():
        return None
    return None if target == "/" else target


def init_access(app: Flask) -> None:
    """Give templates `may(…)` and the names of owners, and let `url_for` fill in the present
    project's name."""
    app.jinja_env.globals.update(may=may, owned=owned, found_words=found_words)

    @app.url_defaults
    def fill_in_project(endpoint: str, values: dict[str, Any]) -> None:
        project = g.get("project")
        if (
            project is not None
            and "project_name" not in values
            and app.url_map.is_endpoint_expecting(endpoint, "project_name")
        ):
            values["project_name"] = project.name
