"""The page test client finds each fault, and fills in forms as a browser does."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, redirect, request

from tests.web.page_checks import faults
from tests.web.pages import PageClient

ROOT = Path(__file__).resolve().parents[2]

GOOD = """<!doctype html>
<html lang="en"><head><title>Cases</title></head><body><main><h1>Cases</h1>
<p role="status">3 cases</p>%s</main></body></html>"""

FORM = """
<form action="/take" method="post" aria-label="Everything">
  <input type="hidden" name="csrf_token" value="t">
  <label>Name <input name="name" value="Amina"></label>
  <label>Note <textarea name="note">
two
lines</textarea></label>
  <label>Type <select name="type"><option value="p">Pregnancy</option>
    <option value="h" selected>Household</option></select></label>
  <label>Several <select name="several" multiple><option>a</option>
    <option selected>b</option><option>c</option></select></label>
  <fieldset><legend>Match</legend>
    <input type="radio" name="match" value="all" id="all" checked>
    <label for="all">All of them</label>
    <input type="radio" name="match" value="any" id="any"><label for="any">Any of them</label>
    </fieldset>
  <label><input type="checkbox" name="pick" value="1" checked> one</label>
  <label><input type="checkbox" name="pick" value="2"> two</label>
  <label><input type="checkbox" name="agree"> agree</label>
  <label>Off <input name="off" value="x" disabled></label>
  <button type="submit" name="do" value="save">Save</button>
  <button type="submit" name="do" value="drop" formaction="/take?dropped=1">Drop it</button>
