"""The session cookie is Secure, except on the machine itself (SPEC X2)."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import make_app
from tests.factories import PASSWORD, web_user
from tests.web.signing_in import signed_in
from webapp.projects.models import Project
from webapp.web import sessions

HERE = ["127.0.0.1:5000", "127.8.9.10", "localhost", "localhost:5000", "a.localhost", "[::1]:5000"]
ELSEWHERE = [
    *("cases.example.org", "192.168.1.5:5000", "localhost.example.org", "127.0.0.1.example.org"),
    *("0.0.0.0:5000", "[fe80::1]"),
]


def cookie(app: Flask, url: str, **headers: str) -> str:
    answer = app.test_client().get("/login", base_url=url, headers=headers)
    return answer.headers["Set-Cookie"]


@pytest.mark.parametrize("host", HERE)
def test_on_the_machine_itself_http_will_do(app: Flask, host: str):
    assert "Secure" not in cookie(app, f"http://{host}")
    assert "Secure" in cookie(app, f"https://{host}")


@pytest.mark.parametrize("host", ELSEWHERE)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_from_elsewhere_it_is_secure(app: Flask, host: str, scheme: str):
    found = cookie(app, f"{scheme}://{host}")
    assert "Secure" in found and "HttpOnly" in found and "SameSite=Lax" in found


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via"]
)
def test_a_proxy_that_nobody_told_us_about_is_elsewhere(app: Flask, header: str):
    assert "Secure" in cookie(app, "http://127.0.0.1:5000", **{header: "http"})


def test_a_proxy_that_we_know_says_where_people_are(database_url: str, tmp_path: Path):
    if database_url:
        return  # it has nothing to do with the database
    app = make_app(tmp_path, "", proxies=1)
    near = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"}
    far = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "cases.example.org"}
    assert "Secure" not in cookie(app, "http://127.0.0.1:5000", **near)
    assert "Secure" in cookie(
        app, "http://127.0.0.1:5000", **near, **{"X-Forwarded-Proto": "https"}
    )
    assert "Secure" in cookie(app, "http://127.0.0.1:5000", **far)


def test_behind_a_proxy_that_does_https_unheard_people_can_sign_in(
    database_url: str, tmp_path: Path
):
    if database_url:
        return
    app = make_app(tmp_path, "", https=True)
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        email = web_user().email
    for host in ("127.0.0.1:5000", "cases.example.org"):
        answer = app.test_client().post(
            "/login", base_url=f"http://{host}", data={"email": email, "password": PASSWORD}
        )
        assert answer.status_code == 303
        assert "Secure" in answer.headers["Set-Cookie"]


def test_a_fragment_takes_nothing_back_that_a_page_has_set(
    app: Flask, project: Project, monkeypatch: pytest.MonkeyPatch
):
    """A page is saved while a preview is under way: its answer comes after, and knows nothing of
    the sentence that the rule is saved."""
    browser = signed_in(app, web_user(project)).client
    url = f"/a/{project.name}/rules/"

    def sets_cookie(**headers: str) -> bool:
        return "Set-Cookie" in browser.get(url, headers=headers).headers

    assert sets_cookie()
    assert not sets_cookie(**{"HX-Request": "true"})
    monkeypatch.setattr(sessions, "YOUNG", 10**12)
    assert sets_cookie(**{"HX-Request": "true"}), "who works on one page stays signed in"
