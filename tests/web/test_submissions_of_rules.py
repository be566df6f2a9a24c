"""The forms of rules in Submit History: their names, and the filters by rule and run (R15, U6)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.history.by_rules import make_rule, make_run, write_form
from tests.history.statements import counted
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from webapp.database import write_transaction
from webapp.history.filters import forms_of_rule, forms_of_run, query_string
from webapp.projects.models import Project
from webapp.rules.models import Rule
from webapp.submissions.archive import archive
from webapp.submissions.own import RULE_XMLNS

TABLE = "Forms, newest first"


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    """Somebody who may edit data."""
    return signed_in(app, factories.web_user(project, "editor"))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/submissions/"


def test_a_rules_form_has_the_name_and_version_of_that_time(
    session: Session, officer: PageClient, url: str, project: Project
):
    open_case(session, project.id, "c-1")
    rule = make_rule(session, project.id, "Close stale")
    write_form(session, make_run(session, rule), "c-1", update_={"why": "old"}, close=True)
    with write_transaction():
        session.get_one(Rule, rule.id).name = "Another name"
    newest, _opened = officer.get(url).rows(TABLE)
    title = "Automatic Case Update Rule › Close stale"
    assert newest[1].endswith(f" {title}")
    assert newest[2:] == [
        f"{title} (v1){RULE_XMLNS}",
        "systemAutomatic rule",
        "Case c-1",
        "closedwhy",
        "Normal",
    ]


def test_a_form_from_outside_is_never_shown_as_a_rules(
    session: Session, officer: PageClient, url: str, project: Project
):
    rule = make_rule(session, project.id, "Close stale")
    xml = form(
        case_block("c-1", close=True, user_id="system"),
        xmlns=RULE_XMLNS,
        name="Close stale",
        user_id="system",
        username="system",
    )
    shown = send(session, project.id, xml).submission_id
    page = officer.get(url)
    assert page.rows(TABLE)[0][2:4] == [f"Close stale{RULE_XMLNS}", "systemUnknown user"]
    assert officer.get(f"{url}{shown}/").h1 == "Close stale"
    assert "Automatic Case Update Rule" not in officer.get(f"/a/{project.name}/cases/c-1/").text
    found = officer.get(f"{url}?{query_string(forms_of_rule(rule.rule_id))}")
    assert "No form fits these filters" in found.text


def test_forms_are_found_by_rule_and_by_run(
    session: Session, officer: PageClient, url: str, project: Project
):
    for case_id in ("c-1", "c-2", "c-3"):
        open_case(session, project.id, case_id)
    stale, other = (make_rule(session, project.id, name) for name in ("Close stale", "Flag"))
    first, second = make_run(session, stale), make_run(session, stale)
    write_form(session, first, "c-1", update_={"n": "1"})
    write_form(session, second, "c-2", update_={"n": "2"})
    write_form(session, make_run(session, other), "c-3", update_={"n": "3"})
    page = officer.get(url)
    found = page.form("Filters").submit("Apply", fill={"rule": "Close stale"}).follow()
    assert found.url == f"{url}?rule={stale.rule_id}"
    assert [row[4] for row in found.rows(TABLE)] == ["Case c-2", "Case c-1"]
    assert "Rule: Close stale" in found.text
    run = f"#{first.id} · Close stale (v1)"
    found = page.form("Filters").submit("Apply", fill={"run": run}).follow()
    assert found.url == f"{url}?run={first.id}"
    assert [row[4] for row in found.rows(TABLE)] == ["Case c-1"]
    assert f"Run: #{first.id}" in found.text
    assert len(found.click(f"Remove filter Run: #{first.id}").rows(TABLE)) == 6


def test_two_rules_of_one_name_can_be_told_apart(
    session: Session, officer: PageClient, url: str, project: Project
):
    rules = [make_rule(session, project.id, "Close stale") for _ in range(2)]
    choices = officer.get(url).one("//select[@name='rule']").xpath(".//option")
    words = {f"Close stale ({rule.rule_id[:8]})" for rule in rules}
    assert {one.text_content().strip() for one in choices} == {"Any rule, or none", *words}


def test_a_deleted_rule_is_offered_while_it_has_forms(
    session: Session, officer: PageClient, url: str, project: Project
):
    open_case(session, project.id, "c-1")
    gone, unused = (
        make_rule(session, project.id, name, deleted=True) for name in ("Gone", "Unused")
    )
    write_form(session, make_run(session, gone), "c-1", close=True)
    page = officer.get(url)
    group = page.one("//select[@name='rule']/optgroup[@label='Deleted rules']")
    assert [one.text_content().strip() for one in group] == ["Gone"]
    assert "Unused" not in page.text
    assert "Rule: Unused" in officer.get(f"{url}?rule={unused.rule_id}").text


def test_a_rule_of_another_project_shows_nothing(
    session: Session, officer: PageClient, url: str, project: Project
):
    elsewhere = factories.project()
    open_case(session, elsewhere.id, "c-1")
    rule = make_rule(session, elsewhere.id, "Secret")
    run = make_run(session, rule)
    write_form(session, run, "c-1", close=True)
    open_case(session, project.id, "c-1")
    for query in (forms_of_rule(rule.rule_id), forms_of_run(run.id)):
        page = officer.get(f"{url}?{query_string(query)}")
        assert "No form fits these filters" in page.text
        assert "Secret" not in page.text


def test_what_nothing_fits_says_what_to_relax(
    session: Session, officer: PageClient, url: str, project: Project
):
    open_case(session, project.id, "c-1")
    run = make_run(session, make_rule(session, project.id))
    kept = write_form(session, run, "c-1", close=True)
    with write_transaction():
        archive(session, project.id, kept, by=factories.actor())
    page = officer.get(f"{url}?run={run.id}&state=error")
    assert "1 form without “State: Error”." in page.text
    whole = officer.get(f"{url}?{query_string(forms_of_run(run.id))}")
    assert [row[6] for row in whole.rows(TABLE)] == ["Archived"]


def test_rules_forms_cost_one_more_statement(
    session: Session, app: Flask, officer: PageClient, url: str, project: Project
):
    open_case(session, project.id, "c-1")
    officer.get(url)
    with counted(app) as without:
        officer.get(url)
    for _ in range(3):
        run = make_run(session, make_rule(session, project.id))
        write_form(session, run, "c-1", update_={"n": str(run.id)})
    with counted(app) as with_rules:
        officer.get(url)
    assert len(with_rules) == len(without) + 1


def test_the_case_page_names_the_rule(session: Session, officer: PageClient, project: Project):
    open_case(session, project.id, "c-1")
    run = make_run(session, make_rule(session, project.id, "Close stale"))
    write_form(session, run, "c-1", close=True)
    page = officer.get(f"/a/{project.name}/cases/c-1/")
    assert "Closed by the form Automatic Case Update Rule › Close stale of system" in page.text
    assert page.click("Automatic Case Update Rule › Close stale").h1 == (
        "Automatic Case Update Rule › Close stale"
    )
