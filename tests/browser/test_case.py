"""A case is edited, its past looked at, and the edit taken back, in a browser."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests import factories
from tests.browser.conftest import (
    NARROW_DARK,
    WIDE,
    Office,
    Opens,
    faults,
    look_on,
    sign_in,
)
from tests.forms import case_block, form, open_case, send
from webapp.database import write_transaction
from webapp.submissions.archive import archive


@pytest.fixture
def page(app: Flask, window: Opens, office: Office) -> Page:
    page = window(look_on(app, sqlite=NARROW_DARK, postgresql=WIDE))
    sign_in(page, office)
    return page


def test_edit_see_it_in_the_history_and_undo(session: Session, page: Page, office: Office):
    project_id = office.project.id
    open_case(session, project_id, "c-1", weight="50", note="a\n\nb", **{"w" * 255: "v" * 300})
    session.rollback()
    page.goto(office.url("cases/c-1/"))
    page.get_by_role("link", name="Edit properties").click()
    assert faults(page) == []
    send(session, project_id, form(case_block("c-1", update={"weight": "52"})))
    session.rollback()
    page.get_by_label("weight").fill("51")
    page.get_by_label("Name of new property 1").fill("1st")
    page.get_by_label("Value of new property 1").fill("x")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#errors")).to_be_focused()
    assert faults(page) == []
    page.get_by_role("link", name="“1st” cannot be a property").click()
    expect(page.get_by_label("Name of new property 1")).to_be_focused()
    page.keyboard.type("first")
    page.keyboard.press("Enter")
    expect(page.locator("#errors")).to_contain_text("it is “52” now")
    assert faults(page) == []
    page.get_by_label("Save what I typed").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("The case is saved.")
    expect(page.get_by_role("main")).to_contain_text("You have just changed 2 values")
    assert faults(page) == []
    page.get_by_role("link", name="weight", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("History of “weight”")
    expect(page.get_by_role("row").nth(1)).to_contain_text("Edit case")
    assert faults(page) == []
    page.go_back()
    page.get_by_role("button", name="Undo this change").click()
    expect(page.get_by_role("status")).to_contain_text("The edit is undone")
    expect(page.get_by_role("row").filter(has_text="weight")).to_contain_text("52")
    page.get_by_role("link", name="Reassign").click()
    page.get_by_label("New owner").fill("nobody-x")
    page.get_by_role("button", name="Reassign").click()
    assert faults(page) == []
    page.get_by_label("Reassign it all the same").check()
    page.get_by_role("button", name="Reassign").click()
    expect(page.get_by_role("status")).to_contain_text("belongs to nobody-x")


#: What is pressed to open something, and ways back, that are less than 24 pixels high (WCAG 2.5.8).
LOW = """[...document.querySelectorAll("main summary, main nav.d-flex a")]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 24)
    .map((one) => one.textContent.trim())"""


def test_what_is_pressed_is_large_enough_and_links_are_seen(
    session: Session, page: Page, office: Office
):
    project_id = office.project.id
    values = {f"p{n}": "v" for n in range(9)}
    opener = open_case(session, project_id, "c-1", **values).submission_id
    later = [
        send(session, project_id, form(case_block("c-1", update={"x": str(n)}))).submission_id
        for n in range(3)
    ]
    with write_transaction():
        archive(session, project_id, later[1], by=factories.actor())
    session.rollback()
    for path in (
        *("cases/c-1/", "cases/c-1/history/p1", "cases/", "submissions/"),
        *(f"submissions/{opener}/", f"submissions/{opener}/archive"),
    ):
        page.goto(office.url(path))
        assert faults(page) == [], path
        assert page.evaluate(LOW) == [], path


ZONES = """[...document.querySelectorAll("tbody time[data-zone]")]
    .map((one) => getComputedStyle(one, "::after").content)"""


def test_times_have_their_zone_where_the_head_of_the_list_is_not_seen(
    session: Session, page: Page, office: Office
):
    open_case(session, office.project.id, "c-1")
    session.rollback()
    for path in ("", "cases/", "submissions/"):
        page.goto(office.url(path))
        page.set_viewport_size({"width": 390, "height": 900})
        assert page.evaluate(ZONES) == ['" UTC"'], path
        page.set_viewport_size({"width": 1280, "height": 900})
        assert page.evaluate(ZONES) == ["none"], path
