"""The form of a rule in a browser: many rows, a session that ends, leaving by accident."""

from __future__ import annotations

import threading

from flask import Flask
from playwright.sync_api import Dialog, Page, expect
from sqlalchemy.orm import Session

from tests.browser.conftest import (
    NARROW,
    ON_SQLITE,
    WIDE_DARK,
    Office,
    Opens,
    faults,
    look_on,
    sign_in,
    sign_in_by_form,
)
from tests.web.rule_pages import make_rule, patient
from webapp.projects.models import Project

#: With the longest names that there are on forms.
LONG = [
    {"kind": "property", "property": "p" * 126, "operator": "not_equals", "value": "v" * 126},
    {"kind": "date", "property": "parent/" + "d" * 126, "operator": "after", "days": 60},
]
FORTY = [{"kind": "not_modified_since", "days": 300 + number} for number in range(40)]


def begin(page: Page, office: Office) -> None:
    """Somebody has begun to write a rule, and their session ends."""
    page.goto(office.url("rules/new"))
    page.get_by_label("Name", exact=True).fill("Half written")
    page.get_by_role("button", name="Add a condition on: Property").click()
    page.locator("#criteria-0-property").fill("status")
    page.wait_for_load_state("networkidle")  # an answer under way would bring the cookie back
    page.context.clear_cookies()


def test_one_of_many_rows_is_edited(page: Page, office: Office, session: Session):
    sign_in(page, office)
    project = session.get_one(Project, office.project.id)
    rule = make_rule(project, criteria=FORTY)
    session.rollback()
    page.goto(office.url(f"rules/{rule.rule_id}/edit"))
    expect(page.locator("#criteria-6-words")).to_be_visible()
    expect(page.locator("#criteria-6-days")).to_have_count(0)
    page.get_by_role("button", name="Edit condition 7: no form has come").press("Enter")
    expect(page.locator("#criteria-6-days")).to_be_focused()
    page.locator("#criteria-6-days").fill("7")
    page.get_by_role("button", name="Remove condition 9:").click()
    expect(page.locator("#criteria-6-words")).to_contain_text("for more than 7 days")
    expect(page.locator("#criteria legend")).to_have_count(39)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("The rule is saved as version 2.")


def test_rows_are_put_in_order_and_one_case_is_checked(
    page: Page, office: Office, session: Session
):
    """With the keyboard: the focus stays where it can be pressed again."""
    sign_in(page, office)
    project = session.get_one(Project, office.project.id)
    patient(session, project, "p-1", case_name="Ana Mora", status="done", village="A")
    criteria = [
        {"kind": "property", "property": name, "operator": "equals", "value": value}
        for name, value in (("status", "done"), ("village", "B"), ("ward", "C"))
    ]
    rule = make_rule(project, criteria=criteria)
    session.rollback()
    page.goto(office.url(f"rules/{rule.rule_id}/edit"))
    page.locator("#criteria-0-value").fill("new")
    page.keyboard.press("Tab")
    if page.evaluate("typeof htmx") != "undefined":
        expect(page.locator("#preview")).to_contain_text("0 cases would change")
    page.get_by_role("button", name="Move up condition 3: ward").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Moved: this is condition 2 of 3 now")
    expect(page.get_by_role("button", name="Move up condition 2: ward")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Move down condition 1: ward")).to_be_focused()
    expect(page.locator("#criteria-1-value")).to_have_value("new")
    page.get_by_role("button", name="Move down condition 1: ward").press("Enter")
    expect(page.locator("#criteria-1-property")).to_have_value("ward")
    page.get_by_role("button", name="Remove condition 2: ward").click()
    expect(page.locator("#criteria legend")).to_have_count(2)

    page.get_by_label("Case", exact=True).fill("mora")
    page.get_by_role("button", name="Check", exact=True).click()
    verdict = page.locator("#verdict")
    expect(verdict).to_contain_text("The rule does not match “Ana Mora”")
    page.locator("#criteria-0-value").fill("done")
    page.locator("#criteria-1-value").fill("A")
    page.get_by_role("button", name="Count now").click()
    expect(verdict).to_contain_text("The rule matches “Ana Mora”")
    expect(page.locator("#preview")).to_contain_text("1 case would change")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="See the case on a page").click()
    expect(opened.value.get_by_role("table")).to_contain_text("Ana Mora")
    opened.value.close()
    expect(page.locator("#criteria-1-value")).to_have_value("A")


@ON_SQLITE
def test_a_slow_count_is_said_and_keeps_nobody_from_saving(browsing: Page, office: Office):
    page = browsing
    waiting = threading.Event()
    page.goto(office.url("rules/new"))
    page.route("**/rules/preview", lambda route: None if waiting.is_set() else route.continue_())
    page.evaluate(
        "window.setTimeout = ((real) => (f, ms, ...a) => real(f, ms / 10, ...a))(setTimeout)"
    )
    waiting.set()
    page.get_by_label("Name", exact=True).fill("Slow")
    page.get_by_role("combobox", name="Case type").fill("patient")
    page.get_by_label("Every open case of this type").check()
    page.get_by_label("Close the case").check()
    expect(page.locator("#preview .when-slow")).to_be_visible()
    expect(page.locator("#preview .when-counting")).to_be_hidden()
    expect(page.get_by_role("status")).to_contain_text("Still counting.")
    page.get_by_role("button", name="Save as draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Slow")


