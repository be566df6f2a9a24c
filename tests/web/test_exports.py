"""Exporting a list on its page, and downloading the file (SPEC U10, X1)."""

from __future__ import annotations

import csv
import io

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import new_id, open_case
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from tests.web.test_jobs import post
from webapp.audit.record import events_about
from webapp.database import write_transaction
from webapp.exchange import exports
from webapp.exchange.exports import export_of
from webapp.exchange.files import place
from webapp.jobs.models import Job, JobState
from webapp.jobs.tasks import work
from webapp.projects.models import Project


@pytest.fixture
def viktor(app: Flask, project: Project) -> PageClient:
    """Viktor may only look: that is enough."""
    return signed_in(app, factories.web_user(project, role="viewer"))


def last_job(session: Session, project: Project) -> Job:
    session.rollback()
    return session.scalars(
        select(Job).where(Job.project_id == project.id).order_by(Job.id.desc()).limit(1)
    ).one()


def test_a_list_is_exported_with_its_filters_and_downloaded(
    session: Session, project: Project, viktor: PageClient
):
    ids = [open_case(session, project.id, new_id()).submission_id for _ in range(3)]
    base = f"/a/{project.name}"
    page = viktor.get(f"{base}/submissions/?received=any&state=any")
    page = page.form("Export").submit("CSV").follow()
    job = last_job(session, project)
    assert page.h1 == f"Job {job.id}: Export forms as CSV"
    assert "no file yet" in page.text
    viktor.get(f"{base}/jobs/{job.id}/file", status=404)
    work(job.id)
    page = viktor.get(page.url)
    assert "3 rows, " in page.text
    assert page.one("//a[.='The list with these filters']").get("href") == (
        f"{base}/submissions/?received=any&state=any"
    )
    with viktor.client.get(page.one("//a[@id='job-file']").get("href")) as answer:
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert f"forms-{project.name}-" in answer.headers["Content-Disposition"]
        rows = csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig")))
    assert [row["Form id"] for row in rows] == ids[::-1]

    found = viktor.get(f"{base}/cases/").form("Filters").submit("Search", text="Case").follow()
    found.form("Export").submit("XLSX")
    cases = last_job(session, project)
    work(cases.id)
    with viktor.client.get(f"{base}/jobs/{cases.id}/file") as answer:
        [head, *lines] = load_workbook(io.BytesIO(answer.get_data())).worksheets[0].values
    session.rollback()
    (event, *_asked) = session.scalars(events_about(project.id, f"job:{cases.id}"))
    assert (event.tag, event.after) == ("job.download", {"of": "cases", "format": "xlsx"})
    shown = [row[0] for row in found.rows("Cases, newest change first")]
    assert len(shown) == 3
    assert [line[head.index("Name")] for line in lines] == shown
    assert "Export cases as XLSX" in viktor.get(f"{base}/jobs/").text

    stranger = signed_in(viktor.client.application, factories.web_user(factories.project()))
    stranger.get(f"{base}/jobs/{job.id}/file", status=404)

    place(export_of(session, job).file or "").unlink()
    assert "data folder" in viktor.get(f"{base}/jobs/{job.id}/file", status=404).text


def test_nothing_is_offered_where_there_is_nothing_and_what_is_wrong_is_said(
    session: Session, project: Project, viktor: PageClient
):
    base = f"/a/{project.name}"
    assert "Export" not in viktor.get(f"{base}/submissions/?received=any").text
    open_case(session, project.id, new_id())
    post(viktor, f"{base}/submissions/export", 422, kind="pdf")
    post(viktor, f"{base}/submissions/export?run=x", 422, kind="csv")
    post(viktor, f"{base}/cases/export?view=unknown", 404, kind="csv")


def test_people_stop_and_resume_their_own_export_and_no_other_job(
    app: Flask, session: Session, project: Project, viktor: PageClient
):
    open_case(session, project.id, new_id())
    base = f"/a/{project.name}"
    page = viktor.get(f"{base}/submissions/?received=any")
    page = page.form("Export").submit("CSV").follow()
    job = last_job(session, project)
    assert page.form("Stop this job").submit().follow().status_line == "The job is stopped."
    other = signed_in(app, factories.web_user(project, role="viewer"))
    seen = other.get(f"{base}/jobs/{job.id}/")
    assert "Resume this job" not in seen.text
    post(other, f"{base}/jobs/{job.id}/resume", 403)
    viktor.get(f"{base}/jobs/{job.id}/").form("Resume this job").submit()
    work(job.id)
    assert last_job(session, project).state is JobState.FINISHED


def test_so_many_exports_wait_and_no_more(
    session: Session, project: Project, viktor: PageClient, monkeypatch: pytest.MonkeyPatch
):
    base = f"/a/{project.name}"
    open_case(session, project.id, new_id())
    page = viktor.get(f"{base}/cases/")
    for _ in range(2):
        page.form("Export").submit("CSV")
    refused = page.form("Export").submit("CSV", status=409)
    assert "2 exports that you asked for are not ready yet" in refused.text
    other = signed_in(viktor.client.application, factories.web_user(project))
    theirs = other.get(f"{base}/cases/").form("Export")
    monkeypatch.setattr(exports, "MOST_WAITING", 2)
    assert "2 exports of this project" in theirs.submit("CSV", status=409).text
    work(last_job(session, project).id - 1)
    theirs.submit("CSV")
    assert last_job(session, project).state is JobState.QUEUED


def test_a_file_that_is_not_kept_any_more_is_said_to_be_so(
    session: Session, project: Project, viktor: PageClient
):
    open_case(session, project.id, new_id())
    base = f"/a/{project.name}"
    viktor.get(f"{base}/submissions/?received=any").form("Export").submit("CSV")
    job = last_job(session, project)
    work(job.id)
    with write_transaction() as writing:
        export_of(writing, job).file = None
    assert "was let go" in viktor.get(f"{base}/jobs/{job.id}/").text
    assert "not any more" in viktor.get(f"{base}/jobs/{job.id}/file", status=404).text
