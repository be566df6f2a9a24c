"""Several rules at once in a browser, with JavaScript and without (SPEC R30)."""

from __future__ import annotations

import json
import re

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
    sign_in,
)
from tests.web.rule_pages import make_rule, patient
from webapp.projects.models import Project


def make_rules(session: Session, office: Office) -> None:
    project = session.get_one(Project, office.project.id)
    patient(session, project, "p-1", status="done")
    for name in ("A", "B", "C", "W" * 126):
        make_rule(project, name=name)
    session.rollback()


def test_two_of_four_are_switched_on(page: Page, office: Office, session: Session):
    make_rules(session, office)
    sign_in(page, office)
    page.goto(office.url("rules/"))
    expect(page.get_by_role("button", name="Switch on…")).to_be_hidden()
    page.get_by_role("checkbox", name="Choose A").check()
    page.get_by_role("checkbox", name="Choose C").press("Space")
    if page.evaluate("typeof htmx") != "undefined":
        expect(page.locator("[data-counts]")).to_have_text("2 chosen")
    page.get_by_role("button", name="Switch on…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Switch on 2 rules?")
    expect(page.get_by_role("row").nth(1)).to_contain_text("1 case would change.")
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("status")).to_have_text("2 rules are on.")
    expect(page.locator(".state", has_text=re.compile("^On$"))).to_have_count(2)


def test_they_are_exported_as_a_file(page: Page, office: Office, session: Session):
    make_rules(session, office)
    sign_in(page, office)
    page.goto(office.url("rules/"))
    page.get_by_role("link", name="Choose all 4 rules on this page").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == f"rules-{office.project.name}.json"


def test_axe_finds_nothing(app: Flask, window: Opens, office: Office, session: Session):
    look = look_on(app, sqlite=NARROW, postgresql=WIDE_DARK)
    make_rules(session, office)
    page = window(look)
    sign_in(page, office)
    found = {}
    for button in ("Switch on…", "Run now…", "Delete…"):
        page.goto(office.url("rules/?select=page"))
        found["chosen"] = faults(page)
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("4 rules")
        found[button] = faults(page)
    page.goto(office.url("rules/import"))
    wrong = [{"name": "W" * 126, "case_type": "t" * 255}, 5]
    file = {"name": "rules.json", "mimeType": "text/plain", "buffer": json.dumps(wrong).encode()}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="What is wrong in the file")).to_be_visible()
    found["import"] = faults(page)
    page.goto(office.url("rules/"))
    page.get_by_role("link", name="W" * 126).first.click()
    for description in ("n" * 300, "Other"):
        page.get_by_role("link", name="Edit", exact=True).click()
        page.get_by_label("Note").fill(description)
        page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Version 3")).to_be_visible()
    found["a rule with versions"] = faults(page)
    rule = page.url
    for path in ("versions/1?with=2", "watch", "activate"):
        page.goto(rule + path)
        found[path] = faults(page)
    page.goto(office.url("cases/p-1/rules"))
    found["rules of a case"] = faults(page)
    assert {place: those for place, those in found.items() if those} == {}
