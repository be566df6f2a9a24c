"""Whose phones carry a case, and what a phone carries, on screen (SPEC P8)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.people import scene
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from webapp.database import write_transaction
from webapp.people.models import MobileWorker
from webapp.projects.models import Project
from webapp.submissions.archive import archive
from webapp.web.views import sharing

ON_PHONE = "Cases on the phone, by type and name"


@pytest.fixture
def viewer(app: Flask, project: Project) -> PageClient:
    return signed_in(app, factories.web_user(project, "viewer"))


@pytest.fixture
def amina(session: Session, project: Project) -> MobileWorker:
    """She has a visit to a mother of the team, in which Beno is too."""
    amina, beno, cora = scene.workers(project, "amina", "beno", "cora")
    team = scene.group(project, "North Team", amina, beno)
    scene.deactivate(cora)
    open_case(session, project.id, "mother", owner_id="somebody else")
    visit = case_block(
        "visit",
        create={"case_type": "visit", "case_name": "Visit 1", "owner_id": amina.user_id},
        index={"parent": ("patient", "mother")},
    )
    send(session, project.id, form(visit))
    open_case(session, project.id, "shared", owner_id=team.group_id)
    return amina


def test_the_page_of_a_case_leads_to_the_phones_that_carry_it(
    viewer: PageClient, project: Project, amina: MobileWorker
):
    def phones(case_id: str, *, htmx: bool = False) -> str:
        return viewer.get(f"/a/{project.name}/cases/{case_id}/phones", htmx=htmx).text

    page = viewer.get(f"/a/{project.name}/cases/mother/").click("Whose phones carry it")
    assert page.h1 == "Phones that carry “Case mother”"
    assert "amina parent of Visit 1" in page.text
    assert "beno" not in page.text
    assert "amina the owner" in phones("visit", htmx=True)
    assert "amina shared by North Team" in phones("shared")
    assert "beno shared by North Team" in phones("shared")
    assert page.click("amina").h1 == "amina"


def test_what_a_phone_carries_and_why(
    session: Session,
    viewer: PageClient,
    project: Project,
    amina: MobileWorker,
    monkeypatch: pytest.MonkeyPatch,
):
    brought = case_block(
        "brought",
        create={"case_type": "zone", "case_name": "Zone", "owner_id": "-"},
        index={"host": ("patient", "shared", "extension")},
    )
    send(session, project.id, form(brought))
    page = viewer.get(f"/a/{project.name}/people/workers/{amina.user_id}/")
    phone = page.click("What the phone carries")
    assert phone.h1 == "Phone of amina"
    assert "4 cases shares cases with North Team" in phone.text
    assert phone.rows(ON_PHONE) == [
        ["Case mother", "patient", "Open", "parent of Visit 1"],
        ["Case shared", "patient", "Open", "shared by North Team"],
        ["Visit 1", "visit", "Open", "own case"],
        ["Zone", "zone", "Open", "extension of Case shared, shared by North Team"],
    ]
    monkeypatch.setattr(sharing, "CARRIED", 2)
    second = viewer.get(phone.url).click("Next")
    assert [row[0] for row in second.rows(ON_PHONE)] == ["Visit 1", "Zone"]
    assert "There is no such page" in viewer.get(f"{phone.url}?page=9").text
    viewer.get(f"{phone.url}?page=x", status=422)
    cora = session.query(MobileWorker).filter_by(project_id=project.id, username="cora").one()
    gone = viewer.get(f"/a/{project.name}/people/workers/{cora.user_id}/phone")
    assert "cora is deactivated" in gone.text
    assert "The phone carries no case" in gone.text


def test_many_phones_are_counted(
    session: Session, viewer: PageClient, project: Project, monkeypatch: pytest.MonkeyPatch
):
    many = scene.group(project, "Many", *scene.workers(project, *(f"w-{n}" for n in range(4))))
    open_case(session, project.id, "c", owner_id=many.group_id)
    open_case(session, project.id, "lost", owner_id="nobody")
    monkeypatch.setattr(sharing, "ON_CASE", 3)
    piece = viewer.get(f"/a/{project.name}/cases/c/phones", htmx=True)
    assert "w-3" not in piece.text
    assert "w-3" in piece.click("All 4 phones").text
    assert "It is on no phone" in viewer.get(f"/a/{project.name}/cases/lost/phones").text


def test_why_a_case_is_on_no_phone_is_the_true_reason(
    session: Session, viewer: PageClient, project: Project, amina: MobileWorker
):
    def why(case_id: str) -> str:
        return viewer.get(f"/a/{project.name}/cases/{case_id}/phones").text

    open_case(session, project.id, "lost", owner_id="nobody")
    assert "no active worker has its owner in their set" in why("lost")
    extension = case_block(
        "ext",
        create={"case_type": "referral", "owner_id": "-"},
        index={"host": ("patient", "shared", "extension")},
    )
    sent = send(session, project.id, form(extension))
    assert "extension of Case shared" in why("ext")
    send(session, project.id, form(case_block("shared", close=True)))
    assert "it is closed, and no case on a phone is linked to it" in why("shared")
    assert "it is an extension, and what it extends is closed" in why("ext")
    with write_transaction():
        archive(session, project.id, sent.submission_id, by=factories.actor())
    assert "It is on no phone: it is deleted." in why("ext")
