"""Archiving and restoring many forms, as a person without JavaScript does it (SPEC U8, A6)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, new_id, open_case, send
from tests.history.bulk import in_state
from tests.web.pages import Page, PageClient
from tests.web.signing_in import signed_in
from webapp.cases.models import Case
from webapp.database import write_transaction
from webapp.history import bulk_outlook, selections
from webapp.jobs.models import Job
from webapp.jobs.tasks import work
from webapp.projects.models import Project
from webapp.submissions.archive import archive
from webapp.submissions.models import State

TABLE = "Forms, newest first"


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    """Somebody who may edit data."""
    return signed_in(app, factories.web_user(project, "editor"))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/submissions/"


def opened(session: Session, project: Project, number: int) -> list[str]:
    return [open_case(session, project.id, new_id()).submission_id for _ in range(number)]


def selecting(shown: Page, button: str, **chosen: object) -> Page:
    """Tick boxes of the list, and press a button of its bar."""
    return shown.form("The selected forms").submit(button, fill=chosen).follow()


def done(session: Session, project: Project) -> Job:
    """What a worker would do with the newest job."""
    session.rollback()
    newest = select(Job).where(Job.project_id == project.id).order_by(Job.id.desc()).limit(1)
    job = session.scalars(newest).one()
    work(job.id)
    session.rollback()
    return job


def test_all_of_a_result_is_archived_and_taken_back(
    session: Session, officer: PageClient, url: str, project: Project
):
    ids = opened(session, project, 26)
    send(session, project.id, form(case_block("other", create={}), name="Other"))
    closing = form(case_block("c", update={"x": "1"}, close=True))
    open_case(session, project.id, "c")
    visit = send(session, project.id, closing).submission_id
    page = officer.get(f"{url}?xmlns=http%3A%2F%2Fopenrosa.org%2Fformdesigner%2Fvisit")
    assert "Select all 29 forms in this result" in page.text
    page = selecting(page, "Archive…", all=True)
    assert page.h1 == "Archive 29 forms?"
    assert "29 forms selected" in page.text
    assert "28 cases are worked out anew" in page.text
    assert "28 disappear, because no other form is left for them" in page.text
    assert len(page.rows("The first 10 of 28 cases")) == 10
    (later,) = opened(session, project, 1)
    asked_again = page.form("Archive 29 forms").submit(status=422)
    assert asked_again.errors == ["Enter a reason, so that others can understand it later"]
    page = asked_again.form("Archive 29 forms").submit(reason="Wrong patients").follow()
    job = done(session, project)
    assert page.h1 == f"Job {job.id}: Archive forms"
    page = officer.get(page.url)
    assert "29 forms archived" in page.text
    assert "Wrong patients" in page.text
    assert in_state(session, project, State.NORMAL) == [later]
    assert session.scalar(select(Case.deleted).where(Case.case_id == "c", ours(project)))
    page = page.form("Take this job back…").submit().follow()
    assert page.h1 == f"Take back job {job.id}?"
    assert "28 come back" in page.text
    page = page.form("Take this job back").submit().follow()
    back = done(session, project)
    page = officer.get(page.url)
    assert page.h1 == f"Job {back.id}: Take job {job.id} back"
    assert "29 forms restored" in page.text
    assert {*ids, visit, later} <= set(in_state(session, project, State.NORMAL))
    page = page.click(f"It takes job {job.id} back.")
    assert f"Job {back.id} takes it back." in page.text
    assert "Nothing of what it did is left to be taken back." in page.text
    page = officer.get(f"/a/{project.name}/jobs/")
    assert f"{back.id}: Take job {job.id} back" in page.text


def ours(project: Project) -> object:
    return Case.project_id == project.id


def test_some_and_the_page(session: Session, officer: PageClient, url: str, project: Project):
    first, second, third = opened(session, project, 3)
    page = officer.get(url)
    assert "Select the 3 forms on this page" in page.text
    assert "in this result" not in page.text, "one page is all of it"
    page = selecting(page, "Archive…", form=[first, third])
    assert page.h1 == "Archive 2 forms?"
    assert page.click("Cancel").url == url
    page = selecting(officer.get(url), "Archive…", page=True)
    assert page.h1 == "Archive 3 forms?"
    page.form("Archive 3 forms").submit(reason="x")
    done(session, project)
    page = officer.get(f"{url}?state=archived")
    page = selecting(page, "Restore…", form=[second])
    assert page.h1 == "Restore 1 form?"
    assert "1 comes back" in page.text
    page = page.form("Restore 1 form").submit().follow()
    done(session, project)
    assert "1 form restored" in officer.get(page.url).text
    assert in_state(session, project, State.NORMAL) == [second]


def test_what_is_blocked_or_done_already_is_said_before(
    session: Session, officer: PageClient, url: str, project: Project
):
    opener = open_case(session, project.id, "c").submission_id
    send(session, project.id, form(case_block("c", close=True)))
    (gone,) = opened(session, project, 1)
    with write_transaction():
        archive(session, project.id, gone, by=factories.actor())
    page = officer.get(f"{url}?state=any")
    page = selecting(page, "Archive…", form=[opener, gone])
    assert page.h1 == "Archive 0 forms?"
    assert "1 This form is already archived." in page.text
    assert "1 This form opened a case that later forms changed. Archive those forms" in page.text
    page = page.click("Restore them instead…")
    assert page.h1 == "Restore 1 form?"


def test_nothing_selected_and_too_much(
    session: Session,
    officer: PageClient,
    url: str,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
):
    ids = opened(session, project, 3)
    page = selecting(officer.get(f"{url}?received=any"), "Archive…")
    assert page.url == f"{url}?received=any"
    assert page.status_line == "Select at least one form first."
    monkeypatch.setattr(selections, "MOST", 2)
    page = selecting(page, "Archive…", form=ids)
    assert page.status_line.startswith("This result has more than 2 forms")
    monkeypatch.undo()
    monkeypatch.setattr(bulk_outlook, "MOST_CHANGES", 1)
    page = selecting(page, "Archive…", form=ids)
    assert "counting them takes too long" in page.text
    page.form("Archive 3 forms").submit(reason="x")
    assert done(session, project).succeeded == 3


def test_a_selection_is_nobody_elses_and_serves_once(
    app: Flask, session: Session, officer: PageClient, url: str, project: Project
):
    ids = opened(session, project, 2)
    page = selecting(officer.get(url), "Archive…", form=ids)
    other = signed_in(app, factories.web_user(project, "editor"))
    assert "Select the forms again" in other.get(page.url, status=404).text
    asking = page.form("Archive 2 forms")
    job = asking.submit(reason="x").location
    assert asking.submit(reason="again").location == job
    assert officer.get(page.url).location == job


def test_viewers_see_no_boxes_and_why(
    app: Flask, session: Session, officer: PageClient, url: str, project: Project
):
    opened(session, project, 1)
    viewer = signed_in(app, factories.web_user(project, "viewer"))
    page = viewer.get(url)
    assert "You can view but not change (needs Edit data)." in page.text
    assert not page.document.xpath("//input[@name='form']")
    broken = send(session, project.id, b"<broken").submission_id
    page = officer.get(f"{url}?state=unparsed")
    assert broken in str(page.html)
    assert not page.document.xpath("//input[@name='form']"), "nothing can be done with these"


def test_only_jobs_over_forms_that_are_over_are_taken_back(
    session: Session, officer: PageClient, url: str, project: Project
):
    ids = opened(session, project, 1)
    page = selecting(officer.get(url), "Archive…", form=ids)
    page = page.form("Archive 1 form").submit(reason="x").follow()
    assert "When it is over, it can be taken back." in page.text
    job = done(session, project)
    page = officer.get(page.url)
    with write_transaction() as writing:
        writing.get_one(Job, job.id).state = "queued"
    refused = page.form("Take this job back…").submit(status=409)
    assert "still at work" in refused.text
