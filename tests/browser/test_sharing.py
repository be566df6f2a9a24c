"""Sharing in a browser: the check, giving cases to others, whose phones carry what, a rule for a
place."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests import factories
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
from tests.forms import open_case
from webapp.people.sharing_models import Group, Location
from webapp.projects.models import Project

LONG = "W" * 200


@pytest.fixture
def page(app: Flask, window: Opens, office: Office) -> Page:
    """With JavaScript, wide and dark on one database, narrow and light on the other."""
    page = window(look_on(app, sqlite=WIDE_DARK, postgresql=NARROW))
    sign_in(page, office)
    return page


@pytest.fixture
def shared(session: Session, office: Office) -> tuple[Group, Location]:
    """A group with a long name shares a case, a second group has nobody, and one case is nobody's;
    a worker is in none."""
    project = session.get_one(Project, office.project.id)
    amina, _alone = (factories.mobile_worker(project, name) for name in ("amina", "w" * 80))
    group = factories.group(project, amina, name=LONG)
    factories.group(project, name=f"Empty {LONG}")
    place = factories.location(project, factories.level(project, owns_cases=False), name="Yala 1")
    open_case(session, project.id, "ours", owner_id=group.group_id)
    open_case(session, project.id, "lost", owner_id="n" * 200)
    session.rollback()
    return group, place


def test_sharing_is_looked_at_and_mended(
    page: Page, office: Office, shared: tuple[Group, Location]
):
    found = []

    def look() -> None:
        found.extend(faults(page))  # type: ignore[index]  # it has one

    page.goto(office.url("people/sharing/"))
    look()
    page.get_by_role("link", name="Reassign… the cases of").click()
    look()
    page.get_by_label("New owner").fill("amina")
    page.get_by_label("New owner").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Reassign 1 case to amina?")
    look()
    page.get_by_role("button", name="Reassign 1 case").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Reassign cases")
    look()
    page.goto(office.url("cases/ours/"))
    expect(page.locator("#case_phones")).to_contain_text("amina")
    look()
    page.get_by_role("link", name="amina").click()
    page.get_by_role("link", name="What the phone carries").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Phone of amina")
    look()
    assert found == []


def test_a_location_is_offered_as_one_types(
    page: Page, office: Office, shared: tuple[Group, Location]
):
    page.goto(office.url("rules/new"))
    page.get_by_role("button", name="Owner/location").press("Enter")
    field = page.get_by_role("combobox", name="Location")
    expect(field).to_be_focused()
    settled(page)
    field.press_sequentially("yal")
    expect(page.locator("#location-names option")).to_have_attribute("value", "Yala 1 (yala_1)")
    assert faults(page) == []
