"""Undoing a run, and taking the undo back (SPEC R27)."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, send
from tests.rules.running import chunks_of, queued
from tests.rules.test_undo import forms_of, stopped_in_the_middle, stopped_run, undone
from tests.web.pages import PageClient
from tests.web.rule_pages import finished_run, make_rule, patient, post
from tests.web.signing_in import signed_in
from webapp.cases.queries import get_case
from webapp.database import write_transaction
from webapp.jobs import queue
from webapp.jobs.tasks import work
from webapp.projects.models import Project
from webapp.rules.models import Rule, RuleState
from webapp.rules.undo import start_undo
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State


@pytest.fixture
def amina(app: Flask, project: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(project, role="editor"))


@pytest.fixture
def viktor(app: Flask, project: Project) -> PageClient:
    """Viktor may only look."""
    return signed_in(app, factories.web_user(project, role="viewer"))


@pytest.fixture
def rule(project: Project) -> Rule:
    return make_rule(project)


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/runs/"


class TestUndoing:
    def test_reopens_the_cases_and_can_be_taken_back(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        rule = make_rule(project, state=RuleState.ACTIVE)
        for case_id in ("p-1", "p-2"):
            patient(session, project, case_id, status="done")
        run = finished_run(project, rule)
        send(session, project.id, form(case_block("p-2", update={"close_reason": "moved"})))
        page = amina.get(f"{url}{run.id}/").click("Undo this run…")
        assert page.h1 == f"Undo run {run.id} of “Close the done”?"
        assert "2 forms that this run wrote" in page.text
        assert "It is on: the next time it runs, it would match these cases again." in page.text
        page = page.form("Undo this run").submit(reason="By mistake", deactivate=True).follow()
        assert page.status_line.endswith("The rule is off.")
        session.rollback()
        session.refresh(run)
        session.refresh(rule)
        assert rule.state == RuleState.INACTIVE
        assert run.undo_id is not None
        assert "Being undone" in page.text
        panel = page.one("//section[@id='undo']")
        assert panel.get("hx-trigger") == "load delay:1s"
        again = amina.get(panel.get("hx-get"), htmx=True).one("//section[@id='undo']")
        assert again.get("hx-get") == panel.get("hx-get")
        work(run.undo_id)
        assert not get_case(session, project.id, "p-1").closed
        page = amina.get(f"{url}{run.id}/")
        assert "Undone" in page.text
        ended = amina.get(f"{url}{run.id}/?part=undo", htmx=True)
        assert ended.headers["HX-Reswap"] == "none"
        assert ended.events["announce"] == "The run is undone."
        assert "Undone" in ended.one("//*[@id='run-state']").text_content()
        assert "Undoing has archived 2 forms of this run." in page.text
        assert re.search("Undone by .+ at .+ By mistake", page.text)
        assert "Undo this run…" not in page.links()
        assert amina.get(url).rows("Runs, newest first")[0][1] == "Undone"
        assert "Undone" in amina.get(f"/a/{project.name}/rules/").text
        assert "Undone" in page.click("Open the rule").text
        page = page.form("Bring the changes back").submit().follow()
        session.rollback()
        session.refresh(run)
        work(run.undo_id)
        session.rollback()
        assert get_case(session, project.id, "p-1").closed
        page = amina.get(f"{url}{run.id}/")
        assert "Undone" not in page.text
        assert "Undo this run…" in page.links()

    def test_of_a_run_that_closes_nothing_says_how_many_have_their_values_again(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        for case_id in ("p-1", "p-2", "p-3"):
            patient(session, project, case_id, status="done")
        action = {"kind": "set", "property": "status", "value": "old"}
        run = finished_run(project, make_rule(project, actions=[action]))
        send(session, project.id, form(case_block("p-2", update={"status": "moved"})))
        text = amina.get(f"{url}{run.id}/undo").text
        assert "0cases are open again 2cases have their earlier values again" in text
        assert "1case keeps values that came later" in text

    def test_where_there_is_nothing_it_says_so_and_offers_no_button(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        rule = make_rule(project)
        empty = finished_run(project, rule)
        page = amina.get(f"{url}{empty.id}/undo")
        assert "This run wrote no form, so there is nothing to undo." in page.text
        assert "Undo this run" not in page.text
        assert "wrote no form" in post(amina, f"{url}{empty.id}/undo", 409).text
        patient(session, project, "p-1", status="done")
        run = finished_run(project, rule)
        undone(session, run)
        page = amina.get(f"{url}{run.id}/undo")
        assert "No form of this run counts any more" in page.text
        assert "Undo this run" not in page.text

    def test_says_how_far_one_went_that_was_stopped(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        rule = make_rule(project)
        for case_id in ("p-1", "p-2"):
            patient(session, project, case_id, status="done")
        run = finished_run(project, rule)
        with write_transaction():
            job = start_undo(session, project.id, run.id, by=factories.actor())
        stopped_in_the_middle(session, job, after=1)
        page = amina.get(f"{url}{run.id}/")
        assert "Partly undone: 1 of 2" in page.text
        assert "Undo archives the form of this run that counts." in page.text
        assert "Undo this run…" in page.links()
        page.form("Bring the changes back").submit()
        session.rollback()
        session.refresh(run)
        work(run.undo_id)
        assert "Partly undone" not in amina.get(f"{url}{run.id}/").text

    def test_announces_what_the_panel_shows(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        for case_id in ("p-1", "p-2"):
            patient(session, project, case_id, status="done")
        run = finished_run(project, rule)
        with write_transaction():
            job = start_undo(session, project.id, run.id, by=factories.actor())
        stopped_in_the_middle(session, job, after=1)
        (archived,) = forms_of(session, run, State.ARCHIVED)
        with write_transaction():
            restore(session, project.id, archived, by=factories.actor())
            queue.resume(session, project.id, job.id, by=factories.actor())
        work(job.id)
        ended = amina.get(f"{url}{run.id}/?part=undo", htmx=True)
        assert "Partly undone: 1 of 2" in ended.text
        said = "The job is over: 1 of 2 forms of the run are undone."
        assert ended.events["announce"] == said

    def test_says_what_the_forms_say_whoever_archived_them(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        for case_id in ("p-1", "p-2", "p-3"):
            patient(session, project, case_id, status="done")
        run = finished_run(project, rule)
        first, second, third = forms_of(session, run)
        with write_transaction():
            archive(session, project.id, first, by=factories.actor())
        page = amina.get(f"{url}{run.id}/")
        assert "Undo archives the 2 forms of this run that count." in page.text
        assert "1 form of this run was archived by hand, and stays so." in page.text
        assert amina.get(url).rows("Runs, newest first")[0][1] == "Finished"
        undone(session, run)
        assert amina.get(url).rows("Runs, newest first")[0][1] == "Undone"
        with write_transaction():
            restore(session, project.id, second, by=factories.actor())
        assert amina.get(url).rows("Runs, newest first")[0][1] == "Partly undone: 1 of 3"
        page = amina.get(f"{url}{run.id}/")
        assert "Undo archives the form of this run that counts." in page.text
        assert "Undoing has archived 1 form of this run." in page.text
        with write_transaction():
            restore(session, project.id, third, by=factories.actor())
        page = amina.get(f"{url}{run.id}/")
        assert "ndone" not in page.text
        assert "Bring the changes back" not in page.text

    def test_of_a_run_that_was_stopped_keeps_it_from_going_on(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        for case_id in ("p-1", "p-2", "p-3"):
            patient(session, project, case_id, status="done")
        run = queued(project, rule)
        with chunks_of(1):
            stopped_run(run, after=2)
        page = amina.get(f"{url}{run.id}/")
        assert "Resume this run" in page.text
        page.click("Undo this run…").form("Undo this run").submit()
        assert "Resume this run" not in amina.get(f"{url}{run.id}/").text
        assert "just now" in post(amina, f"{url}{run.id}/resume", 409).text
        session.rollback()
        session.refresh(run)
        work(run.undo_id)
        page = amina.get(f"{url}{run.id}/")
        assert "Undone" in page.text
        assert "Resume this run" not in page.text
        assert "Bring the changes back first, or run it again." in page.text
        assert "is undone" in post(amina, f"{url}{run.id}/resume", 409).text

    def test_leaves_the_rule_on_unless_told(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        rule = make_rule(project, state=RuleState.ACTIVE)
        patient(session, project, "p-1", status="done")
        run = finished_run(project, rule)
        page = amina.get(f"{url}{run.id}/undo")
        page.form("Undo this run").submit()
        session.rollback()
        session.refresh(rule)
        assert rule.state == RuleState.ACTIVE

    def test_needs_a_reason_that_fits(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        run = finished_run(project, rule)
        page = amina.get(f"{url}{run.id}/undo").form("Undo this run").submit(reason="x" * 1001)
        assert page.errors == ["A reason has at most 1,000 characters"]


def test_verbs_need_the_right_and_the_project(
    app: Flask, project: Project, rule: Rule, viktor: PageClient, url: str
):
    run = finished_run(project, rule)
    other = factories.project()
    stranger = signed_in(app, factories.web_user(other, role="admin"))
    for verb in ("undo", "redo"):
        assert "Edit data" in post(viktor, f"{url}{run.id}/{verb}", 403).text
        post(stranger, f"{url}{run.id}/{verb}", 404)
        post(stranger, f"/a/{other.name}/runs/{run.id}/{verb}", 404)
