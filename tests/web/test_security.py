"""What every answer says (SPEC X2), and what errors tell (X5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.factories import project as make_project
from tests.factories import web_user
from tests.redis import redis_server
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from tests.web.specimen_app import make_specimen_app
from webapp.clock import MINUTE, now, take_ticks
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.web import health
from webapp.web.sessions import is_loopback

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.fixture(scope="module")
def site(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    app = make_specimen_app(tmp_path_factory.mktemp("site"), database_url)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    "path", ["/login", "/", "/nowhere", "/healthz", "/static/app.js", "/a/x/receiver/", "/fail/500"]
)
def test_every_answer_carries_the_headers(site: Flask, path: str):
    with site.test_client().get(path) as answer:
        headers = answer.headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    if not path.startswith("/static"):
        assert headers["Cache-Control"] == "no-store"


def test_files_are_kept_by_version_and_carry_no_cookie(site: Flask):
    browser = PageClient(site)
    page = browser.get("/login")
    addresses = [*page.document.xpath("//link/@href"), *page.document.xpath("//script/@src")]
    assert addresses
    for url in addresses:
        assert "?v=" in url
        with browser.client.get(url) as answer:
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert not answer.headers.getlist("Set-Cookie")
    with browser.client.get("/static/app.js") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"


def test_forwarded_addresses_count_only_behind_a_proxy(tmp_path: Path, site: Flask):
    said = {"X-Forwarded-For": "10.9.9.9, 10.1.1.1", "X-Forwarded-Proto": "https"}
    client = site.test_client()
    alone = client.get("/address", headers=said).get_json()
    assert (alone["address"], alone["scheme"]) == (client.environ_base["REMOTE_ADDR"], "http")
    behind = make_specimen_app(tmp_path, "", proxies=1)
    seen = behind.test_client().get("/address", headers=said).get_json()
    assert (seen["address"], seen["scheme"]) == ("10.1.1.1", "https")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("127.8.8.8", True),
        ("[::1]:5000", True),
        ("app.localhost", True),
        ("192.168.1.5:5000", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("[fe80::1]", False),
        ("", False),
    ],
)
def test_only_this_machine_itself_is_loopback(host: str, loopback: bool):
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("way", "status", "says"),
    [
        ("gone", 404, "There is no form with this id."),
        ("invalid", 422, "days: enter a whole number."),
        ("refused", 409, "Other forms are in the way."),
        ("busy", 503, "The database is busy."),
        ("many", 429, "Too often."),
        ("ours", 400, "It cannot be done."),
        ("sentence", 409, "Somebody else was faster."),
        ("half", 400, "half a character"),
        ("413", 413, "larger than this server accepts"),
        ("418", 418, "Something went wrong"),
        ("500", 500, "a fault that is not yours"),
    ],
)
def test_an_error_is_a_page_with_a_sentence_and_a_way_on(
    site: Flask, way: str, status: int, says: str
):
    page = PageClient(site).get(f"/fail/{way}", status=status)
    assert says in page.text
    assert page.links()["Go to the start page"] == "/"


def test_busy_and_too_many_say_when_to_come_back(site: Flask):
    client = site.test_client()
    assert client.get("/fail/busy").headers["Retry-After"] == "5"
    assert client.get("/fail/many").headers["Retry-After"] == "77"


def test_a_method_that_is_not_taken_says_which_is(site: Flask):
    answer = site.test_client().delete("/login")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_whoever_takes_no_html_gets_json(site: Flask):
    client = site.test_client()
    answer = client.get("/fail/gone", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.get_json()) == (404, {"error": ERROR})
    answer = client.get("/nowhere", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert "not found" in answer.get_json()["error"]
    assert client.get("/fail/invalid", headers={"Accept": "application/json"}).status_code == 400


ERROR = "There is no form with this id."


def test_a_fault_of_ours_tells_nothing_of_the_inside(site: Flask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(site.config, "PROPAGATE_EXCEPTIONS", False)
    for accept in ("text/html", "application/json"):
        answer = site.test_client().get("/fail/code", headers={"Accept": accept})
        assert answer.status_code == 500
        assert "the inside" not in answer.text
        assert "Zero" not in answer.text
        assert "Traceback" not in answer.text


def test_a_statement_that_takes_too_long_says_so(site: Flask):
    answer = site.test_client().get("/fail/slow")
    assert answer.status_code == 503
    assert "took too long" in answer.text
    assert answer.headers["Retry-After"] == "5"


def test_a_connection_that_was_lost_is_to_be_tried_again(site: Flask):
    answer = site.test_client().get("/fail/lost")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_value_that_no_column_can_hold_is_said(site: Flask):
    with site.app_context():
        if db.engine.dialect.name != "postgresql":
            return  # SQLite's columns hold all
    assert site.test_client().get("/fail/big").status_code == 400


def test_without_a_database_there_still_is_a_page(site: Flask, tmp_path: Path):
    away = make_specimen_app(tmp_path, "")
    with away.app_context():
        browser = signed_in(away, web_user())
        db.session.remove()
        db.engine.dispose()
    for file in tmp_path.glob("casekeeper.sqlite*"):
        file.unlink()
    (tmp_path / "casekeeper.sqlite").mkdir()
    page = browser.get("/", status=503)
    assert "busy" in page.text
    assert page.headers["Retry-After"] == "5"
    assert browser.client.get("/healthz").status_code == 200
    ready = browser.client.get("/readyz")
    assert (ready.status_code, ready.get_json()["database"]) == (503, "down")


def test_ready_names_what_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with redis_server() as url:
        app = make_specimen_app(tmp_path, "", redis_url=url)
        client = app.test_client()
        answer = client.get("/readyz")
        up = {"database": "up", "redis": "up", "clock": "up"}
        assert (answer.status_code, answer.get_json()) == (200, up)
        with app.app_context():
            project_id = make_project().id
            with write_transaction() as session:
                take_ticks(session, project_id)
        monkeypatch.setattr(health, "now", lambda: now() - 2 * MINUTE)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "ahead" in answer.get_json()["clock"]
        monkeypatch.undo()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["redis"]) == (503, "down")
