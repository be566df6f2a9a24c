"""What guards a page: `project_route`, `signed_in_route` (SPEC X1)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, g, url_for
from flask.testing import FlaskClient

from tests.factories import project as make_project
from tests.factories import web_user
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from tests.web.specimen_app import make_specimen_app
from webapp.extensions import db
from webapp.projects.operations import get_project
from webapp.projects.rights import STANDARD_ROLES, Right


@pytest.fixture(scope="module")
def site(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    app = make_specimen_app(tmp_path_factory.mktemp("site"), database_url)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def demo(site: Flask) -> Iterator[str]:
    """The name of a project; the test is in the site's application context."""
    with site.app_context():
        yield make_project().name


def member(site: Flask, name: str, role: str) -> FlaskClient:
    user = web_user(get_project(db.session(), name), role)
    return signed_in(site, user).client


@pytest.mark.parametrize("role", list(STANDARD_ROLES))
def test_a_role_opens_exactly_the_pages_of_its_rights(site: Flask, demo: str, role: str):
    browser = member(site, demo, role)
    for right in Right:
        answer = browser.get(f"/a/{demo}/{right.value}/")
        if right in STANDARD_ROLES[role]:
            seen = answer.get_json()
            assert seen["project"] == demo
            assert seen["rights"] == seen["may"] == sorted(STANDARD_ROLES[role])
            assert seen["actor"][2] == browser.environ_base["REMOTE_ADDR"]
        else:
            assert answer.status_code == 403
            assert f"needs the right “{right.label}”" in answer.text


def test_a_refusal_stands_inside_the_project(site: Flask, demo: str):
    answer = member(site, demo, "viewer").get(f"/a/{demo}/admin/")
    assert "You may not do this" in answer.text
    assert "Sign out" in answer.text


def test_what_is_in_the_way_is_linked(site: Flask, demo: str):
    user = web_user(get_project(db.session(), demo), "viewer")
    page = signed_in(site, user).get(f"/a/{demo}/blocked/", status=409)
    assert "are in the way" in page.text
    assert page.links()["Form form-1"] == f"/a/{demo}/submissions/form-1/"
    assert page.links()["Form form/2"] == f"/a/{demo}/submissions/form%252F2/"


def test_anonymous_people_come_back_to_where_they_were(site: Flask, demo: str):
    answer = site.test_client().get(f"/a/{demo}/view/?q=a%20b&n=1")
    assert answer.status_code == 303
    target = urlsplit(answer.headers["Location"])
    assert target.path == "/login"
    assert parse_qs(target.query)["next"] == [f"/a/{demo}/view/?q=a%20b&n=1"]


def test_htmx_gets_a_note_that_leaves_the_page_as_it_is(site: Flask, demo: str):
    page = PageClient(site).get(f"/a/{demo}/view/", htmx=True, status=401)
    assert page.headers["HX-Retarget"] == "#signed-out"
    assert "You are signed out, so this was not done" in page.text
    link = page.one("//a")
    assert link.get("target") == "_blank"
    assert link.get("href") == "/login?next=/login/done"


def test_a_form_sent_after_the_session_ended_leads_to_the_login(site: Flask, demo: str):
    answer = site.test_client().post(f"/a/{demo}/edit_data/", data={"csrf_token": "old"})
    assert answer.status_code == 303
    target = urlsplit(answer.headers["Location"])
    assert target.path == "/login"
    assert parse_qs(target.query) == {"next": [f"/a/{demo}/edit_data/"], "ended": ["1"]}


def test_a_project_that_is_not_mine_is_one_that_does_not_exist(site: Flask, demo: str):
    member(site, demo, "admin")
    browser = signed_in(site, web_user()).client
    mine = browser.get(f"/a/{demo}/view/")
    none = browser.get("/a/no-such-project/view/")
    assert mine.status_code == none.status_code == 404

    def without_tokens(page: str) -> list[str]:
        return [line for line in page.splitlines() if "csrf" not in line]

    assert without_tokens(mine.text) == without_tokens(none.text)


@pytest.mark.parametrize("name", ["%00", "a%00b", "%ED%A0%80", "..", "x" * 5000, "%27", "DEMO"])
def test_odd_project_names_are_no_fault_of_ours(site: Flask, demo: str, name: str):
    assert member(site, demo, "admin").get(f"/a/{name}/view/").status_code in {400, 404}


@pytest.mark.parametrize("query", ["q=%00", "%00=1", "q=ok&q=%00"])
def test_a_nul_in_the_query_is_refused(site: Flask, demo: str, query: str):
    answer = member(site, demo, "admin").get(f"/a/{demo}/view/?{query}")
    assert answer.status_code == 400
    assert "a character that cannot be there" in answer.text


def test_numbers_that_no_database_holds_lead_nowhere(site: Flask, demo: str):
    browser = member(site, demo, "admin")
    assert browser.get(f"/a/{demo}/view/{2**63 - 1}").get_json()["number"] == 2**63 - 1
    for number in (str(2**63), "9" * 400, "-1", "1e3"):
        assert browser.get(f"/a/{demo}/view/{number}").status_code == 404


def test_a_page_of_no_project_wants_only_a_session(site: Flask, demo: str):
    assert site.test_client().get("/mine").status_code == 303
    user = web_user()
    assert signed_in(site, user).client.get("/mine").get_json() == {"actor": user.email}


def test_addresses_fill_in_the_present_project(site: Flask, demo: str):
    with site.test_request_context():
        g.project = get_project(db.session(), demo)
        assert url_for("specimen.view") == f"/a/{demo}/view/"
        assert url_for("specimen.view", project_name="other") == "/a/other/view/"
