"""The panel of a rule that is being written says what its number is of: of what stands in the form,
or of what stood there before (SPEC U3)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy.orm import Session

from tests.browser.conftest import ON_SQLITE, Office, faults
from tests.web.rule_pages import make_rule, patient
from webapp.projects.models import Project

#: So many that those which are complete stand closed, with what each kind has and leaves out.
MANY = [
    {"kind": "property", "property": "status", "operator": "not_equals", "value": "x"},
    {"kind": "date", "property": "edd", "operator": "after", "days": 60},
    *({"kind": "not_modified_since", "days": 300 + number} for number in range(8)),
]


@pytest.fixture
def asked(browsing: Page) -> list[str]:
    """What was sent to be counted."""
    found: list[str] = []
    browsing.on(
        "request",
        lambda one: found.append(one.post_data or "") if "rules/preview" in one.url else None,
    )
    return found


def says_only(page: Page, label: str) -> None:
    """The panel has this label and no other, and asks for nothing."""
    for one in ("Exact", "Counting…", "Out of date"):
        shown = page.locator("#preview").get_by_text(one, exact=True)
        expect(shown).to_be_visible(visible=one == label)
    expect(page.locator("#preview div.when-stale")).to_be_hidden()
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()


def open_rule(page: Page, office: Office, session: Session, **changes: object) -> None:
    """The form of a rule that matches one patient, once that is counted."""
    project = session.get_one(Project, office.project.id)
    patient(session, project, "p-1", status="done")
    rule = make_rule(project, **changes)
    session.rollback()
    page.goto(office.url(f"rules/{rule.rule_id}/edit"))
    says_only(page, "Exact")


@ON_SQLITE
def test_a_number_is_out_of_date_while_somebody_types(
    browsing: Page, office: Office, session: Session, asked: list[str]
):
    page = browsing
    open_rule(page, office, session)
    page.get_by_label("Case", exact=True).press_sequentially("p-1")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#verdict")).to_contain_text("The rule matches “p-1”")
    says_only(page, "Exact")

    value = page.locator("#criteria-0-value")
    value.press("End")
    page.keyboard.type("x")
    says_only(page, "Out of date")
    expect(page.locator("#preview")).to_contain_text("1 case would change")
    assert faults(page) == []
    page.keyboard.press("Backspace")
    says_only(page, "Exact")
    assert len(asked) == 1
    page.keyboard.type("x")
    says_only(page, "Out of date")
    said = page.get_by_role("status").text_content()
    page.keyboard.press("Tab")
    expect(page.locator("#preview")).to_contain_text("0 cases would change")
    says_only(page, "Exact")
    assert (said, len(asked)) == ("The rule matches “p-1”", 2)


@ON_SQLITE
def test_an_answer_to_what_stood_there_before_is_out_of_date(
    browsing: Page, office: Office, session: Session, asked: list[str]
):
    page = browsing
    open_rule(page, office, session)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/rules/preview", hold)
    page.locator("#criteria-0-value").press("End")
    page.keyboard.type("x")
    with page.expect_request("**/rules/preview"):
        page.evaluate("htmx.trigger(document.body, 'rows')")
    page.keyboard.type("y")
    says_only(page, "Counting…")
    held.pop().continue_()
    expect(page.locator("#preview")).to_contain_text("0 cases would change")
    says_only(page, "Out of date")

    # What was half typed when it was counted, and is taken back, fires no change.
    page.keyboard.press("Backspace")
    says_only(page, "Exact")
    page.keyboard.press("Backspace")
    says_only(page, "Out of date")
    page.unroute("**/rules/preview")
    page.keyboard.press("Tab")
    expect(page.locator("#preview")).to_contain_text("1 case would change")
    says_only(page, "Exact")
    assert ["donex" in one for one in asked] == [False, True, False]


@ON_SQLITE
def test_a_row_that_opens_says_what_was_counted(browsing: Page, office: Office, session: Session):
    page = browsing
    open_rule(page, office, session, criteria=MANY)
    page.evaluate("document.addEventListener('change', () => { window.changed = true })")
    for row, first, field in ((0, "property", "value"), (1, "operator", "days")):
        page.get_by_role("button", name=f"Edit condition {row + 1}:").click()
        expect(page.locator(f"#criteria-{row}-{first}")).to_be_focused()
        page.locator(f"#criteria-{row}-{field}").press("End")
        page.keyboard.type("0")
        says_only(page, "Out of date")
        page.keyboard.press("Backspace")
        says_only(page, "Exact")
    assert not page.evaluate("window.changed")


@ON_SQLITE
def test_nothing_is_out_of_date_before_it_was_counted(browsing: Page, office: Office):
    page = browsing
    page.goto(office.url("rules/new"))
    page.get_by_label("Name", exact=True).press_sequentially("Close")
    expect(page.locator("#preview")).to_contain_text("Here you see how many cases")
    for one in page.locator("#preview").get_by_text("Out of date").all():
        expect(one).to_be_hidden()
