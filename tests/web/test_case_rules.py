"""What the rules of its type would do to a case, on a page of its own (SPEC U5, R26)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.web.pages import PageClient
from tests.web.rule_pages import make_rule, patient
from tests.web.signing_in import signed_in
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.rules.models import RuleState
from webapp.rules.operations import delete_rule
from webapp.web.views import case_rules

TABLE = "The rules for cases of this type"


@pytest.fixture
def viktor(app: Flask, project: Project) -> PageClient:
    """Viktor may only look."""
    return signed_in(app, factories.web_user(project, role="viewer"))


def test_each_rule_of_the_type_says_whether_it_matches(
    session: Session, project: Project, viktor: PageClient
):
    patient(session, project, "p-1", status="done", long="x" * 300)
    make_rule(project, name="Close", state=RuleState.ACTIVE)
    wanted = {"kind": "property", "property": "status", "operator": "equals", "value": "new"}
    make_rule(project, name="Other", criteria=[wanted])
    copying = [{"kind": "copy", "property": "name", "from": "long"}]
    make_rule(project, name="Faulty", actions=copying)
    make_rule(project, name="Of mothers", case_type="mother")
    page = viktor.get(f"/a/{project.name}/cases/p-1/").click("Check against rules")
    assert page.h1 == "Which rules match “p-1”"
    first, second, third = page.rows(TABLE)
    assert first[:2] == ["Close", "On"]
    assert first[2].startswith("matches") and "State: open becomes closed" in first[3]
    assert second[2].startswith("does not match") and second[3] == "nothing"
    assert third[2].startswith("matches") and "at most 255" in third[3]
    assert "The rule matches “p-1”" in page.click("Why (Close)").text


def test_where_there_are_no_rules_it_says_so_and_of_many_the_first(
    session: Session, project: Project, viktor: PageClient, monkeypatch: pytest.MonkeyPatch
):
    patient(session, project, "p-1", status="done")
    page = viktor.get(f"/a/{project.name}/cases/p-1/rules")
    assert "No rule is for cases of this type" in page.text
    gone = make_rule(project)
    with write_transaction() as writing:
        delete_rule(writing, project.id, gone.rule_id, by=factories.actor())
    assert "No rule is for cases of this type" in viktor.get(page.url).text
    monkeypatch.setattr(case_rules, "SHOWN", 1)
    for name in ("A", "B"):
        make_rule(project, name=name)
    page = viktor.get(page.url)
    assert len(page.rows(TABLE)) == 1
    assert "These are the first 1." in page.text
    viktor.get(f"/a/{project.name}/cases/nobody/rules", status=404)
