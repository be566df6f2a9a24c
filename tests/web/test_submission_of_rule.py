"""The page of a rule's form: the rule, its version and run, and why it matched (U9, R15)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.history.by_rules import make_rule, make_run, write_form
from tests.rules.running import CLOSES, done, equals, rule_that
from tests.web.pages import Page, PageClient
from tests.web.signing_in import signed_in
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.rules.models import Rule, Run
from webapp.rules.moment import parse_as_of
from webapp.submissions.archive import archive
from webapp.submissions.models import Submission

CONDITIONS = "Each condition"


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    """Somebody who may edit data."""
    return signed_in(app, factories.web_user(project, "editor"))


def page_of(officer: PageClient, project: Project, submission_id: str) -> Page:
    return officer.get(f"/a/{project.name}/submissions/{submission_id}/")


def only_form(session: Session, run: Run) -> str:
    session.rollback()
    return session.scalars(
        select(Submission.submission_id).where(Submission.run_id == run.id)
    ).one()


def test_the_page_says_why_and_leads_to_rule_version_and_run(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "c-1", status="done")
    definition = rule_that(CLOSES, where=equals("status", "done"), name="Close done")
    run = done(project, definition, as_of=parse_as_of("2026-01-02", "UTC"))
    rule = session.get_one(Rule, run.rule)
    page = page_of(officer, project, only_form(session, run))
    assert page.h1 == "Automatic Case Update Rule › Close done"
    ((condition, *rest),) = page.rows(CONDITIONS)
    assert "status" in condition
    assert rest == ["done", "done", "true"]
    assert "The rule looked as of 2 Jan 2026 00:00:00 UTC, with 2 Jan 2026 as today." in page.text
    assert f"Device (the rule's id){rule.rule_id}" in page.text
    assert "Written by the rule" in page.text
    assert "nobody who signed in" not in page.text
    links = page.links()
    base = f"/a/{project.name}"
    assert links["Close done"] == f"{base}/rules/{rule.rule_id}/"
    assert links["version 1"] == f"{base}/rules/{rule.rule_id}/versions/1"
    assert links[f"run #{run.id}"] == f"{base}/runs/{run.id}/"
    for words in ("Close done", "version 1", f"run #{run.id}"):
        assert page.click(words).status == 200
    assert len(page.click("All forms of this run").rows("Forms, newest first")) == 1


def test_a_renamed_and_a_deleted_rule_are_said(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "c-1", status="done")
    run = done(project, rule_that(CLOSES, where=equals("status", "done"), name="Old name"))
    shown = only_form(session, run)
    with write_transaction():
        session.get_one(Rule, run.rule).name = "New name"
    page = page_of(officer, project, shown)
    assert page.h1 == "Automatic Case Update Rule › Old name"
    assert "now called “New name”" in page.text
    with write_transaction():
        session.get_one(Rule, run.rule).deleted_on = 1
    page = page_of(officer, project, shown)
    assert "deleted since" in page.text
    assert page.click("Old name").status == 200


def test_it_says_when_the_history_no_longer_explains_it(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "c-1")
    kept = send(session, project.id, form(case_block("c-1", update={"status": "done"})))
    run = done(project, rule_that(CLOSES, where=equals("status", "done")))
    shown = only_form(session, run)
    assert "This no longer explains it" not in page_of(officer, project, shown).text
    with write_transaction():
        archive(session, project.id, kept.submission_id, by=factories.actor())
    page = page_of(officer, project, shown)
    assert "This no longer explains it" in page.text
    assert page.rows(CONDITIONS)[0][-1] == "false"


def test_a_related_case_is_explained_by_the_one_that_matched(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "p-1")
    open_case(session, project.id, "c-1", status="done")
    run = make_run(session, make_rule(session, project.id))
    alone = write_form(session, run, "p-1", part=1, update_={"n": "1"})
    assert "no longer known which it was" in page_of(officer, project, alone).text
    write_form(session, run, "c-1", close=True)
    page = page_of(officer, project, alone)
    assert "This form is about a case related to Case c-1, which matched." in page.text
    assert page.rows(CONDITIONS)[0][1:] == ["done", "done", "true"]


def test_a_rule_for_every_case_has_no_conditions(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "c-1")
    run = done(project, rule_that(CLOSES))
    page = page_of(officer, project, only_form(session, run))
    assert "it changes every open case of type “patient”" in page.text


def test_a_form_from_outside_says_nothing_of_a_rule(
    session: Session, officer: PageClient, project: Project
):
    kept = open_case(session, project.id, "c-1")
    page = page_of(officer, project, kept.submission_id)
    assert "Why it matched" not in page.text
    assert "Automatic update" not in page.one("//main").text_content()
