"""One helper decides between page and fragment."""

from __future__ import annotations

import json

import pytest
from flask import Flask, Response, request
from jinja2 import DictLoader

from webapp.web.htmx import is_fragment_request, render_page_or_fragment, trigger


@pytest.fixture
def site() -> Flask:
    app = Flask("site")
    app.jinja_env.loader = DictLoader(
        {"_list.html": "<p>{{ word }}</p>", "index.html": "<main>{% include '_list.html' %}</main>"}
    )

    @app.get("/")
    def listed() -> Response:
        return render_page_or_fragment(
            "index.html", "_list.html", status=422, push_url="/?a=1", word="<three>"
        )

    return app


def test_a_browser_gets_the_page_and_htmx_the_piece_of_it(site: Flask) -> None:
    page = site.test_client().get("/")
    piece = site.test_client().get("/", headers={"HX-Request": "true"})
    assert page.text == "<main><p>&lt;three&gt;</p></main>"
    assert piece.text == "<p>&lt;three&gt;</p>"
    assert (page.status_code, piece.status_code) == (422, 422)
    assert page.headers["Vary"] == piece.headers["Vary"] == "HX-Request"
    assert "HX-Push-Url" not in page.headers and piece.headers["HX-Push-Url"] == "/?a=1"


def test_what_is_shown_already_is_no_other_place_to_come_back_to(site: Flask) -> None:
    shown = {"HX-Request": "true", "HX-Current-URL": "https://cases.example.org/?a=1"}
    assert "HX-Push-Url" not in site.test_client().get("/", headers=shown).headers
    other = {"HX-Request": "true", "HX-Current-URL": "https://cases.example.org/?a=2"}
    assert site.test_client().get("/", headers=other).headers["HX-Push-Url"] == "/?a=1"


@pytest.mark.parametrize("header", ["HX-History-Restore-Request", "HX-Boosted"])
def test_going_back_and_boosted_links_need_the_whole_page(site: Flask, header: str) -> None:
    headers = {"HX-Request": "true", header: "true"}
    with site.test_request_context(headers=headers):
        assert not is_fragment_request(request)
    assert site.test_client().get("/", headers=headers).text.startswith("<main>")


def test_several_events_travel_in_one_header_of_ascii() -> None:
    response = trigger(trigger(Response(), "announce", "Zażółć"), "cases-changed")
    assert json.loads(response.headers["HX-Trigger"]) == {
        "announce": "Zażółć",
        "cases-changed": None,
    }
    assert response.headers["HX-Trigger"].isascii()
