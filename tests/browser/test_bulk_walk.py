"""Finding a rule's forms, archiving all of them, and taking that back; with JavaScript and without
(SPEC U8, A6)."""

from __future__ import annotations

from contextlib import suppress

from flask import Flask
from playwright.sync_api import Error, Page, Route, expect
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
from tests.browser.test_rules_walk import do_the_work
from tests.forms import case_block, form, open_case, send
from tests.history.bulk import in_state
from tests.web.rule_pages import finished_run, make_rule, patient
from webapp.cases.queries import get_case
from webapp.history.filters import forms_of_rule, query_string
from webapp.projects.models import Project
from webapp.rules.models import Rule
from webapp.submissions.models import State

FORMS = 312


def closed_by_a_rule(session: Session, office: Office, forms: int = FORMS) -> tuple[Rule, str]:
    """A rule that closed cases, and the query with its forms."""
    project = session.get_one(Project, office.project.id)
    for number in range(forms):
        patient(session, project, f"p-{number}", status="done")
    rule = make_rule(project, name="Close the done", brake=None)
    finished_run(project, rule)
    query = query_string(forms_of_rule(rule.rule_id))
    session.rollback()
    return rule, query


def followed(page: Page) -> None:
    """Without JavaScript one looks again oneself."""
    if page.evaluate("typeof htmx") == "undefined":
        page.get_by_role("link", name="Refresh now").click()
    expect(page.locator("#job")).to_contain_text("Finished")


def test_all_of_a_rule_is_archived_and_taken_back(page: Page, office: Office, session: Session):
    rule, query = closed_by_a_rule(session, office)
    project = session.get_one(Project, office.project.id)
    sign_in(page, office)
    page.goto(office.url(f"submissions/?{query}"))
    archive = page.get_by_role("button", name="Archive…")
    expect(archive).to_be_hidden()
    page.get_by_label("Select the 25 forms on this page").check()
    expect(archive).to_be_visible()
    if page.evaluate("typeof htmx") != "undefined":
        bar = page.locator("#select")
        expect(bar).to_contain_text("25 selected")
        page.get_by_role("checkbox", name="Automatic Case Update Rule").first.uncheck()
        expect(bar).to_contain_text("24 selected")
        expect(page.get_by_label("Select the 25 forms on this page")).not_to_be_checked()
    page.get_by_label(f"Select all {FORMS} forms in this result").check()
    archive.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Archive {FORMS} forms?")
    expect(page.locator("main")).to_contain_text(f"{FORMS} closed cases are open again")
    # One that the rule writes now is none of those that were selected.
    patient(session, project, "late", status="done")
    finished_run(project, rule)
    session.rollback()
    page.get_by_label("Why are they archived?").fill("The rule was wrong")
    page.get_by_role("button", name=f"Archive {FORMS} forms").click()
    expect(page.locator("#job")).to_contain_text("Waiting")
    do_the_work(session, office.project.id)
    followed(page)
    expect(page.locator("#outcome")).to_contain_text(f"{FORMS} forms archived")
    assert len(in_state(session, office.project, State.ARCHIVED)) == FORMS
    page.goto(office.url("cases/p-3/"))
    expect(page.locator("main")).to_contain_text("Open")
    assert not get_case(session, office.project.id, "p-3").closed
    assert get_case(session, office.project.id, "late").closed
    session.rollback()
    page.go_back()

    page.get_by_role("button", name="Take this job back…").click()
    expect(page.locator("main")).to_contain_text(f"{FORMS} open cases are closed again")
    page.get_by_role("button", name="Take this job back").click()
    do_the_work(session, office.project.id)
    followed(page)
    expect(page.locator("#outcome")).to_contain_text(f"{FORMS} forms restored")
    session.rollback()
    assert get_case(session, office.project.id, "p-3").closed
    assert in_state(session, office.project, State.ARCHIVED) == []


def test_back_and_forward_bring_the_filters_again(page: Page, office: Office, session: Session):
    """And while one types, the list follows by itself where there is JavaScript."""
    closed_by_a_rule(session, office, 3)
    send(session, office.project.id, form(case_block("p-1", update={"note": "later"})))
    session.rollback()
    sign_in(page, office)
    page.goto(office.url("submissions/"))
    scripted = page.evaluate("typeof htmx") != "undefined"

    def apply() -> None:
        if not scripted:
            page.get_by_role("button", name="Apply").click()

    rows = page.locator("#results tbody tr")
    expect(rows).to_have_count(7)
    page.get_by_label("Rule", exact=True).select_option(label="Close the done")
    apply()
    expect(rows).to_have_count(3)
    with_rule = page.url
    case = page.get_by_label("Case id")
    case.press_sequentially("p-1")
    apply()
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Remove filter Rule: Close the done").click()
    expect(rows).to_have_count(3)
    page.go_back()
    expect(rows).to_have_count(1)
    expect(case).to_have_value("p-1")
    page.go_back()
    expect(rows).to_have_count(3)
    expect(case).to_have_value("")
    expect(page.locator("#results")).to_contain_text("Rule: Close the done")
    page.go_back()
    expect(rows).to_have_count(7)
    expect(page.get_by_label("Rule", exact=True)).to_have_value("")
    passed: list[Route] = []

    def hold(route: Route) -> None:
        passed.append(route)

    if scripted:
        page.route(with_rule, hold)
    page.go_forward()
    page.go_forward()
    expect(rows).to_have_count(1)
    expect(case).to_have_value("p-1")
    for route in passed:  # what was passed over is answered late, if somebody still waits for it
        with suppress(Error):
            route.continue_()
    page.wait_for_timeout(500)
    expect(rows).to_have_count(1)
    assert len(passed) == scripted


def test_axe_finds_nothing_and_nothing_overflows(
    app: Flask, window: Opens, office: Office, session: Session
):
    look = look_on(app, sqlite=WIDE, postgresql=NARROW_DARK)
    _rule, query = closed_by_a_rule(session, office, 27)
    project_id = office.project.id
    open_case(session, project_id, "x" * 250)
    long = case_block("x" * 250, create={"case_name": "N" * 250, "case_type": "t" * 250})
    send(session, project_id, form(long, name="F" * 250))
    page = window(look)
    sign_in(page, office)
    found = {}

    def look_at(place: str) -> None:
        found[place] = faults(page)

    page.goto(office.url(f"submissions/?{query}"))
    page.get_by_label("Select the 25 forms on this page").check()
    look_at("list")
    page.goto(office.url("submissions/?state=any"))
    page.get_by_label("Select the 25 forms on this page").check()
    page.get_by_label("Select all", exact=False).last.check()
    look_at("any list")
    page.get_by_role("button", name="Archive…").click()
    look_at("confirmation")
    page.get_by_role("button", name="Archive").last.click()
    look_at("errors")
    page.get_by_label("Why are they archived?").fill("R" * 900)
    page.get_by_role("button", name="Archive").last.click()
    look_at("waiting job")
    do_the_work(session, project_id)
    page.reload()
    look_at("job")
    page.get_by_role("button", name="Take this job back…").click()
    look_at("taking back")
    assert {place: those for place, those in found.items() if those} == {}
