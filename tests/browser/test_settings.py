"""The settings of a project, in a browser (SPEC U10)."""

from __future__ import annotations

from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests.browser.conftest import (
    NARROW_DARK,
    WIDE,
    Office,
    Opens,
    faults,
    look_on,
    sign_in,
)
from webapp.database import write_transaction
from webapp.mail import outbox


def test_settings_are_changed_and_errors_are_said(page: Page, office: Office):
    sign_in(page, office)
    page.goto(office.url())
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
    app: Flask, window: Opens, session: Session, office: Office
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
    page = window(look_on(app, sqlite=WIDE, postgresql=NARROW_DARK))
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
    assert found == []
