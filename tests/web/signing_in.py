"""Signing in, in tests."""

from __future__ import annotations

import base64

from flask import Flask

from tests.factories import PASSWORD
from tests.web.pages import PageClient
from webapp.people.models import WebUser


def signed_in(app: Flask, user: WebUser, *, password: str = PASSWORD) -> PageClient:
    """A browser in which a web user has signed in."""
    browser = PageClient(app)
    form = browser.get("/login").form("Sign in")
    answer = form.submit(email=user.email, password=password)
    assert answer.status == 303, answer.text
    return browser


def basic(username: str, password: str = PASSWORD) -> dict[str, str]:
    """The header of HTTP Basic."""
    token = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}
