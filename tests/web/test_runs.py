"""The run history of a project (SPEC U2)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.history.statements import counted
from tests.web.pages import PageClient
from tests.web.rule_pages import finished_run, make_rule, patient, queued_run
from tests.web.signing_in import signed_in
from webapp.projects.models import Project

TABLE = "Runs, newest first"


@pytest.fixture
def viktor(app: Flask, project: Project) -> PageClient:
    """Viktor may only look."""
    return signed_in(app, factories.web_user(project, role="viewer"))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/runs/"


def test_is_empty_in_words(viktor: PageClient, url: str):
    page = viktor.get(url)
    assert "No run yet" in page.text
    assert page.click("Automatic updates").h1 == "Automatic updates"


def test_says_what_came_of_each_run(
    session: Session, project: Project, viktor: PageClient, url: str
):
    patient(session, project, "p-1", status="done")
    rule = make_rule(project)
    done = finished_run(project, rule)
    waiting = queued_run(project, rule)
    page = viktor.get(url)
    second, first = page.rows(TABLE)
    assert first[:2] == [f"Run {done.id}: Close the done version 1", "Finished"]
    assert first[3:] == ["testerby hand", "1", f"1 (forms of run {done.id})", "0"]
    assert second[1] == "Waiting"
    assert page.click(f"Run {waiting.id}").h1 == f"Run {waiting.id}: Close the done"


def test_goes_by_pages_and_by_rule(
    app: Flask, session: Session, project: Project, viktor: PageClient, url: str
):
    rule, other = make_rule(project), make_rule(project, name="Other")
    finished_run(project, other)
    with counted(app) as few:
        viktor.get(url)
    for _ in range(27):
        queued_run(project, rule)
    with counted(app) as many:
        page = viktor.get(url)
    assert len(many) == len(few)
    rows = page.rows(TABLE)
    assert len(rows) == 25
    older = page.click("Older")
    assert len(older.rows(TABLE)) == 3
    assert older.click("Newer").rows(TABLE) == rows
    mine = viktor.get(f"{url}?rule={other.rule_id}")
    assert mine.h1 == "Runs of “Other”"
    assert len(mine.rows(TABLE)) == 1


def test_hostile_addresses_are_refused(project: Project, viktor: PageClient, url: str):
    viktor.get(url + "?before=x", status=422)
    viktor.get(url + "?before=1.2&after=1.2", status=422)
    viktor.get(url + "?rule=x", status=404)
    for number in ("0", str(2**40), str(2**70)):
        viktor.get(f"{url}{number}/", status=404)


def test_other_projects_see_nothing(app: Flask, project: Project, url: str):
    run = finished_run(project, make_rule(project))
    other = factories.project()
    stranger = signed_in(app, factories.web_user(other, role="admin"))
    stranger.get(f"{url}{run.id}/", status=404)
    stranger.get(f"/a/{other.name}/runs/{run.id}/", status=404)
    assert "No run yet" in stranger.get(f"/a/{other.name}/runs/").text
