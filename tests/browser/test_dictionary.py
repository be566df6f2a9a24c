"""Names of properties as one types them, and the dictionary behind them, in a browser."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests.browser.conftest import (
    NARROW,
    WIDE_DARK,
    Office,
    Opens,
    faults,
    look_on,
    settled,
    sign_in,
)
from tests.forms import case_block, form, open_case, send
from tests.rules.running import child
from webapp.projects.models import Project

#: As long as a name may be.
LONG = "w" * 255


@pytest.fixture
def page(app: Flask, window: Opens, office: Office) -> Page:
    page = window(look_on(app, sqlite=WIDE_DARK, postgresql=NARROW))
    sign_in(page, office)
    return page


@pytest.fixture
def patients(session: Session, office: Office) -> Project:
    project = session.get_one(Project, office.project.id)
    open_case(session, project.id, "ada", edd="2026-05-01")
    send(session, project.id, form(case_block("ada", update={"sex": "f", LONG: "x"})))
    open_case(session, project.id, "bea", edd="soon")
    child(session, project, "visit", "ada", muac="11")
    session.rollback()
    return project


def is_good(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)  # a preview begins so long after the last change
    page.wait_for_function("!document.querySelector('[aria-busy=true]')")
    assert faults(page) == []


def offered(page: Page) -> list[str | None]:
    return [one.get_attribute("value") for one in page.locator("#property-names option").all()]


@pytest.mark.usefixtures("patients")
def test_names_are_offered_and_explained_as_one_types(page: Page, office: Office):
    page.goto(office.url("rules/new"))
    page.locator("#case_type").fill("patient")
    page.get_by_role("button", name="Add a condition on: Date").press("Enter")
    field, hint = page.locator("#criteria-0-property"), page.locator("#criteria-0-property-hint")
    expect(page.locator("#criteria-0-operator")).to_be_focused()
    settled(page)
    field.focus()
    expect(page.locator("#property-names option[value=sex]")).to_have_count(1)
    page.keyboard.type("ED")
    expect(page.locator("#property-names option[value=sex]")).to_have_count(0)
    assert offered(page)[0] == "edd"
    expect(field).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("edd")
    page.keyboard.press("Tab")
    expect(hint).to_contain_text("Filled in 2 of 2 open cases (100 %).")
    expect(hint).to_contain_text("1 value is no date and never matches.")
    expect(page.locator("#criteria-0-sign")).to_be_focused()
    # Another type: the hint follows, and so do the names, also those of other cases.
    page.locator("#case_type").fill("visit")
    page.keyboard.press("Tab")
    expect(hint).to_contain_text("No case of type “visit” has edd.")
    field.focus()
    field.fill("parent/e")
    expect(page.locator("#property-names option").first).to_have_attribute("value", "parent/edd")
    field.fill("parent/edd")
    page.keyboard.press("Tab")
    expect(hint).to_contain_text("Of 1 open case, 1 (100 %) leads to one where it is filled in.")
    page.get_by_role("button", name="Add an update").press("Enter")
    page.locator("#actions-0-property").fill("seen")
    page.locator("#actions-0-how").select_option("copy")
    page.locator("#actions-0-source").fill("muac")
    page.keyboard.press("Tab")
    expect(page.locator("#actions-0-property-hint")).to_contain_text("New property")
    expect(page.locator("#actions-0-source-hint")).to_contain_text("Filled in 1 of 1 open case")
    is_good(page)


@pytest.mark.usefixtures("patients")
def test_the_dictionary_is_read_and_described(page: Page, office: Office):
    page.goto(office.url("dictionary/"))
    is_good(page)
    page.get_by_role("link", name="patient").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Properties of “patient”")
    is_good(page)
    page.get_by_role("link", name=LONG).click()
    page.get_by_label("Label").fill("L" * 255)
    page.get_by_label("Group").fill("G" * 255)
    page.get_by_label("Order").fill("x")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#errors")).to_be_focused()
    is_good(page)
    page.get_by_label("Order").fill("1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("is saved")
    is_good(page)
    page.goto(office.url("dictionary/import"))
    file = f"case_type,property,label\npatient,edd,Due\npatient,{'n' * 255},{'N' * 255}\n"
    wrong = "case_type,property,deprecated\npatient,edd,perhaps\n"
    for text, button in ((wrong, "Look at the file"), (file, "Import")):
        page.get_by_label("File", exact=True).set_input_files(
            {"name": "d.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        page.get_by_role("button", name="Look at the file").click()
        expect(page.get_by_role("button", name=button, exact=True)).to_be_visible()
        is_good(page)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("1 added, 1 changed")
