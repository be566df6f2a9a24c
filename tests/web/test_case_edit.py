"""Editing and reassigning a case on pages, without JavaScript (SPEC U5, S10, X1)."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.people import scene
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from tests.web.test_case import case_page, history, sound
from webapp.cases.queries import get_case
from webapp.database import write_transaction
from webapp.dictionary.operations import set_property
from webapp.people.operations import set_worker
from webapp.projects.models import Project
from webapp.submissions.archive import archive


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    """Somebody who may edit data."""
    return signed_in(app, factories.web_user(project, "editor"))


def field_of(page: object, name: str) -> str:
    """The name of the control for a value."""
    hidden = page.one(f"//input[@type='hidden' and @value='{name}']").get("name")  # type: ignore[attr-defined]
    return str(hidden).removesuffix("name") + "value"


def test_a_case_is_edited_and_the_edit_undone(
    session: Session, officer: PageClient, project: Project, tmp_path: Path
):
    open_case(session, project.id, "c/1", weight="50", note="a\nb", **{"x" * 90: "y" * 90})
    open_case(session, project.id, "other", edd="2025-01-01")  # a property of the same type
    with write_transaction():
        said = {"label": "Body weight", "group": "Visit", "description": "In kg"}
        set_property(session, project.id, "patient", "weight", said, by=factories.actor())
    asked = case_page(officer, project, "c/1").click("Edit properties")
    assert asked.h1 == "Edit “Case c/1”"
    for words in ("Body weight weight", "In kg", "Visit", "Other", "1 property that is not set"):
        assert words in asked.text
    ask = asked.form("Edit “Case c/1”")
    same = ask.submit("Save").follow()
    assert same.status_line == "Nothing was changed."
    assert len(history(same)) == 1
    fill = {field_of(asked, "weight"): "51", field_of(asked, "case_name"): "Ada <b>"}
    fill |= {"added-0-name": "seen", "added-0-value": "yes", field_of(asked, "edd"): "2026-01-01"}
    done = ask.submit("Save", fill=fill).follow()
    assert done.h1 == "Ada <b>"
    assert done.status_line == "The case is saved. You can undo it at any time."
    assert "You have just changed 4 values of this case." in done.text
    newest = history(done)[0]
    assert newest.startswith("Edit case No. 2, by editor-")
    for words in (
        "name Case c/1 becomes Ada <b>",
        "weight 50 becomes 51",
        "seen empty becomes yes",
    ):
        assert words in newest
    session.rollback()
    case = get_case(session, project.id, "c/1")
    assert case.properties["note"] == "a\nb"
    sound(session, project, tmp_path)
    undone = done.form("Undo this change").submit().follow()
    assert undone.status_line == (
        "The edit is undone, and its form archived. What later forms wrote is kept."
    )
    assert undone.h1 == "Case c/1"
    assert "archived" in history(undone)[0]
    assert done.form("Undo form No. 2").submit().follow().status_line == "That was undone already."
    sound(session, project, tmp_path)


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "c-1", weight="50")
    asked = case_page(officer, project, "c-1").click("Edit properties")
    weight, name = field_of(asked, "weight"), field_of(asked, "case_name")
    fill = {weight: "5\x0b1", name: "n" * 256, "added-0-value": "lost?"}
    fill |= {"added-1-name": "weight", "added-1-value": "2", "added-2-name": "seen"}
    back = asked.form("Save").submit(fill=fill, status=422)
    assert len(back.errors) == 3
    assert "weight” stands above already" in back.errors[1]
    held = back.form("Save")
    assert [held.value(one) for one in fill] == list(fill.values())
    fill = {"added-0-name": "owner_id", "added-1-name": "", "added-1-value": "", "added-2-name": ""}
    back = held.submit(fill=fill, status=422)
    assert [one.split(":")[0].split(" ")[0] for one in back.errors] == [
        *("“case_name”", "“weight”", "“owner_id”")
    ]
    session.rollback()
    assert get_case(session, project.id, "c-1").properties == {"weight": "50"}


def test_a_value_that_changed_meanwhile_is_asked_for(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "c-1", weight="50", village="Kisumu")
    asked = case_page(officer, project, "c-1").click("Edit properties")
    send(session, project.id, form(case_block("c-1", update={"weight": "52", "seen": "no"})))
    fill = {field_of(asked, "weight"): "51", field_of(asked, "village"): "Siaya"}
    fill |= {"added-0-name": "seen", "added-0-value": "yes"}
    back = asked.form("Save").submit(fill=fill, status=409)
    assert [one.split(".")[0] for one in back.errors] == [
        "“weight” was changed meanwhile: it is “52” now",
        "“seen” was changed meanwhile: it is “no” now",
    ]
    ask = back.form("Save")
    assert ask.value(field_of(back, "weight")) == "51"
    assert len(ask.submit(status=409).errors) == 2, "it goes on asking until one is chosen"
    weight = field_of(back, "weight").removesuffix("value") + "choice"
    answers = {weight: "Save what I typed", "added-0-choice": "Keep what is there now"}
    ask.submit(fill=answers).follow()
    session.rollback()
    case = get_case(session, project.id, "c-1")
    assert case.properties == {"weight": "51", "village": "Siaya", "seen": "no"}


def test_what_was_typed_outlives_the_session(session: Session, app: Flask, project: Project):
    user = factories.web_user(project, "editor")
    open_case(session, project.id, "c/1", weight="50", note="a\nb")
    asked = case_page(signed_in(app, user), project, "c/1").click("Edit properties")
    asked.client.client.delete_cookie("casekeeper")
    fill = {field_of(asked, "weight"): " 51 ", "added-0-name": "seen", "added-0-value": "yes"}
    login = asked.form("Save").submit(fill=fill, status=401)
    back = login.form("Sign in").submit(email=user.email, password=factories.PASSWORD)
    again = back.form("Go on with it").submit()
    assert again.h1 == "Edit “Case c/1”"
    held = again.form("Save")
    assert [held.value(one) for one in fill] == list(fill.values())
    assert len(history(case_page(again.client, project, "c/1"))) == 1, "nothing is saved yet"
    held.submit().follow()
    session.rollback()
    case = get_case(session, project.id, "c/1")
    assert case.properties == {"weight": " 51 ", "note": "a\nb", "seen": "yes"}


def test_a_case_is_reassigned_and_given_back(
    session: Session, officer: PageClient, project: Project, tmp_path: Path
):
    amina, ben = (factories.mobile_worker(project, name) for name in ("amina", "ben"))
    with write_transaction():
        set_worker(session, ben, active=False, by=factories.actor())
    open_case(session, project.id, "c-1")
    asked = case_page(officer, project, "c-1").click("Reassign")
    assert "The owner is owner-1." in asked.text
    assert asked.document.xpath("//datalist/option[@value='amina']")
    ask = asked.form("Reassign “Case c-1”")
    assert ask.submit(status=422).errors == ["Enter the new owner."]
    for nobody in ("a b", "a\x0bb"):
        assert "no id can be so" in ask.submit(owner=nobody, status=422).errors[0]
    assert "deactivated" in ask.submit(owner="ben", status=422).errors[0]
    scene.location(project, "Empty", scene.level(project))
    assert "No active worker has the location" in ask.submit(owner="empty", status=422).errors[0]
    warned = ask.submit(owner="nobody-7", status=422)
    assert "cases of this owner are on no phone" in warned.errors[0]
    sure = warned.form("Reassign “Case c-1”")
    other = sure.submit(owner="nobody-8", anyway=True, status=422)
    assert other.errors == warned.errors, "the warning was about another one"
    done = sure.submit(anyway=True).follow()
    assert done.status_line == "The case belongs to nobody-7 now. You can undo it."
    again = ask.submit(owner="Amina", status=409)
    assert "it belongs to nobody-7 now" in again.errors[0]
    hers = again.form("Reassign “Case c-1”").submit().follow()
    assert hers.status_line == "The case belongs to amina now. You can undo it."
    assert "owner nobody-7 becomes amina" in history(hers)[0]
    assert "already" in ask.submit(owner=amina.user_id).follow().status_line
    back = hers.form("Undo this change").submit().follow()
    assert "The case belongs to nobody-7." in back.status_line
    sound(session, project, tmp_path)


def test_only_who_may_edit_is_offered_it_and_only_while_the_case_is_there(
    session: Session, app: Flask, officer: PageClient, project: Project
):
    only = open_case(session, project.id, "c-1")
    viewer = signed_in(app, factories.web_user(project, "viewer"))
    page = case_page(viewer, project, "c-1")
    assert not {"Edit properties", "Reassign"} & set(page.links())
    with write_transaction():
        archive(session, project.id, only.submission_id, by=factories.actor())
    for verb in ("edit", "assign"):
        assert "Edit data" in viewer.get(f"{page.url}{verb}", status=403).text
        assert "deleted" in officer.get(f"{page.url}{verb}", status=409).text
        officer.get(f"/a/{project.name}/cases/nobody/{verb}", status=404)
    deleted = case_page(officer, project, "c-1")
    assert not {"Edit properties", "Reassign"} & set(deleted.links())


def test_each_value_has_a_history(session: Session, officer: PageClient, project: Project):
    amina = factories.mobile_worker(project, "amina")
    name = "x.y-" + "w" * 250
    open_case(session, project.id, "c/1", **{name: "<b>"}, weight="50")
    edit = send(session, project.id, form(case_block("c/1", update={"weight": "", name: "n"})))
    send(session, project.id, form(case_block("c/1", update={"owner_id": amina.user_id})))
    with write_transaction():
        archive(session, project.id, edit.submission_id, by=factories.actor())
    page = case_page(officer, project, "c/1")
    past = page.click("weight")
    assert past.h1 == "History of “weight”"
    assert "weight now 50" not in past.text, "it has no label beside the name"
    assert "now 50" in past.text
    caption = "Forms that changed it, newest first"
    (newest, oldest) = past.rows(caption)
    assert newest[1:] == [
        "Visit by worker one, Unknown user Archived: it does not count.",
        *("50", "empty"),
    ]
    assert "It opened the case." in oldest[1]
    assert page.click(name).rows(caption)[-1][2:] == ["–none", "<b>"]
    owner = page.click("History of the owner")
    assert "now amina" in owner.text
    assert owner.rows(caption)[0][2:] == ["owner-1", "amina"]
    assert "No form has set it" in page.click("History of the external id").text
    assert past.click("Back to the case").url == page.url
    here = f"{page.url}history/"
    for hostile in ("%22", "a%22.b", "%255C", "%", "a%20b", "%00", "x" * 300):
        assert officer.client.get(here + hostile).status_code in {400, 404}
    for part, status in (("nothing", 404), ("weight?before=x", 422), ("weight?before=1", 200)):
        officer.get(here + part, status=status)
    officer.get(f"/a/{project.name}/cases/nobody/history/weight", status=404)
