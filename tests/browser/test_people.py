"""People in a browser: a group that shares cases, who is put into it, what phones get, a file."""

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
    is_sqlite,
    look_on,
    sign_in,
)
from tests.web.test_people_workers import owned
from webapp.people.groups import get_group
from webapp.projects.models import Project

LONG = "W" * 255


@pytest.fixture
def page(app: Flask, window: Opens, office: Office) -> Page:
    """With JavaScript on one database, and without on the other."""
    page = window(look_on(app, sqlite=WIDE_DARK, postgresql=NARROW), script=is_sqlite(app))
    sign_in(page, office)
    return page


def test_a_group_shares_cases_and_a_file_brings_more(page: Page, session: Session, office: Office):
    project = session.get_one(Project, office.project.id)
    for name in ("amina", "bea"):
        factories.mobile_worker(project, name)
    page.goto(office.url())
    page.get_by_role("link", name="People").click()
    page.get_by_role("link", name="Groups", exact=True).click()
    page.get_by_role("link", name="Make the first group").press("Enter")
    page.get_by_label("Name").fill("Team A")
    page.get_by_label("Case sharing").check()
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("The group is made. Put workers into it.")
    owned(session, project, get_group(session, project.id, "Team A").group_id, 3)
    session.rollback()
    page.get_by_label("Usernames").fill("amina, zoe")
    page.get_by_role("button", name="Put into the group").press("Enter")
    expect(page.locator("#errors")).to_be_focused()
    page.get_by_label("Usernames").fill("amina, bea")
    page.get_by_role("button", name="Put into the group").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Put workers into “Team A”?")
    expect(page.locator("#phones")).to_contain_text("The phones of 2 workers get cases, 6 in all.")
    page.get_by_role("button", name="Put them into the group").press("Enter")
    expect(page.locator("#status")).to_have_text("2 workers are new in the group.")
    page.get_by_role("link", name="People").first.click()
    page.get_by_role("link", name="Import…").click()
    table = "username,password,groups\ncleo,secret-1,Team A\nbea,,\n"
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "workers.csv", "mimeType": "text/csv", "buffer": table.encode()}
    )
    page.get_by_role("button", name="Look at the file").press("Enter")
    expect(page.locator("#phones")).to_contain_text("The phone of 1 worker loses cases: 3.")
    page.get_by_role("button", name="Import", exact=True).press("Enter")
    expect(page.locator("#status")).to_have_text("The file is imported: 1 added, 1 changed.")
    page.get_by_label("Username or name").fill("cle")
    page.get_by_label("Username or name").press("Enter")
    expect(page.get_by_role("link", name="cleo")).to_be_visible()
    expect(page.get_by_role("link", name="amina")).to_have_count(0)
    assert "cle" not in page.url


def test_axe_finds_nothing_and_nothing_overflows(
    app: Flask, window: Opens, session: Session, office: Office
):
    if app.extensions["settings"].database_url:
        return  # what pages look like does not depend on the database
    project = session.get_one(Project, office.project.id)
    worker = factories.mobile_worker(project, "w" * 80)
    group = factories.group(project, worker, name=LONG)
    level = factories.level(project)
    place = factories.location(project, level, worker, name=LONG)
    below = factories.location(project, level, parent=place)
    session.rollback()
    page = window(NARROW)
    sign_in(page, office)
    found = []
    for path in (
        *("workers/", "workers/new", f"workers/{worker.user_id}/"),
        *(f"workers/{worker.user_id}/edit", f"workers/{worker.user_id}/password"),
        *("groups/", "groups/new", f"groups/{group.group_id}/", "workers/import"),
        *("locations/", "locations/new", f"locations/{place.location_id}/"),
        *(f"locations/{below.location_id}/move", "levels/", "levels/new"),
    ):
        page.goto(office.url(f"people/{path}"))
        found += faults(page)
    page.goto(office.url(f"people/groups/{group.group_id}/"))
    page.get_by_role("button", name="Delete…").click()
    expect(page.locator("#phones")).to_be_visible()
    found += faults(page)
    assert found == []
