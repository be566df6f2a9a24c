"""All cases that a rule would change: page by page, and as a file (SPEC R25, U3)."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, send
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import make_rule
from tests.web.signing_in import signed_in
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.rules import preview
from webapp.web import changed_page

CAPTION = "The cases, before and after"


@pytest.fixture
def amina(app: Flask, project: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(project, role="editor"))


@pytest.fixture(autouse=True)
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changed_page, "SHOWN", 2)
    monkeypatch.setattr(changed_page, "READ", 2)


@pytest.fixture
def five(session: Session, project: Project) -> list[str]:
    """Five patients of two owners, one of them a worker, with hostile names; and one of another
    status."""
    worker = factories.mobile_worker(project, "anc-07").user_id
    for number in range(6):
        block = case_block(
            f"p-{number}",
            create={
                "case_name": f"=1+{number}",
                "case_type": "patient",
                "owner_id": worker if number else "nobody-known",
            },
            update={"status": "new" if number == 5 else "done"},
        )
        send(session, project.id, form(block))
    return [f"=1+{number}" for number in range(5)]


def names(page: Page) -> list[str]:
    return [row[0].partition(" (opens in a new tab)")[0] for row in page.rows(CAPTION)]


def test_owners_are_left_out_where_counting_takes_long(
    amina: PageClient, project: Project, five: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(preview, "QUICK_S", 0)
    form = amina.get(f"/a/{project.name}/rules/new").form("rule-form")
    typed: dict[str, Any] = {"case_type": "patient", "match": "every_case", "close": True}
    as_typed = dict(form.entries()) | {"case_type": "patient", "match": "every_case", "close": "y"}
    url = f"/a/{project.name}/rules/preview"
    assert "Press “Count now”, and the owners" in amina.post(url, as_typed, htmx=True).text
    said = "2 owners lose cases; most: anc-07 with 5."
    assert said in amina.post(url, as_typed | {"owners": "1"}, htmx=True).text
    assert said in form.submit("Count now", fill=typed).text


def lines(page: Page) -> list[dict[str, str]]:
    assert page.headers["Content-Type"].startswith("text/csv")
    text = page.response.get_data().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_those_of_a_saved_rule(amina: PageClient, project: Project, five: list[str]):
    rule = make_rule(project)
    page = amina.get(f"/a/{project.name}/rules/{rule.rule_id}/preview")
    assert "2 owners lose cases; most: anc-07 with 4." in page.text
    page = page.click("See all 5 cases")
    assert names(page) == five[:2]
    assert page.rows(CAPTION)[0][1:] == [
        "nobody-known (cases of this owner)",
        "State: open becomes closed close_reason: empty becomes automatic",
    ]
    assert page.rows(CAPTION)[1][1].startswith("anc-07")
    page = page.click("Next")
    assert names(page) == five[2:4] and "Cases 3 to 4 of 5" in page.text
    page = page.click("Next")
    assert names(page) == five[4:]
    assert names(page.click("Previous").click("Previous")) == five[:2]
    found = lines(page.click("Download as CSV"))
    assert [one["case_id"] for one in found] == [f"p-{number}" for number in range(5)]
    assert found[0] == {
        "case_id": "p-0",
        "name": "'=1+0",
        "owner_id": "nobody-known",
        "owner": "",
        "closes": "yes",
        "changed_case_id": "p-0",
        "property": "close_reason",
        "before": "",
        "after": "automatic",
    }
    assert found[1]["owner"] == "anc-07"
    for path in ("cases", "cases.csv"):
        url = f"/a/{project.name}/rules/{rule.rule_id}/preview/{path}?as_of=soon"
        assert amina.get(url).follow(status=422).errors
    assert names(amina.get(page.url.split("?")[0] + "?after=x&as_of=2031-01-01")) == five[:2]


def test_a_file_leaves_out_what_changes_while_it_is_written(
    session: Session,
    amina: PageClient,
    project: Project,
    five: list[str],
    monkeypatch: pytest.MonkeyPatch,
):
    actions = [{"kind": "copy", "property": "name", "from": "status"}]
    rule = make_rule(project, actions=actions)
    listed = changed_page._listed

    def then_others_come(*given: Any) -> Any:
        found = listed(*given)
        db.session.rollback()
        for block in (
            case_block("p-1", close=True),
            case_block("p-2", update={"status": "d" * 256}),
            case_block("p-3", update={"case_name": "done"}),
        ):
            send(db.session(), project.id, form(block))
        db.session.rollback()
        return found

    monkeypatch.setattr(changed_page, "_listed", then_others_come)
    found = lines(amina.get(f"/a/{project.name}/rules/{rule.rule_id}/preview/cases.csv"))
    assert [one["case_id"] for one in found] == [
        "p-0",
        "p-4",
        "3 cases are not listed: they changed while this file was written.",
    ]


def test_those_of_a_rule_that_is_being_written(
    amina: PageClient, project: Project, five: list[str]
):
    page = amina.get(f"/a/{project.name}/rules/new").form("rule-form")
    page = page.submit("Add a condition on: Property", name="Not yet", case_type="patient")
    typed: dict[str, Any] = {"criteria-0-property": "status", "criteria-0-value": "done"}
    page = page.form("rule-form").submit("Add an update", fill=typed)
    typed = {"actions-0-property": "why", "actions-0-value": "@SUM(1)"}
    page = page.form("rule-form").submit("Count now", fill=typed)
    form = page.form("rule-form")
    page = form.submit("See all 5 cases (opens in a new tab)")
    assert page.h1 == "Cases that “Not yet” would change"
    assert names(page) == five[:2]
    page = page.form("Next").submit("Next")
    page = page.form("Next").submit("Next")
    assert names(page) == five[4:]
    page = page.form("Previous").submit("Previous")
    assert names(page) == five[2:4]
    found = lines(page.form("Download as CSV").submit("Download as CSV"))
    assert {one["after"] for one in found} == {"'@SUM(1)"} and len(found) == 5
    page = form.submit("Count now", fill={"criteria-0-property": "9"})
    assert "Not complete yet" in page.text
    sent = dict(page.form("rule-form").entries())
    refused = amina.post(f"/a/{project.name}/rules/preview/cases", sent)
    assert "Not complete yet" in refused.text and refused.h1 == "New rule"
