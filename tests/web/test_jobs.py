"""The pages of jobs, as people use them."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.jobs.work import (
    assert_done_once,
    failing_form,
    forms_in_error,
    let_heartbeat_pass,
    reprocess_job,
)
from tests.web.page_checks import parse
from tests.web.pages import Page, PageClient
from tests.web.signing_in import signed_in
from webapp.audit.record import events_about
from webapp.jobs.claim import claim
from webapp.jobs.models import Job, JobState
from webapp.jobs.progress import FEW
from webapp.jobs.tasks import work
from webapp.projects.models import Project


@pytest.fixture
def amina(app: Flask, project: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(project, role="editor"))


@pytest.fixture
def viktor(app: Flask, project: Project) -> PageClient:
    """Viktor may only look."""
    return signed_in(app, factories.web_user(project, role="viewer"))


def ask(client: PageClient, project: Project, status: int = 303, **fields: str) -> Page:
    """Post what the button "process again" of the form page posts."""
    return post(client, f"/a/{project.name}/submissions/reprocess", status, **fields)


def post(client: PageClient, url: str, status: int, **fields: str) -> Page:
    """Post what no button of a page posts in this situation, with the token of some page."""
    any_page = client.client.get("/no-such-page").get_data(as_text=True)
    token = parse(any_page)[0].xpath("//input[@name='csrf_token']/@value")[0]
    return client.post(url, {"csrf_token": token, **fields}, status=status)


def job_of(session: Session, project: Project) -> Job:
    session.rollback()
    return session.scalars(select(Job).where(Job.project_id == project.id)).one()


class TestProcessingAgain:
    def test_one_form(self, session: Session, project: Project, amina: PageClient):
        _, second = forms_in_error(session, project, 2)
        page = ask(amina, project, submission_id=second).follow()
        job = job_of(session, project)
        assert page.h1 == f"Job {job.id}: Process forms again"
        assert "Waiting" in page.text
        work(job.id)
        assert_done_once(session, job, [second])
        (queued,) = [
            event
            for event in session.scalars(events_about(project.id, f"job:{job.id}"))
            if event.tag == "job.queue"
        ]
        assert queued.actor == job.actor
        assert "Finished" in amina.get(page.url).text
        assert amina.get(page.url).click(second).h1 == "Visit"

    def test_a_failed_edit_is_found_where_it_is_then(
        self, session: Session, project: Project, amina: PageClient
    ):
        send(session, project.id, form(case_block("a", create={}), instance_id="id-1"))
        edit = case_block("a", create={}, index={"parent": ("patient", "mother")})
        failed = send(session, project.id, form(edit, instance_id="id-1")).submission_id
        open_case(session, project.id, "mother")
        its_page = amina.get(f"/a/{project.name}/submissions/{failed}/")
        page = its_page.form("Process again").submit().follow()
        assert "id-1" not in page.links()
        work(job_of(session, project).id)
        now = amina.get(page.url).click("id-1")
        assert "Processed again" in now.text
        again = amina.get(its_page.url, status=302).follow()
        assert again.url == now.url
        assert "took the id and the place of the version that it replaced" in again.status_line
        assert "could not be processed" in its_page.form("Process again").submit(status=409).text

    def test_all_forms_in_error(self, session: Session, project: Project, amina: PageClient):
        forms = forms_in_error(session, project, 3)
        page = ask(amina, project, all="1").follow()
        job = job_of(session, project)
        work(job.id)
        assert_done_once(session, job, forms)
        assert "3 forms processed" in amina.get(page.url).text
        assert set(forms) <= set(amina.get(page.url).links())

    def test_is_refused_in_words(self, session: Session, project: Project, amina: PageClient):
        assert "is in error" in ask(amina, project, status=409, all="1").text
        fine = open_case(session, project.id, "anna").submission_id
        assert "could not be processed" in ask(amina, project, 409, submission_id=fine).text
        ask(amina, project, 404, submission_id="no-such-form")
        ask(amina, project, 422)
        session.rollback()
        assert session.scalars(select(Job).where(Job.project_id == project.id)).all() == []

    def test_needs_the_right_to_edit_data(
        self, session: Session, project: Project, viktor: PageClient
    ):
        forms_in_error(session, project, 1)
        assert "Edit data" in ask(viktor, project, status=403, all="1").text


class TestTheList:
    def test_is_empty_in_words(self, project: Project, viktor: PageClient):
        assert "No job yet" in viktor.get(f"/a/{project.name}/jobs/").text

    def test_shows_the_newest_first_by_pages(
        self, session: Session, project: Project, viktor: PageClient
    ):
        for _ in range(27):
            work(reprocess_job(project).id)
        page = viktor.get(f"/a/{project.name}/jobs/")
        rows = page.rows("Jobs, newest first")
        assert len(rows) == 25
        assert rows[0][1:5] == ["Finished", "0 of 0", "0", "tester"]
        older = page.click("Older")
        assert len(older.rows("Jobs, newest first")) == 2
        assert older.click("Newer").rows("Jobs, newest first") == rows

    def test_leads_to_the_job(self, session: Session, project: Project, viktor: PageClient):
        job = reprocess_job(project)
        page = viktor.get(f"/a/{project.name}/jobs/").click(f"{job.id}: Process forms again")
        assert page.h1 == f"Job {job.id}: Process forms again"


class TestOneJob:
    def test_says_why_forms_were_skipped_and_leads_to_them(
        self, session: Session, project: Project, viktor: PageClient
    ):
        forms_in_error(session, project, 2)
        failing = [failing_form(session, project) for _ in range(2)]
        job = reprocess_job(project)
        work(job.id)
        page = viktor.get(f"/a/{project.name}/jobs/{job.id}/")
        assert "2 forms processed 2 forms skipped 0 forms left" in page.text
        assert "never had" in page.text
        assert set(failing) <= set(page.links())
        rows = page.click("All skipped forms").rows("Skipped forms")
        assert [row[0] for row in rows] == failing

    def test_of_many_forms_names_none_that_was_processed(
        self, session: Session, project: Project, viktor: PageClient
    ):
        forms = forms_in_error(session, project, FEW + 1)
        job = reprocess_job(project)
        work(job.id)
        page = viktor.get(f"/a/{project.name}/jobs/{job.id}/")
        assert f"{FEW + 1} forms processed" in page.text
        assert not set(forms) & set(page.links())

    def test_without_skipped_forms_says_so(
        self, session: Session, project: Project, viktor: PageClient
    ):
        job = reprocess_job(project)
        assert "No form was skipped" in viktor.get(f"/a/{project.name}/jobs/{job.id}/skipped").text
        viktor.get(f"/a/{project.name}/jobs/{job.id}/skipped?after=x", status=422)

    def test_the_fragment_polls_until_it_is_over(
        self, session: Session, project: Project, viktor: PageClient
    ):
        job = reprocess_job(project)
        url = f"/a/{project.name}/jobs/{job.id}/"
        waiting = viktor.get(url, htmx=True)
        assert waiting.one("//section[@id='job']").get("hx-get") == url
        assert waiting.one("//*[@id='outcome']").get("hx-swap-oob") == "true"
        assert viktor.get(url).one("//*[@id='outcome']").get("hx-swap-oob") is None
        assert viktor.get(url).links()["Refresh now"] == url
        work(job.id)
        assert viktor.get(url, htmx=True).one("//section[@id='job']").get("hx-get") is None

    def test_can_be_stopped_and_resumed(
        self, session: Session, project: Project, amina: PageClient
    ):
        forms = forms_in_error(session, project, 2)
        job = reprocess_job(project)
        page = amina.get(f"/a/{project.name}/jobs/{job.id}/")
        page = page.form("Stop this job").submit().follow()
        assert page.status_line == "The job is stopped."
        page = page.form("Resume this job").submit().follow()
        assert page.status_line == "The job goes on where it ended."
        work(job.id)
        assert_done_once(session, job, forms)

    def test_that_works_stops_after_the_present_form(
        self, session: Session, project: Project, amina: PageClient
    ):
        job = reprocess_job(project)
        claim(job.id)
        page = amina.get(f"/a/{project.name}/jobs/{job.id}/").form("Stop this job").submit()
        assert page.follow().status_line == "The job stops after the piece that it is at."
        session.rollback()
        assert (job.state, job.stop_asked) == (JobState.RUNNING, True)

    def test_says_that_its_worker_does_not_answer(
        self, session: Session, project: Project, viktor: PageClient
    ):
        job = reprocess_job(project)
        claim(job.id)
        let_heartbeat_pass(job)
        assert "does not answer" in viktor.get(f"/a/{project.name}/jobs/{job.id}/").text

    def test_can_only_be_watched_without_the_right_to_edit(
        self, session: Session, project: Project, viktor: PageClient
    ):
        job = reprocess_job(project)
        url = f"/a/{project.name}/jobs/{job.id}/"
        assert "Stop this job" not in viktor.get(url).text
        for verb in ("stop", "resume"):
            assert "Edit data" in post(viktor, url + verb, 403).text

    def test_is_not_there_for_other_projects(self, app: Flask, session: Session, project: Project):
        job = reprocess_job(project)
        other = factories.project()
        stranger = signed_in(app, factories.web_user(other, role="admin"))
        for name in (project.name, other.name):
            stranger.get(f"/a/{name}/jobs/{job.id}/", status=404)
            stranger.get(f"/a/{name}/jobs/{job.id}/skipped", status=404)
            for verb in ("stop", "resume"):
                post(stranger, f"/a/{name}/jobs/{job.id}/{verb}", 404)
        stranger.get(f"/a/{other.name}/jobs/{2**40}/", status=404)

    def test_that_is_over_cannot_be_stopped(
        self, session: Session, project: Project, amina: PageClient
    ):
        job = reprocess_job(project)
        work(job.id)
        page = post(amina, f"/a/{project.name}/jobs/{job.id}/stop", 409)
        assert "over already" in page.text
