"""Rules from a file (SPEC §4.9, R30)."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import CLOSE_DONE, make_rule
from tests.web.signing_in import signed_in
from webapp.audit.models import AuditEvent
from webapp.projects.models import Project
from webapp.rules.models import Rule
from webapp.web.forms import import_rules


@pytest.fixture
def page(app: Flask, project: Project) -> Page:
    """Amina, who may edit data, is asked for a file."""
    amina: PageClient = signed_in(app, factories.web_user(project, role="editor"))
    return amina.get(f"/a/{project.name}/rules/").click("Import…")


def send(page: Page, content: Any, *, status: int = 303) -> Page:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return page.form("Import rules").submit(file=(BytesIO(raw), "rules.json"), status=status)


def rules(session: Session, project: Project) -> list[tuple[str, str]]:
    session.rollback()
    found = select(Rule).where(Rule.project_id == project.id).order_by(Rule.position)
    return [(rule.name, rule.state.value) for rule in session.scalars(found)]


def test_several_are_added_switched_off_and_overwrite_nothing(
    session: Session, project: Project, page: Page
):
    make_rule(project)
    exported = CLOSE_DONE | {"state": "active", "id": "x", "version": 7}
    listed = send(page, [exported, CLOSE_DONE | {"name": "Other"}]).follow()
    assert listed.status_line.startswith("2 rules are imported. They are off.")
    assert "There was a rule called “Close the done” already." in listed.status_line
    assert rules(session, project) == [
        ("Close the done", "inactive"),
        ("Close the done", "inactive"),
        ("Other", "inactive"),
    ]
    tags = [one.tag for one in session.scalars(select(AuditEvent).order_by(AuditEvent.id))]
    assert tags[-2:] == ["rule.create"] * 2


def test_what_is_wrong_is_said_of_each_rule_and_nothing_is_imported(
    session: Session, project: Project, page: Page
):
    operator = CLOSE_DONE["criteria"][0] | {"operator": "resembles"}
    wrong = CLOSE_DONE | {"name": "Odd", "criteria": [operator]}
    answer = send(page, [CLOSE_DONE, wrong, 5], status=422)
    assert answer.errors == ["2 rules of the file are faulty."]
    first, second = answer.rows("Rules that are faulty, and why")
    assert first[0] == "Rule 2 “Odd”"
    assert first[1].startswith("criteria[0].operator: ")
    assert second[0] == "Rule 3"
    assert rules(session, project) == []
    assert "The rule" in send(answer, {}, status=422).text


def test_what_is_no_file_of_rules_is_said(page: Page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(import_rules, "LARGEST", 5000)
    monkeypatch.setattr(import_rules, "MOST", 3)
    for content, says in (
        (b"", "Choose a file that is not empty."),
        (b"[]", "The file has no rule in it."),
        (b"{", "This is no JSON"),
        (b"\xff", "This is no UTF-8"),
        (b" " * 6000, "larger than"),
        ([CLOSE_DONE] * 4, "more than 1,000 rules"),
    ):
        page = send(page, content, status=422)
        assert says in page.text