@ON_SQLITE
def test_a_session_that_ends_loses_nothing_that_was_typed(browsing: Page, office: Office):
    page = browsing
    begin(page, office)
    page.get_by_role("button", name="Add a condition on: Date").click()
    note = page.locator("#signed-out")
    expect(note).to_contain_text("You are signed out, so this was not done")
    expect(note).to_be_focused()
    expect(page.locator("#criteria-0-property")).to_have_value("status")
    with page.expect_popup() as opened:
        note.get_by_role("link").click()
    other = opened.value
    sign_in_by_form(other, office)
    expect(other.get_by_role("heading", level=1)).to_have_text("You are signed in")
    other.close()
    # A browser without windows hides no tab, and so shows none again.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#criteria-1-operator")).to_be_focused()
    expect(note).to_be_empty()
    expect(page.locator("#criteria-0-property")).to_have_value("status")
    page.get_by_role("button", name="Save as draft").click()
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Half written")


def test_a_rule_saved_too_late_is_shown_again(page: Page, office: Office):
    sign_in(page, office)
    begin(page, office)
    page.get_by_role("button", name="Save as draft").click()
    expect(page.locator("main")).to_contain_text("What you typed is kept")
    sign_in_by_form(page, office)
    page.get_by_role("button", name="Go on with it").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Half written")
    expect(page.locator("#criteria-0-property")).to_have_value("status")


@ON_SQLITE
def test_the_panel_says_that_it_is_out_of_date_without_a_session(browsing: Page, office: Office):
    page = browsing
    begin(page, office)
    page.keyboard.press("Tab")
    expect(page.locator("#signed-out")).to_contain_text("You are signed out")
    expect(page.locator("#preview span.when-stale")).to_be_visible()
    expect(page.locator("#criteria-0-property")).not_to_be_focused()


@ON_SQLITE
def test_what_is_not_saved_is_not_left_by_accident(browsing: Page, office: Office):
    page = browsing
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", stay)
    page.goto(office.url("rules/new"))
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Automatic updates")
    assert asked == []
    page.goto(office.url("rules/new"))
    page.get_by_label("Name", exact=True).fill("Half written")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Automatic updates")
    assert asked == ["beforeunload"]
    page.goto(office.url("rules/new"))
    page.get_by_label("Name", exact=True).fill("Whole")
    page.get_by_role("combobox", name="Case type").fill("patient")
    page.get_by_label("Every open case of this type").check()
    page.get_by_label("Close the case").check()
    page.get_by_role("button", name="Save as draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Whole")
    assert asked == ["beforeunload"]


def test_axe_finds_nothing_on_the_form(app: Flask, window: Opens, office: Office, session: Session):
    look = look_on(app, sqlite=NARROW, postgresql=WIDE_DARK)
    page = window(look)
    project = session.get_one(Project, office.project.id)
    patient(session, project, "p-1", status="done")
    rules = {
        count: make_rule(
            project,
            name="N" * 126,
            criteria=[*LONG, *FORTY][:count],
            match="all" if count else "every_case",
            actions=[{"kind": "set", "property": "q" * 126, "value": "v" * 126}] * bool(count)
            + [{"kind": "close"}],
        )
        for count in (0, 3, 40)
    }
    session.rollback()
    sign_in(page, office)
    found = {}
    for count, rule in rules.items():
        page.goto(office.url(f"rules/{rule.rule_id}/edit"))
        expect(page.locator("#preview")).to_contain_text("would change")
        page.get_by_label("Case", exact=True).fill("p-1")
        page.get_by_role("button", name="Check", exact=True).click()
        expect(page.locator("#verdict")).to_contain_text("“p-1”")
        found[f"{count} conditions"] = faults(page)
        if count == 0:
            with page.expect_popup() as opened:
                page.get_by_role("button", name="See the case on a page").click()
            expect(opened.value.get_by_role("heading", level=1)).to_contain_text("would change")
            found["all cases"] = faults(opened.value)
            opened.value.close()
    # An answer that is under way would bring the cookie back.
    with page.expect_response("**/rules/property-hints"):
        page.get_by_role("button", name="Edit condition 7:").click()
        page.locator("#criteria-6-days").fill("-7")
    page.context.clear_cookies()
    page.keyboard.press("Tab")
    expect(page.locator("#signed-out")).to_contain_text("You are signed out")
    found["signed out"] = faults(page)
    assert {place: those for place, those in found.items() if those} == {}
