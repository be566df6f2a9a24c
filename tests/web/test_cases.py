"""The case list, the case page and closing a case, as a person without JavaScript (SPEC U5, U7)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from webapp.projects.models import Project


@pytest.fixture
def officer(app: Flask, session: Session, project: Project) -> PageClient:
    return signed_in(app, factories.web_user(project, "editor"))


def named(session: Session, project: Project, case_id: str, name: str) -> None:
    create = {"case_type": "patient", "case_name": name, "owner_id": "owner-1"}
    send(session, project.id, form(case_block(case_id, create=create)))


def test_an_empty_project_says_how_cases_come(officer: PageClient, project: Project):
    assert "No case yet" in officer.get(f"/a/{project.name}/cases/").text
    assert "No form has come yet" in officer.get(f"/a/{project.name}/").text


@pytest.mark.parametrize("typed", ["ángela", "ÁNGELA", "case/1", "100%"])
def test_a_search_finds_names_and_ids_and_never_stands_in_the_address(
    officer: PageClient, session: Session, project: Project, typed: str
):
    named(session, project, "case/1", "Ángela 100% sure")
    named(session, project, "other", "Beno 1000 sure")
    page = officer.get(f"/a/{project.name}/cases/")
    found = page.form("Search").submit("Search", text=typed).follow()
    assert "Ángela" in found.text
    assert "Beno" not in found.text
    assert typed.lower() not in found.url.lower()


def test_an_unknown_search_is_said(officer: PageClient, project: Project):
    page = officer.get(f"/a/{project.name}/cases/?view=nothing", status=404)
    assert "Search again" in page.text


def test_a_state_that_is_none_is_no_500(officer: PageClient, project: Project):
    assert officer.get(f"/a/{project.name}/cases/?state=weird", status=422)


def test_a_case_is_closed_and_opened_again(officer: PageClient, session: Session, project: Project):
    open_case(session, project.id, "a/1", village="Kijani")
    page = officer.get(f"/a/{project.name}/cases/a%252F1/")
    assert "Kijani" in page.text
    asked = page.click("Close case…")
    closed = asked.form("Close this case").submit("Close this case").follow()
    assert "Close case" in closed.text
    opened = closed.form("Undo closing").submit("Undo closing").follow()
    assert "open again" in opened.text
    assert "(archived)" in opened.text


def test_a_viewer_is_told_which_right_it_needs(app: Flask, session: Session, project: Project):
    open_case(session, project.id, "a")
    viewer = signed_in(app, factories.web_user(project, "viewer"))
    page = viewer.get(f"/a/{project.name}/cases/a/")
    assert "needs Edit data" in page.text
    assert "Edit data" in viewer.get(f"/a/{project.name}/cases/a/close", status=403).text


def test_related_cases_lead_to_each_other(officer: PageClient, session: Session, project: Project):
    named(session, project, "mother", "Mother")
    index = {"parent": ("patient", "mother")}
    send(session, project.id, form(case_block("child", create={"case_name": "C"}, index=index)))
    assert "Mother" in officer.get(f"/a/{project.name}/cases/child/").text
    assert "this case" in officer.get(f"/a/{project.name}/cases/mother/").click("C").text
