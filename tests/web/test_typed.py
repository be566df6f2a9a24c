"""What was typed outlives the session that it was typed in (UX "Lost session")."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import PASSWORD
from tests.forms import case_block, form, open_case, send
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import finished_run, make_rule, patient
from tests.web.signing_in import signed_in
from webapp.cases.queries import get_case
from webapp.database import write_transaction
from webapp.people.models import WebUser
from webapp.projects.models import Project
from webapp.rules.models import Rule
from webapp.submissions.archive import archive
from webapp.web import typed

TYPED = {"name": "Close\u00e9 “old”", "criteria-0-value": " two  spaces ", "description": "a\nb"}


@pytest.fixture
def amina(project: Project) -> WebUser:
    """Amina may edit data."""
    return factories.web_user(project, role="editor")


@pytest.fixture
def page(app: Flask, project: Project, amina: WebUser) -> Page:
    """A rule that she has begun to write."""
    form = signed_in(app, amina).get(f"/a/{project.name}/rules/new").form("rule-form")
    return form.submit("Add a condition on: Property")


def end_session(page: Page) -> None:
    page.client.client.delete_cookie("casekeeper")


def sign_in(page: Page, amina: WebUser) -> Page:
    return page.form("Sign in").submit(email=amina.email, password=PASSWORD)


def names(session: Session, project: Project) -> list[str]:
    session.rollback()
    return list(session.scalars(select(Rule.name).where(Rule.project_id == project.id)))


def assert_kept(page: Page) -> None:
    form = page.form("rule-form")
    assert form.value("name") == TYPED["name"]
    assert form.value("criteria-0-value") == TYPED["criteria-0-value"]
    assert form.value("description") == "a\r\nb"
    assert page.one("//form[@id='rule-form']").get("data-unsaved") == "yes"


def test_a_form_sent_too_late_is_shown_again_after_signing_in(
    session: Session, project: Project, page: Page, amina: WebUser
):
    end_session(page)
    login = page.form("rule-form").submit("Save as draft", fill=TYPED, status=401)
    assert login.h1 == "Sign in"
    assert "What you typed is kept" in login.text
    wrong = login.form("Sign in").submit(email=amina.email, password="no", status=422)
    back = sign_in(wrong, amina)
    assert back.h1 == "What you typed is still here"
    again = back.form("Go on with it").submit()
    assert_kept(again)
    assert names(session, project) == []
    done = again.form("rule-form").submit(
        "Save as draft", fill={"criteria-0-property": "p", "case_type": "t", "close": True}
    )
    assert done.status == 303
    assert names(session, project) == [TYPED["name"]]


def test_an_edit_is_still_that_of_its_rule(
    app: Flask, session: Session, project: Project, amina: WebUser
):
    rule = make_rule(project)
    page = signed_in(app, amina).get(f"/a/{project.name}/rules/{rule.rule_id}/edit")
    end_session(page)
    login = page.form("rule-form").submit("Save", name="Renamed", status=401)
    again = sign_in(login, amina).form("Go on with it").submit()
    assert again.h1 == "Edit “Close the done”"
    saved = again.form("rule-form").submit("Save").follow()
    assert "saved as version 2" in saved.status_line
    assert names(session, project) == ["Renamed"]


def test_who_signed_in_beside_the_page_presses_again(
    session: Session, project: Project, page: Page, amina: WebUser
):
    end_session(page)
    sign_in(page.client.get("/login?next=/login/done"), amina).follow()
    told = page.form("rule-form").submit("Save as draft", fill=TYPED, status=400)
    assert "Nothing was saved" in told.status_line
    assert_kept(told)
    assert names(session, project) == []


def test_htmx_gets_the_token_of_the_new_session(page: Page, amina: WebUser):
    end_session(page)
    form = page.form("rule-form")
    note = form.submit("Count now", htmx=True, status=401)
    assert note.headers["HX-Retarget"] == "#signed-out"
    done = sign_in(page.client.get(note.one("//a").get("href")), amina).follow()
    assert done.h1 == "You are signed in"
    refused = form.submit("Count now", htmx=True, status=400)
    form.element.xpath(".//input[@name='csrf_token']")[0].set("value", refused.events["token"])
    assert form.submit("Count now", htmx=True).one("//*[@id='preview']") is not None


def test_two_that_ask_at_the_same_time_get_tokens_of_one_session(page: Page, amina: WebUser):
    end_session(page)
    browser = page.client.client
    sign_in(page.client.get("/login?next=/login/done"), amina)
    cookie = browser.get_cookie("casekeeper")
    assert cookie is not None
    form = page.form("rule-form")
    first = form.submit("Count now", htmx=True, status=400).events["token"]
    browser.set_cookie("casekeeper", cookie.decoded_value)  # as if asked before the first answer
    form.submit("Count now", htmx=True, status=400)
    form.element.xpath(".//input[@name='csrf_token']")[0].set("value", first)
    form.submit("Count now", htmx=True)


def test_somebody_else_who_signs_in_sees_no_more_than_they_may(
    app: Flask, project: Project, page: Page
):
    end_session(page)
    login = page.form("rule-form").submit("Save as draft", fill=TYPED, status=401)
    stranger = factories.web_user(factories.project())
    sign_in(login, stranger).form("Go on with it").submit(status=404)


KEPT: list[Any] = [
    "",
    "{",
    "[]",
    '{"path": 1, "fields": []}',
    '{"path": "/login", "fields": []}',
    '{"path": "//evil.example/a/p/rules/rows", "fields": []}',
    '{"path": "/a/p/rules/new", "fields": [["name", "x"]]}',
    '{"path": "/a/p/rules/rows", "fields": [["name", "\\ud800"]]}',
    '{"path": "/a/p/rules/rows", "fields": [["name", 1]]}',
    '{"path": "/a/p/rules/rows", "fields": [["name"]]}',
    '{"path": "/a/p/rules/rows", "fields": 7}',
]


@pytest.mark.parametrize("kept", KEPT, ids=range(len(KEPT)))
def test_what_the_login_page_did_not_write_is_let_go(app: Flask, amina: WebUser, kept: str):
    browser = PageClient(app)
    token = browser.get("/login").form("Sign in").value("csrf_token")
    sent = {"csrf_token": token, "email": amina.email, "password": PASSWORD, "kept": kept}
    answer = browser.post("/login", sent)
    assert (answer.status, answer.location) == (303, "/")


def test_what_is_larger_than_a_person_types_is_let_go(
    app: Flask, project: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(typed, "LARGEST", 100)
    sent = {"name": "x" * 101}
    answer = PageClient(app).post(f"/a/{project.name}/rules/new", sent)
    assert answer.location == f"/login?next=/a/{project.name}/rules/new&ended=1"
    assert json.loads(typed.Typed("/", (("a", "b"),)).as_text())["fields"] == [["a", "b"]]


def test_why_a_case_is_closed_and_whose_it_is_to_be_are_kept_too(
    app: Flask, session: Session, project: Project, amina: WebUser
):
    open_case(session, project.id, "p-1")
    browser = signed_in(app, amina)
    for path, button, field, value in (
        ("close", "Close this case", "reason", "Moved to another district"),
        ("assign", "Reassign", "owner", amina.email),
    ):
        page = browser.get(f"/a/{project.name}/cases/p-1/{path}")
        end_session(page)
        login = page.form(button).submit(fill={field: value}, status=401)
        again = sign_in(login, amina).form("Go on with it").submit()
        assert again.form(button).value(field) == value
        session.rollback()
        assert not get_case(session, project.id, "p-1").closed
    again.form("Reassign").submit().follow()
    session.rollback()
    assert get_case(session, project.id, "p-1").owner_id == amina.user_id


def test_why_forms_are_archived_and_runs_undone_is_kept_too(
    app: Flask, session: Session, project: Project, amina: WebUser
):
    sent = open_case(session, project.id, "p/1")
    browser = signed_in(app, amina)
    listed = browser.get(f"/a/{project.name}/submissions/")
    chosen = listed.form("The selected forms").submit("Archive…", form=[sent.submission_id])
    taken = open_case(session, project.id, "p-2").submission_id
    with write_transaction():
        archive(session, project.id, taken, by=factories.actor())
    listed = browser.get(f"/a/{project.name}/submissions/?state=archived")
    back = listed.form("The selected forms").submit("Restore…", form=[taken])
    patient(session, project, "p-3", status="done")
    run = finished_run(project, make_rule(project))
    for address, button in (
        (f"/a/{project.name}/submissions/{sent.submission_id}/archive", "Archive this form"),
        (chosen.location, "Archive 1 form"),
        (back.location, "Restore 1 form"),
        (f"/a/{project.name}/runs/{run.id}/undo", "Undo this run"),
    ):
        page = browser.get(address)
        end_session(page)
        login = page.form(button).submit(reason="A “wrong” patient", status=401)
        assert "What you typed is kept" in login.text
        again = sign_in(login, amina).form("Go on with it").submit()
        assert again.form(button).value("reason") == "A “wrong” patient"


def test_whom_many_cases_are_given_to_is_kept_with_the_filters(
    app: Flask, session: Session, project: Project, amina: WebUser
):
    open_case(session, project.id, "p-1")
    send(session, project.id, form(case_block("p-2", create={"case_type": "other"})))
    page = signed_in(app, amina).get(f"/a/{project.name}/cases/reassign?type=other")
    end_session(page)
    login = page.form("See what that means").submit(owner=amina.email, status=401)
    again = sign_in(login, amina).form("Go on with it").submit()
    assert again.form("See what that means").value("owner") == amina.email
    assert again.h1 == "Reassign 1 case"


def test_a_button_alone_says_that_nothing_was_done_and_leads_back(
    app: Flask, session: Session, project: Project, amina: WebUser
):
    sent = open_case(session, project.id, "p/1")
    with write_transaction():
        archive(session, project.id, sent.submission_id, by=factories.actor())
    browser = signed_in(app, amina)
    page = browser.get(f"/a/{project.name}/submissions/{sent.submission_id}/")
    end_session(page)
    login = page.form("Restore").submit().follow()
    assert "Your session has ended, so this was not done." in login.text
    back = sign_in(login, amina).follow()
    assert (back.url, back.h1) == (page.url, page.h1)
    back.form("Restore").submit().follow()
    case = browser.get(f"/a/{project.name}/cases/p%252F1/")
    end_session(case)
    undo = browser.post(f"{case.url}undo", {"submission_id": "x"}).follow()
    assert sign_in(undo, amina).location == case.url


def test_who_signed_in_beside_another_page_finds_it_as_it_was_typed(
    app: Flask, session: Session, project: Project, amina: WebUser
):
    sent = open_case(session, project.id, "p-1")
    browser = signed_in(app, amina)
    for path, button in (
        ("cases/p-1/close", "Close this case"),
        (f"submissions/{sent.submission_id}/archive", "Archive this form"),
    ):
        page = browser.get(f"/a/{project.name}/{path}")
        end_session(page)
        sign_in(browser.get("/login?next=/login/done"), amina)
        told = page.form(button).submit(reason="Moved", status=400)
        assert "Nothing was saved" in told.status_line
        assert told.form(button).value("reason") == "Moved"


def test_what_was_selected_is_selected_still(
    app: Flask, session: Session, project: Project, amina: WebUser
):
    sent = [open_case(session, project.id, f"p-{n}").submission_id for n in range(30)]
    send(session, project.id, form(user_id="u-1"))
    listed = signed_in(app, amina).get(f"/a/{project.name}/submissions/?user=worker-1")
    chosen = {"form": sent[-3:]}, {"page": True}, {"all": True}
    for fill, count in zip(chosen, (3, 25, 30), strict=True):
        end_session(listed)
        login = listed.form("The selected forms").submit("Archive…", fill=fill, status=401)
        asked = sign_in(login, amina).form("Go on with it").submit().follow()
        assert asked.h1 == f"Archive {count} forms?"
    end_session(listed)
    sign_in(listed.client.get("/login?next=/login/done"), amina)
    listed.form("The selected forms").submit("Archive…", fill=fill, status=400)


def test_whoever_opened_an_id_with_a_slash_comes_back_to_it(
    app: Flask, session: Session, project: Project, amina: WebUser
):
    open_case(session, project.id, "p/1")
    url = f"/a/{project.name}/cases/p%252F1/?find=%20x"
    login = PageClient(app).get(url).follow()
    assert "has ended" not in login.text
    assert sign_in(login, amina).location == url
