"""How people find what a rule did, as the help pages of CommCare tell it; and how they come from
the form to the rule."""

from __future__ import annotations

from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests.browser.conftest import (
    NARROW,
    WIDE,
    Office,
    Opens,
    faults,
    look_on,
    sign_in,
)
from tests.browser.test_walk import send, send_a_story
from tests.forms import case_block, form
from tests.rules.running import CLOSES, done, equals, rule_that, sets
from webapp.rules.models import Run

XMLNS = "http://commcarehq.org/hq_case_update_rule"


def close_the_finished(session: Session, office: Office) -> Run:
    """A rule closes two cases."""
    for case_id in ("f-1", "f-2"):
        create = {"case_type": "visit", "case_name": f"Case {case_id}"}
        send(office, form(case_block(case_id, create=create, update={"status": "done"})))
    actions = (CLOSES, sets("close_reason", "automatic"))
    definition = rule_that(
        *actions, where=equals("status", "done"), name="Close the finished", case_type="visit"
    )
    return done(office.project, definition)


def settle(page: Page) -> None:
    """Let the list follow, as a person does who looks; a request that the next one replaces is told
    in the console, and a fault there fails the test."""
    expect(page.locator(".htmx-request")).to_have_count(0)


def test_the_known_recipe_finds_the_forms_of_a_rule(session: Session, page: Page, office: Office):
    send_a_story(office)
    close_the_finished(session, office)
    sign_in(page, office)
    page.goto(office.url())
    page.get_by_role("link", name="Submit history").first.click()
    for user_type in ("[admin]", "[Web Users]", "[Unknown Users]"):
        page.get_by_label(user_type, exact=True).check()
        settle(page)
    application = page.get_by_label("Application", exact=True)
    expect(application.locator("option").first).to_have_text(
        "Show all forms of this Application Type…"
    )
    application.select_option(label="Show all forms of this Application Type…")
    settle(page)
    unknown = page.get_by_label("Form", exact=True).locator("optgroup[label='Unknown forms']")
    expect(unknown.locator("option", has_text=XMLNS)).to_have_text(XMLNS)
    page.get_by_label("Form", exact=True).select_option(label=XMLNS)
    settle(page)
    page.get_by_role("button", name="Apply").click()
    settle(page)
    expect(page.get_by_role("row")).to_have_count(3)
    for row in page.get_by_role("row").all()[1:]:
        expect(row).to_contain_text("Automatic Case Update Rule › Close the finished (v1)")
        expect(row).to_contain_text(XMLNS)
        expect(row).to_contain_text("system")

    # The same by the forms without an application.
    application.select_option(label="Unknown forms (without an application)")
    settle(page)
    page.get_by_role("button", name="Apply").click()
    settle(page)
    expect(page.get_by_role("row")).to_have_count(3)


def test_a_form_leads_to_its_rule_and_its_run(session: Session, page: Page, office: Office):
    run = close_the_finished(session, office)
    sign_in(page, office)
    page.goto(office.url("submissions/"))
    page.get_by_label("Run", exact=True).select_option(label=f"#{run.id} · Close the finished (v1)")
    page.get_by_role("button", name="Apply").click()
    settle(page)
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("row").filter(has_text="Case f-2").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Automatic Case Update Rule › Close the finished"
    )
    expect(page.get_by_role("row").filter(has_text="status")).to_contain_text("true")
    page.get_by_role("link", name="version 1").click()
    expect(page.locator("main")).to_contain_text("Close the finished")
    page.go_back()
    page.get_by_role("link", name=f"run #{run.id}").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Close the finished")


def test_axe_finds_nothing_on_a_rules_form(
    app: Flask, session: Session, window: Opens, office: Office
):
    look = look_on(app, sqlite=WIDE, postgresql=NARROW)
    close_the_finished(session, office)
    page = window(look)
    sign_in(page, office)
    page.goto(office.url("submissions/"))
    found = {"list": faults(page)}
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Why it matched")).to_be_visible()
    found["form"] = faults(page)
    assert {place: those for place, those in found.items() if those} == {}