</form>"""


@pytest.fixture
def site() -> Flask:
    app = Flask("site", static_folder=str(ROOT / "static"))

    @app.get("/")
    def start() -> str:
        return GOOD % request.args.get("body", '<a href="/next">On</a> <a href="/away">Away</a>')

    @app.get("/next")
    def next_page() -> str:
        return GOOD % "<table><caption>People</caption><tr><th>Amina</th><td>3</td></tr></table>"

    @app.get("/away")
    def away() -> Any:
        return redirect("/next", 303)

    @app.get("/piece")
    def piece() -> Response:
        return Response('<p id="piece">here</p>', headers={"Vary": "HX-Request"})

    @app.get("/form")
    def form() -> str:
        return GOOD % FORM

    @app.route("/take", methods=["POST"])
    def take() -> dict[str, list[str]]:
        sent = {name: values for name, values in request.form.lists() if name != "csrf_token"}
        return sent | {f"?{k}": [v] for k, v in request.args.items()}

    @app.get("/find")
    def find() -> dict[str, Any]:
        return request.args.to_dict(flat=False)

    return app


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<p>a</b></p>", "line"),
        ("<h1>Two</h1>", "one h1"),
        ('<p id="a"></p><p id="a"></p>', "id 'a' stands 2 times"),
        (
            '<form action="/find"><input name="q"><button type="submit">Go</button></form>',
            "no label",
        ),
        ('<label for="q"></label><input id="q" name="q">', "no label"),
        ("<select><option>a</option></select>", "no label"),
        ('<a href="/next"></a>', "no words"),
        ("<button type='button'></button>", "no words"),
        ("<form><button type='submit'>Go</button></form>", "no action"),
        ("<form action='/take' method='post'></form>", "no csrf_token"),
        (
            "<form action='/find'><input type=hidden name=csrf_token value=x></form>",
            "in the address",
        ),
        ("<form action='/find'><button>Go</button></form>", "no type"),
        ("<form action='/nowhere'></form>", "no page of this site"),
        ("<form action='/take'></form>", "does not take GET"),
        ('<a href="/nowhere">On</a>', "no page of this site"),
        ('<a href="#lost">On</a>', "href points to '#lost'"),
        ('<p hx-get="/nowhere">x</p>', "no page of this site"),
        ('<button type="button" hx-post="/take">x</button>', "works with JavaScript only"),
        ('<p hx-get="/piece" hx-target="#lost">x</p>', "hx-target points to '#lost'"),
        ('<p hx-get="/piece" hx-include="closest form">x</p>', "hx-include points to"),
        ('<p hx-get="/piece" hx-trigger="change from:#lost">x</p>', "hx-trigger points to"),
        ('<p aria-describedby="lost">x</p>', "aria-describedby points to"),
        ('<p aria-labelledby="lost">x</p>', "aria-labelledby points to"),
        ('<label for="lost">x</label>', "for points to"),
        ('<p style="color:red">x</p>', "inline style"),
        ("<style>p{}</style>", "inline"),
        ("<script>1</script>", "inline"),
        ('<p onclick="x()">x</p>', "inline onclick"),
        ('<p hx-on:click="x()">x</p>', "inline hx-on"),
        ('<a href="javascript:x()">x</a>', "script in href"),
        ('<p hx-get="/piece" hx-trigger="click[ctrlKey]">x</p>', "needs eval"),
        ('<svg><use href="/static/icons.svg#i-unicorn"></use></svg>', "no symbol i-unicorn"),
        ('<img src="/static/none.png" alt="">', "is no file"),
        ('<img src="/static/favicon.svg">', "no words"),
    ],
)
def test_a_page_with_a_fault_fails_and_the_message_names_it(
    site: Flask, body: str, says: str
) -> None:
    with pytest.raises(AssertionError, match="no good page") as caught:
        PageClient(site).get("/", query_string={"body": body})
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("whole", "says"),
    [
        (
            "<html><head><title>T</title></head><body><main><h1>T</h1></main></body></html>",
            "doctype",
        ),
        (GOOD.replace(' lang="en"', "") % "", "no lang"),
        (GOOD.replace("<title>Cases</title>", "<title> </title>") % "", "title"),
        (GOOD.replace("<h1>Cases</h1>", "<h1></h1>") % "", "h1 is empty"),
        (GOOD.replace("main>", "div>") % "", "one main"),
    ],
)
def test_a_page_needs_its_skeleton(site: Flask, whole: str, says: str) -> None:
    assert any(says in fault for fault in faults(whole, site, "/"))


def test_a_good_page_with_icons_links_and_fragments_passes(site: Flask) -> None:
    body = (
        '<svg aria-hidden="true"><use href="/static/icons.svg#i-logo"></use></svg>'
        '<form action="/find" id="f"><label for="q">Find</label><input id="q" name="q" '
        'hx-get="/piece" hx-target="#out" hx-include="closest form" aria-describedby="out">'
        '<button type="submit">Go</button></form><p id="out"></p><a href="https://example.org/">x</a>'
    )
    assert PageClient(site).get("/", query_string={"body": body}).h1 == "Cases"


def test_a_fragment_is_no_page_and_a_page_no_fragment(site: Flask) -> None:
    browser = PageClient(site)
    assert browser.get("/piece", htmx=True).text == "here"
    with pytest.raises(AssertionError, match="a fragment alone is no whole page"):
        browser.get("/piece")
    with pytest.raises(AssertionError, match="asked for a fragment and got a whole page"):
        browser.get("/next", htmx=True)


def test_links_are_clicked_and_redirects_followed_only_when_told(site: Flask) -> None:
    page = PageClient(site).get("/")
    assert page.status_line == "3 cases"
    moved = page.click("Away")
    assert (moved.status, moved.location) == (303, "/next")
    assert moved.follow().rows("People") == [["Amina", "3"]]
    with pytest.raises(AssertionError, match="no link"):
        page.click("Nowhere")


def test_an_answer_that_was_not_expected_fails(site: Flask) -> None:
    with pytest.raises(AssertionError, match="answered 404"):
        PageClient(site).get("/nowhere")
    assert PageClient(site).client.get("/nowhere").status_code == 404


def sent(site: Flask, *button: str, **values: Any) -> dict[str, list[str]]:
    page = PageClient(site).get("/form").form("Everything").submit(*button, **values)
    answer = page.response.get_json()
    assert isinstance(answer, dict)
    return answer


def test_an_untouched_form_sends_what_a_browser_sends(site: Flask) -> None:
    assert sent(site) == {
        "name": ["Amina"],
        "note": ["two\r\nlines"],
        "type": ["h"],
        "several": ["b"],
        "match": ["all"],
        "pick": ["1"],
        "do": ["save"],
    }


def test_a_filled_in_form_sends_what_was_chosen(site: Flask) -> None:
    answer = sent(
        site, "Drop it", name="Biko", type="Pregnancy", several=["a", "c"], match="Any of them",
        pick=["2"], agree=True, note="a\nb",
    )  # fmt: skip
    assert answer == {
        "name": ["Biko"],
        "note": ["a\r\nb"],
        "type": ["p"],
        "several": ["a", "c"],
        "match": ["any"],
        "pick": ["2"],
        "agree": ["on"],
        "do": ["drop"],
        "?dropped": ["1"],
    }


@pytest.mark.parametrize(
    "values",
    [
        {"csrf_token": "forged"},
        {"off": "y"},
        {"unknown": "y"},
        {"type": "z"},
        {"type": ["p", "h"]},
        {"match": "none"},
        {"pick": ["3"]},
        {"name": ["a", "b"]},
    ],
)
def test_a_form_refuses_what_a_person_could_not_do(site: Flask, values: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        sent(site, **values)


def test_a_get_form_puts_its_values_into_the_address(site: Flask) -> None:
    body = (
        '<form action="/find?old=1"><label>Find <input name="q" type="search"></label>'
        '<button type="submit">Apply</button></form>'
    )
    form = PageClient(site).get("/", query_string={"body": body}).form("Apply")
    assert form.value("q") == ""
    assert form.submit(q="a b").response.get_json() == {"q": ["a b"]}


def test_a_file_is_uploaded(site: Flask) -> None:
    @site.post("/upload")
    def upload() -> str:
        return GOOD % request.files["sheet"].read().decode()

    body = (
        '<form action="/upload" method="post" enctype="multipart/form-data">'
        '<input type="hidden" name="csrf_token" value="t"><label>Sheet <input type="file" '
        'name="sheet"></label><button type="submit">Send</button></form>'
    )
    form = PageClient(site).get("/", query_string={"body": body}).form("/upload")
    assert "a,b" in form.submit(sheet=(io.BytesIO(b"a,b"), "cases.csv")).text
