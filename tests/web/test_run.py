"""A run's page: progress, what it changed, stop, resume, again, undo (SPEC R18–R27)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.history.statements import counted
from tests.jobs.work import let_heartbeat_pass
from tests.web.pages import PageClient
from tests.web.rule_pages import finished_run, make_rule, patient, post, queued_run
from tests.web.signing_in import signed_in
from webapp.audit.record import events_about
from webapp.database import write_transaction
from webapp.jobs.claim import claim
from webapp.jobs.queue import get_job
from webapp.jobs.tasks import work
from webapp.projects.models import Project
from webapp.rules.models import Rule, Run, RunState
from webapp.rules.operations import delete_rule

CHANGED = "Cases that this run changed, before and after, newest first"


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


def stats(page: object) -> dict[str, str]:
    """The counts, by their words."""
    region = page.one("//*[@id='numbers']")  # type: ignore[attr-defined]
    return {e.findtext("dt"): e.findtext("dd") for e in region.xpath("./div")}


class TestARunThatIsOver:
    def test_says_what_it_changed(
        self, session: Session, project: Project, rule: Rule, viktor: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        patient(session, project, "p-2")
        run = finished_run(project, rule)
        page = viktor.get(f"{url}{run.id}/")
        assert page.h1 == f"Run {run.id}: Close the done"
        counts = stats(page)
        assert (counts["Open cases of the type"], counts["Matched"], counts["Changed"]) == (
            "2",
            "1",
            "1",
        )
        assert (counts["Closed"], counts["Forms"], counts["Errors"]) == ("1", "1", "0")
        (row,) = page.rows(CHANGED)
        assert row[0] == "p-1"
        assert row[1] == "State: open becomes closed close_reason: empty becomes automatic"
        assert page.click("p-1").h1 == "p-1"
        assert "hx-get" not in page.html.split('id="outcome"')[1]
        assert "You can see this, but not change it" in page.text

    def test_pages_through_its_forms(
        self, app: Flask, session: Session, rule: Rule, project: Project, viktor: PageClient
    ):
        url = f"/a/{project.name}/runs/"
        patient(session, project, "p-0", status="done")
        few_run = finished_run(project, rule)
        with counted(app) as few:
            viktor.get(f"{url}{few_run.id}/")
        for number in range(1, 28):
            patient(session, project, f"p-{number}", status="done")
        run = finished_run(project, rule)
        with counted(app) as many:
            page = viktor.get(f"{url}{run.id}/")
        assert len(many) == len(few)
        assert len(page.rows(CHANGED)) == 25
        assert len(page.click("Older").rows(CHANGED)) == 2

    def test_that_found_nothing_says_so(
        self, project: Project, rule: Rule, viktor: PageClient, url: str
    ):
        run = finished_run(project, rule)
        page = viktor.get(f"{url}{run.id}/")
        assert "No case matched, so nothing was changed." in page.text
        assert not page.document.xpath("//table")

    def test_names_cases_at_fault_and_skipped_ones(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        for number in range(12):
            patient(session, project, f"p-{number:02}", long="x" * 256)
        rule = make_rule(
            project,
            match="every_case",
            criteria=[],
            actions=[{"kind": "copy", "property": "name", "from": "long"}],
        )
        run = finished_run(project, rule)
        page = amina.get(f"{url}{run.id}/")
        assert "Finished with errors" in page.text
        assert len(page.rows("Cases that could not be changed")) == 10
        every = page.click("Show all 12")
        assert len(every.rows("Cases and why, in the order of the run")) == 12
        assert "at most 255" in every.text
        assert "No case" in amina.get(f"{url}{run.id}/skipped").text
        amina.get(f"{url}{run.id}/errors?after=x", status=422)

    def test_can_be_run_again(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        run = finished_run(project, rule)
        page = amina.get(f"{url}{run.id}/").form("Run again").submit().follow()
        assert page.h1.startswith("Run ") and page.url != f"{url}{run.id}/"
        assert "Waiting" in page.text


class TestARunAtWork:
    def test_counts_on_by_itself_and_ends(
        self, session: Session, project: Project, rule: Rule, viktor: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        run = queued_run(project, rule)
        page = viktor.get(f"{url}{run.id}/")
        region = page.one("//section[@id='run']")
        assert (region.get("hx-get"), region.get("hx-trigger")) == (
            f"{url}{run.id}/",
            "load delay:1s",
        )
        assert "It waits for its turn" in page.text
        assert page.click("Refresh now").h1 == page.h1
        fragment = viktor.get(f"{url}{run.id}/", htmx=True)
        assert fragment.one("//section[@id='run']").get("hx-get")
        assert not fragment.document.xpath("//*[@id='outcome']")
        work(run.job_id)
        ended = viktor.get(f"{url}{run.id}/", htmx=True)
        assert ended.one("//section[@id='run']").get("hx-get") is None
        assert ended.one("//*[@id='outcome']").get("hx-swap-oob") == "true"
        assert "Finished" in ended.one("//*[@id='run-state']").text_content()
        times = ended.one("//*[@id='run-times']")
        assert times.get("hx-swap-oob") == "true"
        assert ", ended at" in times.text_content()
        assert "1" in stats(ended)["Changed"]

    def test_is_stopped_and_resumed(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        run = queued_run(project, rule)
        page = amina.get(f"{url}{run.id}/").form("Stop this run").submit().follow()
        assert page.status_line == "The run is stopped."
        assert "It had not begun." in page.text
        page = page.form("Resume this run").submit().follow()
        assert page.status_line == "The run goes on where it ended."
        work(run.job_id)
        assert stats(amina.get(page.url))["Changed"] == "1"
        assert "over already" in post(amina, f"{url}{run.id}/stop", 409).text
        post(amina, f"{url}{run.id}/resume", 409)

    def test_is_stopped_and_resumed_also_as_a_job(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        run = queued_run(project, rule)
        job = f"/a/{project.name}/jobs/{run.job_id}/"
        for verb in ("stop", "resume"):
            asked = post(amina, f"{job}{verb}", 307)
            assert asked.location == f"{url}{run.id}/{verb}"
            post(amina, asked.location, 303)
        session.rollback()
        tags = [one.tag for one in session.scalars(events_about(project.id, f"run:{run.id}"))]
        assert tags == ["run.resume", "run.end", "run.stop", "run.queue"]

    def test_that_a_later_one_made_past_leads_to_that(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        run = queued_run(project, rule)
        post(amina, f"{url}{run.id}/stop", 303)
        later = finished_run(project, rule)
        page = amina.get(f"{url}{run.id}/")
        assert f"Run {later.id} of the same rule has decided anew" in page.text
        assert not page.document.xpath("//form[contains(@action, 'resume')]")
        assert page.click(f"See run {later.id}").h1.startswith(f"Run {later.id}")
        assert "decided anew" in post(amina, f"{url}{run.id}/resume", 409).text

    def test_of_a_deleted_rule_does_not_go_on(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        run = queued_run(project, rule)
        post(amina, f"{url}{run.id}/stop", 303)
        with write_transaction() as writing:
            delete_rule(writing, project.id, rule.rule_id, by=factories.actor())
        page = amina.get(f"{url}{run.id}/")
        assert "The rule is deleted. Bring it back first" in page.text
        assert "The rule is deleted" in post(amina, f"{url}{run.id}/resume", 409).text

    def test_that_works_stops_after_what_it_is_at(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        run = queued_run(project, rule)
        claim(run.job_id)
        with write_transaction() as writing:
            writing.get_one(Run, run.id).state = RunState.RUNNING
        page = amina.get(f"{url}{run.id}/").form("Stop this run").submit().follow()
        assert page.status_line.startswith("The run stops after the cases")
        assert "It stops after the cases that it is at." in page.text

    def test_that_is_planned_stops_before_it_changes_anything(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        run = queued_run(project, rule)
        claim(run.job_id)
        assert "Nothing is changed yet." in amina.get(f"{url}{run.id}/").text
        page = amina.get(f"{url}{run.id}/").form("Stop this run").submit().follow()
        assert page.status_line == "The run stops before it changes anything."
        assert "It stops before it changes anything." in page.text
        let_heartbeat_pass(get_job(session, project.id, run.job_id))
        work(run.job_id)
        assert "It had not begun." in amina.get(f"{url}{run.id}/").text

    def test_says_that_its_worker_does_not_answer(
        self, session: Session, project: Project, rule: Rule, viktor: PageClient, url: str
    ):
        run = queued_run(project, rule)
        claim(run.job_id)
        let_heartbeat_pass(get_job(session, project.id, run.job_id))
        assert "does not answer" in viktor.get(f"{url}{run.id}/").text


def test_verbs_need_the_right_and_the_project(
    app: Flask, project: Project, rule: Rule, viktor: PageClient, url: str
):
    run = finished_run(project, rule)
    other = factories.project()
    stranger = signed_in(app, factories.web_user(other, role="admin"))
    for verb in ("stop", "resume", "again"):
        assert "Edit data" in post(viktor, f"{url}{run.id}/{verb}", 403).text
        post(stranger, f"{url}{run.id}/{verb}", 404)
        post(stranger, f"/a/{other.name}/runs/{run.id}/{verb}", 404)
