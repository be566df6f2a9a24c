"""The layouts and macros, with made-up data, through the page test client."""

from __future__ import annotations

import pytest

from tests.web.pages import PageClient
from tests.web.specimen import make_specimen


@pytest.fixture
def browser() -> PageClient:
    return PageClient(make_specimen())


@pytest.mark.parametrize(
    "path", ["/list", "/empty", "/form", "/job", "/projects", "/projects?none"]
)
def test_every_layout_is_a_good_page(browser: PageClient, path: str) -> None:
    assert browser.get(path).title.endswith("– Casekeeper")


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503])
@pytest.mark.parametrize("where", ["", "?bare"])
def test_every_error_says_what_happened_and_leads_back(
    browser: PageClient, code: int, where: str
) -> None:
    page = browser.get(f"/error/{code}{where}", status=code)
    assert page.h1 and f"Error {code}" in page.text
    assert page.click("Go to the start page").h1


def test_an_error_names_what_is_in_the_way(browser: PageClient) -> None:
    assert browser.get("/error/409", status=409).links()["Form 7f3c"] == "/form"


def test_the_title_tells_screen_and_project_and_the_menu_where_one_is(browser: PageClient) -> None:
    page = browser.get("/list")
    assert page.title == "Submit history – Demo Health – Casekeeper"
    current = page.document.xpath("//nav[@class='side']//a[@aria-current='page']")
    assert [a.get("href") for a in current] == ["/list"]
    trail = page.document.xpath("//nav[@aria-label='Breadcrumb']//li")
    assert [" ".join(li.text_content().split()).rstrip(" /") for li in trail] == [
        "Demo Health",
        "Lists",
        "Submit history",
    ]


def test_what_was_done_is_said_on_the_next_page(browser: PageClient) -> None:
    form = browser.get("/form").form("Save")
    page = form.submit(name="Amina", match="All of them", agree=True).follow()
    assert page.status_line == "The case was changed."


def test_errors_are_summed_up_above_the_heading_and_said_at_their_fields(
    browser: PageClient,
) -> None:
    page = browser.get("/form").form("Save").submit(fill={"name": "", "parts-1-days": "two months"})
    assert page.status == 422
    assert page.title.startswith("Error: Edit")
    assert page.errors == ["Enter a name", "Choose one", "Enter days as a whole number, like 60"]
    summary, heading = page.document.xpath("//*[@id='errors'] | //h1")
    assert (summary.get("id"), heading.tag) == ("errors", "h1")
    name = page.one("//input[@name='name']")
    assert name.get("aria-invalid") == "true" and "is-invalid" in name.get("class")
    assert name.get("aria-describedby") == "name-error name-hint"
    assert page.form("Save").value("parts-1-days") == "two months", "what was typed is kept"


def test_signing_in_wrongly_says_so(browser: PageClient) -> None:
    page = browser.get("/login").form("Sign in").submit(email="a@b.org")
    assert page.errors == ["Enter your password"]
    page = page.form("Sign in").submit(password="wrong")
    assert page.errors == ["E-mail or password is not right"]
    assert page.form("Sign in").value("email") == "a@b.org"


def test_long_and_missing_values_are_shown_without_markup_of_theirs(browser: PageClient) -> None:
    page = browser.get("/list")
    assert not page.document.xpath("//b[text()='long']")
    assert "Show all 480 characters" in page.text
    assert page.rows("Forms, newest first")[0][0].startswith("20 Nov ")


def test_progress_polls_while_it_runs_and_ends_by_itself(browser: PageClient) -> None:
    region = browser.get("/job").one("//section[@id='job-progress']")
    assert (region.get("hx-get"), region.get("hx-trigger")) == (
        "/job?state=finished",
        "load delay:1s",
    )
    bar = region.xpath(".//progress")[0]
    assert (bar.get("value"), bar.get("max"), bar.text) == ("2500", "6480", "2,500 of 6,480")
    assert region.get("data-announce").strip() == "25 % done."
    fragment = browser.get(region.get("hx-get"), htmx=True)
    ended = fragment.one("//section[@id='job-progress']")
    assert ended.get("hx-get") is None and ended.get("hx-trigger") is None
    assert "Finished" in fragment.text and not fragment.document.xpath("//button")


@pytest.mark.parametrize(("elapsed", "pause"), [(0, "1s"), (10, "2s"), (60, "5s")])
def test_progress_polls_ever_more_slowly(browser: PageClient, elapsed: int, pause: str) -> None:
    page = browser.get(f"/job?elapsed={elapsed}")
    assert page.one("//section[@id='job-progress']").get("hx-trigger") == f"load delay:{pause}"


@pytest.mark.parametrize("state", ["queued", "stopped", "failed"])
def test_progress_says_each_state(browser: PageClient, state: str) -> None:
    page = browser.get(f"/job?state={state}")
    assert {"queued": "Waiting", "stopped": "Stopped", "failed": "Failed"}[state] in page.text


def test_signing_out_is_a_post(browser: PageClient) -> None:
    form = browser.get("/list").form("Sign out")
    assert form.element.get("method") == "post"
    assert form.submit().location == "/login"
