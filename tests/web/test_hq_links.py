"""Links that exported data carries (SPEC I8)."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from webapp.config import Settings
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.submissions.attachments import keep
from webapp.submissions.receive import Arrival, read, receive


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    return signed_in(app, factories.web_user(project, "viewer"))


@pytest.mark.parametrize("form_id", ["f-1", "a/b"])
def test_they_lead_to_our_pages(
    app: Flask, session: Session, project: Project, officer: PageClient, form_id: str
):
    case_id = f"case-of-{form_id}"
    settings: Settings = app.extensions["settings"]
    photo = keep(settings.attachments, io.BytesIO(b"photo"), name="p 1.jpg", content_type="image/x")
    xml = form(case_block(case_id, create={"case_name": "Ana"}), instance_id=form_id, name="Visit")
    with write_transaction():
        receive(session, project.id, Arrival(read(xml), attachments=[photo]))
    place = f"/a/{project.name}"
    assert officer.get(f"{place}/reports/form_data/{form_id}/", status=302).follow().h1 == "Visit"
    assert officer.get(f"{place}/reports/case_data/{case_id}", status=302).follow().h1 == "Ana"
    link = f"{place}/api/form/attachment/{form_id}/p%201.jpg"
    page = officer.get(f"{place}/reports/form_data/{form_id}", status=302).follow()
    assert officer.get(link, status=302).location == page.links()["p 1.jpg"]


@pytest.mark.parametrize(
    "link",
    ["reports/form_data/none/", "reports/case_data/none/", "api/form/attachment/none/a.jpg"],
)
def test_what_is_not_there_is_not_found(project: Project, officer: PageClient, link: str):
    officer.get(f"/a/{project.name}/{link}", status=404)
