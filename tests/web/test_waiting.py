"""Whoever ends a run that waits for a decision hears it before or after (SPEC R22)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.rules.nights import NIGHT, careful_project, held_run, night_at
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import post
from tests.web.signing_in import signed_in
from webapp.clock import DAY, HOUR, pretend
from webapp.projects.models import Project
from webapp.rules.models import Rule, Run, RunState

MORNING = NIGHT + 8 * HOUR


@pytest.fixture
def careful(session: Session) -> Project:
    return careful_project(session)


@pytest.fixture
def amina(app: Flask, careful: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(careful, role="editor"))


@pytest.fixture
def run(session: Session, careful: Project) -> Run:
    return held_run(session, careful)


@pytest.fixture
def url(session: Session, careful: Project, run: Run) -> str:
    return f"/a/{careful.name}/rules/{session.get_one(Rule, run.rule).rule_id}/"


def said(page: Page, run: Run) -> bool:
    return f"Run {run.id} waited for a decision, and ended without one." in page.status_line


def test_the_page_of_its_rule_leads_to_it(amina: PageClient, run: Run, url: str):
    with pretend(MORNING):
        page = amina.get(url)
    [link] = page.document.xpath("//h1/ancestor::*[2]//a[contains(., 'Waits for you')]")
    assert link.get("href").endswith(f"/runs/{run.id}/")


@pytest.mark.parametrize("button", ["Switch off", "Watch only"])
def test_the_buttons_of_the_rule_s_page_ask_first(
    session: Session, amina: PageClient, run: Run, url: str, button: str
):
    with pretend(MORNING):
        page = amina.get(url).form(button).submit().follow()
        assert page.h1.endswith("?")
        assert "A run waits for a decision. It ends without one:" in page.text
        session.refresh(run)
        assert run.state is RunState.HELD
        assert said(page.form(button).submit().follow(), run)


def test_saving_says_it_after(amina: PageClient, run: Run, url: str):
    with pretend(MORNING):
        page = amina.get(f"{url}edit").form("rule-form").submit("Save", description="x").follow()
        assert said(page, run)
        again = post(amina, f"{url}versions/1/restore", 303).follow()
    assert "waited for a decision" not in again.status_line


def test_restoring_a_version_says_it_before_and_after(
    session: Session, careful: Project, amina: PageClient, url: str
):
    with pretend(MORNING):
        amina.get(f"{url}edit").form("rule-form").submit("Save", description="x")
    waiting = night_at(NIGHT + DAY, session, careful)[0]
    with pretend(NIGHT + DAY + HOUR):
        page = amina.get(f"{url}versions/1")
        assert "ends without one when a version is restored." in page.text
        page = page.click("Restore this version…")
        assert "A run waits for a decision. It ends without one:" in page.text
        assert said(page.form("Restore this version").submit().follow(), waiting)


@pytest.mark.parametrize("verb", ["deactivate", "delete"])
def test_where_it_is_asked_it_is_said_before_and_after(
    amina: PageClient, run: Run, url: str, verb: str
):
    with pretend(MORNING):
        page = amina.get(url + verb)
        assert "A run waits for a decision. It ends without one:" in page.text
        assert page.links()[f"Review run {run.id}"].endswith(f"/runs/{run.id}/")
        button = "Switch off" if verb == "deactivate" else "Delete this rule"
        assert said(page.form(button).submit().follow(), run)


@pytest.mark.parametrize("verb", ["deactivate", "delete"])
def test_also_of_several_at_once(
    session: Session, careful: Project, amina: PageClient, run: Run, verb: str
):
    chosen = {"rule": session.get_one(Rule, run.rule).rule_id}
    with pretend(MORNING):
        several = f"/a/{careful.name}/rules/several/{verb}"
        asked = post(amina, several, 200, **chosen)
        assert "A run waits for a decision. It ends without one:" in asked.text
        assert said(post(amina, several, 303, **chosen, sure="yes").follow(), run)
