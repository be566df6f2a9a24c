"""What the issue asks of a person: send forms, see cases, find a form, take it back, bring it
back; with JavaScript and without."""

from __future__ import annotations

import base64
from urllib.request import Request as Sending
from urllib.request import urlopen

from flask import Flask
from playwright.sync_api import Page, Request, expect

from tests import factories
from tests.browser.conftest import (
    NARROW,
    NARROW_DARK,
    ON_POSTGRESQL,
    WIDE,
    Office,
    Opens,
    faults,
    look_on,
    sign_in,
    sign_in_by_form,
)
from tests.forms import case_block, form


def send(office: Office, xml: bytes) -> None:
    """Send a form as the worker's phone does."""
    token = base64.b64encode(f"{office.worker.username}:{factories.PASSWORD}".encode()).decode()
    request = Sending(
        office.url("receiver/"), data=xml, headers={"Authorization": f"Basic {token}"}
    )
    with urlopen(request) as answer:
        assert answer.status == 201


def send_a_story(office: Office) -> None:
    """A pregnancy is registered, visited, closed; and a late form comes."""
    user = office.worker.user_id
    create = {"case_type": "pregnancy", "case_name": "Ana Mwangi", "owner_id": user}
    for name, block in (
        ("Register", case_block("p-1", create=create, update={"edd": "2025-06-01"}, user_id=user)),
        ("ANC visit", case_block("p-1", update={"visits": "1"}, user_id=user)),
        ("Delivery", case_block("p-1", close=True, user_id=user)),
        ("Late note", case_block("p-1", update={"note": "came late"}, user_id=user)),
    ):
        send(office, form(block, name=name, user_id=user))


def test_a_form_is_found_archived_and_restored(page: Page, office: Office):
    send_a_story(office)
    page.goto(office.address + "/")
    sign_in_by_form(page, office)
    page.get_by_role("link", name="Submit history").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Submit history")
    expect(page.get_by_role("row")).to_have_count(5)

    page.get_by_role("row").filter(has_text="Delivery").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Delivery")
    page.get_by_role("link", name="Archive").click()
    page.get_by_label("Why is it archived?").fill("entered for the wrong woman")
    page.get_by_role("button", name="Archive").click()
    expect(page.locator("main")).to_contain_text("entered for the wrong woman")

    page.get_by_role("link", name="Ana Mwangi").first.click()
    expect(page.locator("main")).to_contain_text("came late")  # the late value is kept
    expect(page.locator("main .state", has_text="Open").first).to_be_visible()

    page.go_back()
    page.get_by_role("button", name="Restore").click()
    page.get_by_role("link", name="Ana Mwangi").first.click()
    expect(page.locator("main .state", has_text="Closed").first).to_be_visible()


def test_a_case_is_closed_by_a_form_and_opened_again(page: Page, office: Office):
    user = office.worker.user_id
    send(office, form(case_block("p-2", create={"case_type": "visit", "case_name": "Beno"})))
    assert user
    page.goto(office.address + "/")
    sign_in_by_form(page, office)
    page.get_by_role("link", name="Cases").first.click()
    page.get_by_role("link", name="Beno").click()
    page.get_by_role("link", name="Close case").click()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("main .state", has_text="Closed").first).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("main .state", has_text="Open").first).to_be_visible()


def test_axe_finds_nothing_and_nothing_overflows(app: Flask, window: Opens, office: Office):
    look = look_on(app, sqlite=WIDE, postgresql=NARROW_DARK)
    page = window(look)
    page.goto(office.address + "/")
    found = {"sign in": faults(page)}
    sign_in(page, office)
    empty = ["", "submissions/", "cases/", "jobs/"]
    for path in empty:
        page.goto(office.url(path))
        found[f"empty {path}"] = faults(page)
    send_a_story(office)
    send(office, form(case_block("a", index={"parent": ("x", "nobody")}), name="N" * 126))
    send(office, form(case_block("x" * 255, create={"case_name": "W" * 255, "case_type": "w"})))
    paths = [*empty, "submissions/?state=error", "cases/p-1/", f"cases/{'x' * 255}/"]
    paths += ["cases/p-1/close", "no/such/page"]
    for path in paths:
        page.goto(office.url(path))
        found[path] = faults(page)
    page.goto(office.url("submissions/"))
    page.get_by_role("row").filter(has_text="Delivery").get_by_role("link").first.click()
    expect(page.get_by_role("link", name="Archive")).to_be_visible()
    found["form page"] = faults(page)
    page.get_by_role("link", name="Archive").click()
    expect(page.get_by_role("button", name="Archive")).to_be_visible()
    found["archive"] = faults(page)
    assert {place: those for place, those in found.items() if those} == {}


@ON_POSTGRESQL
def test_what_is_looked_for_is_asked_once(browsing: Page, office: Office):
    """Enter is a change and a submit, and what is typed is looked for by itself a moment later."""
    send_a_story(office)
    page = browsing
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if is_first(one) else None)
    for path, label, typed, found in (
        ("cases/?state=any", "Name or id", "ana", "Name or id: ana"),
        ("submissions/", "Case id", "p-1", "Case: p-1"),
    ):
        page.goto(office.url(path))
        asked.clear()
        page.get_by_label(label).press_sequentially(typed)
        page.get_by_label(label).press("Enter")
        expect(page.locator("#results")).to_contain_text(found)
        page.wait_for_timeout(700)  # longer than is waited for more letters
        assert len(asked) == 1


def is_first(request: Request) -> bool:
    """Whether htmx sent it, and not a redirect."""
    return request.resource_type == "xhr" and request.redirected_from is None


@ON_POSTGRESQL
def test_on_a_phone_the_filters_are_folded(window: Opens, office: Office):
    send_a_story(office)
    page = window(NARROW)
    sign_in(page, office)
    page.goto(office.url("submissions/"))
    expect(page.get_by_label("Received from")).to_be_hidden()
    page.locator("summary", has_text="Filters").first.click()
    page.get_by_label("Case id").fill("nobody")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#results")).to_contain_text("No form fits")
    expect(page.get_by_label("Case id")).to_be_visible()
    page.goto(office.url("cases/"))
    expect(page.get_by_role("searchbox")).to_be_visible()
    expect(page.get_by_label("Owner")).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.reload()
    expect(page.get_by_label("Owner")).to_be_visible()
    expect(page.get_by_text("More filters")).to_be_hidden()
