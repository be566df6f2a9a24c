"""Signing in and out, and when a session ends (SPEC X2)."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.conftest import make_app
from tests.factories import PASSWORD, actor, web_user
from tests.factories import project as make_project
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in, signed_in_by_form
from webapp.audit.models import AuditEvent
from webapp.database import write_transaction
from webapp.people.operations import (
    add_member,
    set_web_user_active,
    set_web_user_password,
)
from webapp.projects.models import Project
from webapp.web import sessions
from webapp.web.access import safe_next


def from_address(app: Flask, address: str) -> PageClient:
    """A browser at an address of its own, so that its failures are counted apart."""
    browser = PageClient(app)
    browser.client.environ_base["REMOTE_ADDR"] = address
    return browser


def is_in(browser: PageClient) -> bool:
    return "/login" not in browser.client.get("/").headers.get("Location", "")


def test_a_person_signs_in_and_goes_straight_into_the_only_project(
    app: Flask, session: Session, project: Project
):
    amina = web_user(project, "editor")
    form = from_address(app, "10.0.0.9").get("/login").form("Sign in")
    start = form.submit(email=f"  {amina.email.upper()} ", password=PASSWORD).follow()
    assert start.location == f"/a/{project.name}/"
    event = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.subject == f"web_user:{amina.email}")
        .order_by(AuditEvent.id)
    ).all()[-1]
    assert (event.tag, event.actor, event.source) == ("web_user.login", amina.email, "10.0.0.9")


def test_the_other_tests_have_the_cookie_that_signing_in_leaves(app: Flask, session: Session):
    amina = web_user()
    made, typed = signed_in(app, amina), signed_in_by_form(app, amina)
    with (
        made.client.session_transaction() as of_made,
        typed.client.session_transaction() as of_typed,
    ):
        apart = {"csrf_token", "_id"}  # chance, and a digest of the browser's address
        assert {name: of_made[name] for name in of_made.keys() - apart} == {
            name: of_typed[name] for name in of_typed.keys() - apart
        }
        assert of_made.keys() == of_typed.keys()
    assert is_in(made)


def test_with_several_projects_one_chooses_and_with_none_one_hears_why(
    app: Flask, session: Session, project: Project
):
    other = make_project()
    amina = web_user(project)
    with write_transaction():
        add_member(session, other, amina, "viewer", by=actor())
    page = signed_in_by_form(app, amina).get("/")
    names = {row[1]: row[2] for row in page.rows("Projects that you are a member of")}
    assert names == {project.name: "Admin", other.name: "Viewer"}
    assert "not a member of any project yet" in signed_in_by_form(app, web_user()).get("/").text


def test_after_signing_in_one_is_where_one_wanted_to_be(app: Flask, session: Session):
    amina = web_user()
    page = PageClient(app).get("/login?next=/a/x/cases/%3Fq=1")
    assert page.form("Sign in").submit(email=amina.email, password=PASSWORD).location == (
        "/a/x/cases/?q=1"
    )


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/" + "a" * 3000,
        "",
        None,
    ],
)
def test_nobody_can_make_a_login_that_ends_elsewhere(target: str | None):
    assert safe_next(target) is None


def test_wrong_password_and_unknown_person_read_the_same(app: Flask, session: Session):
    amina = web_user()
    browser = from_address(app, "10.0.0.1")
    pages = []
    for email, password in ((amina.email, "wrong"), ("nobody@example.org", PASSWORD)):
        page = browser.get("/login").form("Sign in").submit(email=email, password=password)
        assert (page.status, page.errors) == (422, ["E-mail or password is not right"])
        assert "You are not signed in." in page.text
        assert "Nothing was saved" not in page.text
        token = page.form("Sign in").value("csrf_token")
        pages.append(page.html.replace(email, "").replace(token, ""))
    assert pages[0] == pages[1]
    assert not is_in(browser)


def test_a_deactivated_person_cannot_sign_in(app: Flask, session: Session):
    amina = web_user()
    with write_transaction():
        set_web_user_active(session, amina, False, by=actor())
    form = from_address(app, "10.0.0.2").get("/login").form("Sign in")
    page = form.submit(email=amina.email, password=PASSWORD)
    assert page.errors == ["E-mail or password is not right"]


def test_after_many_failures_one_waits_even_with_the_right_password(app: Flask, session: Session):
    amina = web_user()
    browser = from_address(app, "10.0.0.3")
    for _ in range(10):
        browser.get("/login").form("Sign in").submit(email=amina.email, password="wrong")
    form = browser.get("/login").form("Sign in")
    values = {"email": amina.email, "password": PASSWORD, "csrf_token": form.value("csrf_token")}
    page = browser.post("/login", values, status=429)
    wait = int(page.headers["Retry-After"])
    assert 0 < wait <= 15 * 60
    assert f"too many attempts with a wrong password. Wait {math.ceil(wait / 60)} min" in page.text
    elsewhere = from_address(app, "10.0.0.4").get("/login").form("Sign in")
    assert elsewhere.submit(email=amina.email, password=PASSWORD).status == 303


def test_signing_out_is_a_post_and_ends_the_session(app: Flask, session: Session):
    browser = signed_in_by_form(app, web_user())
    assert browser.client.get("/logout").status_code == 405
    assert is_in(browser)
    assert browser.get("/").form("Sign out").submit().location == "/login"
    assert not is_in(browser)


def test_a_new_password_ends_all_sessions(app: Flask, session: Session):
    amina = web_user()
    laptop, phone = signed_in_by_form(app, amina), signed_in_by_form(app, amina)
    with write_transaction():
        set_web_user_password(session, amina, "another good one", by=actor())
    assert not is_in(laptop)
    assert not is_in(phone)
    assert is_in(signed_in_by_form(app, amina, password="another good one"))


def test_deactivating_ends_the_session(app: Flask, session: Session):
    amina = web_user()
    browser = signed_in_by_form(app, amina)
    with write_transaction():
        set_web_user_active(session, amina, False, by=actor())
    assert not is_in(browser)


def test_a_session_ends_some_hours_after_its_last_use(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
):
    browser = signed_in_by_form(app, web_user())
    cookie = browser.client.get_cookie("casekeeper")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert cookie.expires is not None
    signer = "itsdangerous.timed.TimestampSigner.get_timestamp"
    later = int(time.time()) + 12 * 3600
    monkeypatch.setattr(signer, lambda self: later - 60)
    assert is_in(browser), "used: it goes on"
    monkeypatch.setattr(signer, lambda self: later + 11 * 3600)
    assert is_in(browser), "each use counts from then"
    monkeypatch.setattr(signer, lambda self: later + 24 * 3600)
    assert not is_in(browser)


def test_on_a_shared_computer_a_session_ends_after_half_an_hour(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
):
    amina = web_user()
    browser = PageClient(app)
    form = browser.get("/login").form("Sign in")
    form.submit(email=amina.email, password=PASSWORD, shared=True)
    cookie = browser.client.get_cookie("casekeeper")
    assert cookie is not None
    assert cookie.expires is None, "it ends with the browser"
    at = sessions.now()
    for minutes, still in ((20, True), (45, True), (74, True), (106, False)):
        monkeypatch.setattr(sessions, "now", lambda: at + minutes * 60_000_000)  # noqa: B023
        assert is_in(browser) is still, minutes


def test_a_session_that_was_planted_before_is_worthless(app: Flask, session: Session):
    amina = web_user()
    browser = PageClient(app)
    page = browser.get("/login")
    token = page.form("Sign in").value("csrf_token")
    page.form("Sign in").submit(email=amina.email, password=PASSWORD)
    assert browser.client.post("/logout", data={"csrf_token": token}).status_code == 400


def test_a_session_signed_with_another_secret_is_none(app: Flask, session: Session):
    browser = signed_in_by_form(app, web_user())
    cookie = browser.client.get_cookie("casekeeper")
    assert cookie is not None
    interface = sessions.Cookies()
    inside = interface.get_signing_serializer(app).loads(cookie.value)
    other = Flask("other", static_folder=None)
    other.secret_key = "somebody else's secret"
    for signer, still in ((app, True), (other, False)):
        value = interface.get_signing_serializer(signer).dumps(inside)
        browser.client.set_cookie("casekeeper", value)
        assert is_in(browser) is still


@pytest.mark.parametrize(
    "values",
    [
        {"email": "a\0b@example.org", "password": "x"},
        {"email": "amina@example.org", "password": "x\0"},
        {"email\0": "x"},
    ],
)
def test_a_nul_is_refused(app: Flask, values: dict[str, str]):
    answer = app.test_client().post("/login", data=values)
    assert answer.status_code == 400
    assert "a character that cannot be typed" in answer.text


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("x" * 100_000, "x"),
        ("amina@example.org", "x" * 100_000),
        ("amina@example.org", ""),
        ("", ""),
        ("' OR 1=1 --", "' OR 1=1 --"),
        ("𝒶mina@example.org", "пароль"),
    ],
)
def test_odd_credentials_are_refused_like_any_other(app: Flask, email: str, password: str):
    browser = from_address(app, "10.0.0.5")
    form = browser.get("/login").form("Sign in")
    assert form.submit(email=email, password=password).status == 422


def test_bytes_that_are_no_text_are_refused(app: Flask):
    client = app.test_client()
    body = b"email=%ED%A0%80@example.org&password=%FF%FE"
    answer = client.post("/login", data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 400  # no token; and no fault of ours


def test_away_from_the_machine_itself_signing_in_needs_https(tmp_path: Path):
    app = make_app(tmp_path, "")
    with app.app_context():
        amina = web_user()
        email = amina.email
    client = app.test_client()
    far = "http://cases.example.org"
    first = client.get("/login", base_url=far)
    assert "Secure" in first.headers["Set-Cookie"]
    app.config["WTF_CSRF_ENABLED"] = False
    sent = {"email": email, "password": PASSWORD}
    answer = client.post("/login", base_url=far, data=sent)
    assert answer.status_code == 422
    assert "https" in answer.text
    answer = client.post("/login", base_url="https://cases.example.org", data=sent)
    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]
    near = app.test_client().post("/login", base_url="http://127.0.0.1:5000", data=sent)
    assert near.status_code == 303
    assert "Secure" not in near.headers["Set-Cookie"]
