"""Sessions: signing in and out, and when a session ends (SPEC X2).

A session is a signed cookie. It ends some hours after its last use, when the password changes, and
when the user is deactivated; on a shared computer sooner, and with the browser.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask, Request, current_app, g, has_request_context, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import UserMixin, login_user, logout_user
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadSignature
from sqlalchemy import select

from webapp.clock import now
from webapp.config import Settings
from webapp.embedded.address import is_loopback
from webapp.extensions import db, login
from webapp.people.models import WebUser
from webapp.web.htmx import is_fragment_request

#: What proxies add to a request.
_OF_PROXIES = (
    *("Forwarded", "Via", "X-Real-IP"),
    *("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"),
)

#: On a shared computer a session ends after so many seconds without use.
SHARED_FOR = 30 * 60
#: How often the time of last use is written there.
_SHARED_STEP = 60
#: Of the time that a session lasts, the part for which fragments do not prolong it.
YOUNG = 20


@dataclass(frozen=True)
class SignedIn(UserMixin):
    """The web user behind a request. No row of the database: it outlives transactions."""

    web_user_id: int
    user_id: str
    email: str
    #: Changes with the password.
    fingerprint: str

    def get_id(self) -> str:
        """What the cookie carries."""
        return f"{self.user_id}:{self.fingerprint}"


def init_sessions(app: Flask) -> None:
    """Bind Flask-Login and our cookie rules to the app."""
    # Its own context processor would load the user for every page, also for the one that says that
    # the database is away.
    login.init_app(app, add_context_processor=False)
    # It ties a session to the address, and phones change theirs all the time.
    login.session_protection = None
    login.user_loader(_load)
    app.session_interface = Cookies()


def begin_session(user: WebUser, *, shared: bool) -> None:
    """Sign a web user in. Whatever the browser's session held is gone first, so that a session
    that somebody planted there becomes worthless."""
    session.clear()
    g.pop("csrf_token", None)  # Flask-WTF keeps the token of the session that is gone
    session.permanent = not shared
    if shared:
        session["seen"] = _seconds()
    login_user(SignedIn(user.id, user.user_id, user.email, _fingerprint(user.password_hash)))
    # Now, and not with the first page that has a form: two that are asked for at the same time
    # would each begin a secret of its own, and the token of one would not be valid.
    generate_csrf()


def end_session() -> None:
    """Sign out."""
    logout_user()
    session.clear()


def cookie_is_secure(app: Flask, asked: Request) -> bool:
    """Whether cookies of this request's answer are for https only: always, except where people
    open it on the machine that it runs on (SPEC X2).

    A proxy that nobody told us about may ask for "127.0.0.1" on behalf of the whole world, and
    most give themselves away by a header.
    """
    settings: Settings = app.extensions["settings"]
    if settings.https or asked.is_secure or not is_loopback(asked.host):
        return True
    return not settings.proxies and any(name in asked.headers for name in _OF_PROXIES)


def cookie_would_be_lost(app: Flask, asked: Request) -> bool:
    """Whether the browser would drop the cookie, because it is for https and the page came without.

    With CASEKEEPER_HTTPS and no CASEKEEPER_PROXIES a proxy does https of which we do not hear.
    """
    settings: Settings = app.extensions["settings"]
    if asked.is_secure or (settings.https and not settings.proxies):
        return False
    return cookie_is_secure(app, asked)


class Cookies(SecureCookieSessionInterface):
    """Flask's cookie, with our rules for when it is set and how."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Not with files, which caches may keep, nor for machines (SPEC I1)."""
        view = app.view_functions.get(request.endpoint or "")
        if request.endpoint == "static" or getattr(view, "machine", False):
            return False
        # A page is left while its fragments are under way: what they carry is older than what the
        # answer that it is left for has set, as the sentence that a rule is saved.
        if is_fragment_request(request) and not session.modified and self._is_young(app):
            return False
        return super().should_set_cookie(app, session)

    def _is_young(self, app: Flask) -> bool:
        """Whether the cookie that came was written not long ago."""
        serializer = self.get_signing_serializer(app)
        cookie = request.cookies.get(self.get_cookie_name(app))
        if serializer is None or not cookie:
            return False
        try:
            _held, written = serializer.loads(cookie, return_timestamp=True)
        except BadSignature:
            return False
        age = datetime.now(UTC) - written
        return age < app.permanent_session_lifetime / YOUNG

    def get_cookie_secure(self, app: Flask) -> bool:
        """See `cookie_is_secure`."""
        return not has_request_context() or cookie_is_secure(app, request)


def _load(session_id: str) -> SignedIn | None:
    """The user of a session, if it still is one. One query."""
    user_id, _colon, fingerprint = session_id.partition(":")
    row = db.session.execute(
        select(WebUser.id, WebUser.user_id, WebUser.email, WebUser.password_hash).where(
            WebUser.user_id == user_id, WebUser.active
        )
    ).one_or_none()
    if row is None or not _still_used():
        return None
    if not hmac.compare_digest(fingerprint.encode(), _fingerprint(row.password_hash).encode()):
        return None
    return SignedIn(row.id, row.user_id, row.email, fingerprint)


def _still_used() -> bool:
    seen = session.get("seen")
    if seen is None:
        return True
    at = _seconds()
    if not isinstance(seen, int) or at - seen > SHARED_FOR:
        return False
    if at - seen > _SHARED_STEP:
        session["seen"] = at
    return True


def _fingerprint(password_hash: str) -> str:
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, b"session\0" + password_hash.encode(), "sha256").hex()[:24]


def _seconds() -> int:
    return now() // 1_000_000
