"""Signing in, in tests."""

from __future__ import annotations

import base64

from flask import Flask, session

from tests.factories import PASSWORD
from tests.web.pages import PageClient
from webapp.people.models import WebUser
from webapp.web.sessions import begin_session


def signed_in(app: Flask, user: WebUser) -> PageClient:
    """A browser in which a web user has signed in: with the cookie that it would have then, for two
    requests before each of a thousand tests take long."""
    browser = PageClient(app)
    browser.client.set_cookie(*session_cookie(app, user))
    return browser


def session_cookie(app: Flask, user: WebUser) -> tuple[str, str]:
    """The name and the value of that cookie."""
    with app.test_request_context():
        begin_session(user, shared=False)
        serializer = app.session_interface.get_signing_serializer(app)
        return app.config["SESSION_COOKIE_NAME"], serializer.dumps(session)


def signed_in_by_form(app: Flask, user: WebUser, *, password: str = PASSWORD) -> PageClient:
    """The same as people do it."""
    browser = PageClient(app)
    form = browser.get("/login").form("Sign in")
    answer = form.submit(email=user.email, password=password)
    assert answer.status == 303, answer.text
    return browser


def basic(username: str, password: str = PASSWORD) -> dict[str, str]:
    """The header of HTTP Basic."""
    token = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}
