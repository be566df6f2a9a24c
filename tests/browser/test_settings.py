"""The settings of a project, in a browser (SPEC U10)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session

from tests.browser.conftest import Office, axe_findings, sign_in
from tests.browser.test_walk import overflow
from webapp.database import write_transaction
from webapp.mail import outbox


@pytest.fixture(params=[True, False], ids=["javascript", "no-javascript"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param, locale="en-GB")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    yield page
    context.close()
    # A form that comes back with its errors, and a request that is let go because its page is left,
    # are no faults of ours, though the browser and htmx log them.
    let_go = ("htmx:afterRequest", "htmx:sendAbort")
    assert [one for one in faults if "422" not in one and not one.startswith(let_go)] == []


def test_settings_are_changed_and_errors_are_said(page: Page, office: Office):
    sign_in(page, office)
    page.get_by_role("link", name="Settings").click()
    next_run = page.locator("#next-run")
    expect(next_run).to_contain_text(" 00:00 UTC.")
    page.get_by_label("Rules run at").select_option("01:00")
    page.get_by_label("Time zone").fill("Africa/Nairobi")
    page.get_by_label("Most hours a run").fill("none")
    if page.evaluate("typeof htmx") != "undefined":
        expect(next_run).to_contain_text(" 01:00 EAT, which is ")
    page.get_by_role("button", name="Save settings").click()
    errors = page.locator("#errors")
    expect(errors).to_be_focused()
    errors.get_by_role("link").click()
    expect(page.get_by_label("Most hours a run")).to_be_focused()
    expect(page.get_by_label("Most hours a run")).to_have_value("none")
    expect(page.get_by_label("Time zone")).to_have_value("Africa/Nairobi")
    page.get_by_label("Most hours a run").fill("12")
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("#status")).to_have_text("The settings are saved.")
    expect(next_run).to_contain_text(" 01:00 EAT, which is ")
    expect(page.get_by_role("row", name="Most hours a run: 24 → becomes 12")).to_be_visible()


def test_axe_finds_nothing_and_nothing_overflows(
    browser: Browser, session: Session, office: Office
):
    with write_transaction():
        for subject in ("Run 7 waits", "W" * 200):
            outbox.post_to(
                session,
                office.project.id,
                "w" * 200 + "@example.org",
                subject=subject,
                body="",
            )
    context = browser.new_context(
        bypass_csp=True,  # for axe; the policy itself is held by the walk above
        reduced_motion="reduce",  # colours change at once with the scheme, and not bit by bit
        locale="en-GB",
    )
    page = context.new_page()
    sign_in(page, office)
    page.goto(office.url("settings/"))
    page.get_by_label("Title").fill("W" * 255)
    page.get_by_role("button", name="Save settings").click()
    page.wait_for_load_state()
    found = faults(page)
    page.get_by_label("Time zone").fill("Mars/" + "x" * 200)
    page.get_by_role("button", name="Save settings").click()
    page.wait_for_load_state()
    assert page.locator("#errors").is_visible()
    found += faults(page)
    page.goto(office.url("audit/"))
    expect(page.get_by_role("row", name="Settings changed")).to_be_visible()
    found += faults(page)
    context.close()
    assert found == []


def faults(page: Page) -> list[str]:
    """What is wrong with the page as it is: wide and light, narrow and dark."""
    found = []
    for width, scheme in ((1280, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found += axe_findings(page) + overflow(page, width)
    return found
