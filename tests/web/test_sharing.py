"""The sharing check, and giving many cases to another owner, on screen (SPEC C5, C6, U1)."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import open_case
from tests.people import scene
from tests.rules.running import case
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from webapp.errors import TooSlow
from webapp.jobs import tasks
from webapp.jobs.models import Job
from webapp.people.sharing_models import Group
from webapp.projects.models import Project
from webapp.sharing import check, reassign

SENTENCE = (
    "The case sharing settings for your user are incorrect. This user must be in exactly one case"
    " sharing group. Please contact your supervisor."
)


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    return signed_in(app, factories.web_user(project, "admin"))


@pytest.fixture
def team(project: Project) -> Group:
    """Amina is in it, and Beno in none."""
    amina, _beno = scene.workers(project, "amina", "beno")
    return scene.group(project, "North Team", amina)


def last_job(session: Session, project: Project) -> Job:
    session.rollback()
    job = session.query(Job).filter_by(project_id=project.id).order_by(Job.id.desc()).first()
    assert job is not None
    return job


class TestTheCheck:
    def test_nothing_is_to_be_mended(self, officer: PageClient, project: Project):
        page = officer.get(f"/a/{project.name}/people/sharing/")
        assert "This project shares no cases" in page.text

    def test_says_what_is_wrong_and_leads_to_where_it_is_mended(
        self, session: Session, officer: PageClient, project: Project, team: Group
    ):
        scene.group(project, "Empty")
        for n in range(3):
            open_case(session, project.id, f"c{n}", owner_id="nobody-7")
        home = officer.get(f"/a/{project.name}/")
        assert "1 worker has not exactly one group or location" in home.text
        page = home.click("Sharing check")
        assert SENTENCE in page.text
        (row,) = page.rows("Active workers who have not exactly one sharing owner")
        assert row[:2] == ["beno phone of beno", "nobody"]
        (lost,) = page.rows("Owners whose open cases are on no phone")
        assert lost[0] == "nobody-7"
        assert lost[1] == "No user, group or location has this id."
        assert page.click("Empty").h1 == "Empty"
        assert page.click("beno").h1 == "beno"
        assert page.click("Reassign… the cases of nobody-7").h1 == "Reassign 3 cases"

    def test_what_takes_too_long_is_said(
        self, officer: PageClient, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        def too_slow(*_: object) -> None:
            raise TooSlow("")

        monkeypatch.setattr(check, "_lost", too_slow)
        page = officer.get(f"/a/{project.name}/people/sharing/")
        assert "take too long to look at just now" in page.text


class TestReassigning:
    def test_from_the_list_to_the_job_and_back(
        self, session: Session, officer: PageClient, project: Project, team: Group
    ):
        amina = scene.workers(project, "amina-2")[0]
        for n in range(3):
            open_case(session, project.id, f"c{n}", owner_id=amina.user_id)
        open_case(session, project.id, "other", owner_id="x")
        listed = officer.get(f"/a/{project.name}/cases/?owner={amina.user_id}")
        asked = listed.click("Reassign these 3…")
        assert asked.h1 == "Reassign 3 cases"
        ask = asked.form("Reassign cases")
        assert ask.submit(status=422).errors == ["Enter the new owner."]
        told = ask.submit(owner="north team")
        assert told.h1 == "Reassign 3 cases to North Team?"
        assert "At its next sync 1 phone loses cases: that of amina-2, 3." in told.text
        assert "1 phone receives cases: that of amina, 3." in told.text
        open_case(session, project.id, "more", owner_id=amina.user_id)
        changed = told.form("Reassign cases").submit(status=409)
        assert "The cases are no longer the same." in changed.errors[0]
        assert changed.h1 == "Reassign 4 cases to North Team?"
        job = changed.form("Reassign cases").submit().follow()
        assert "Reassign cases" in job.h1
        tasks.work(last_job(session, project).id)
        assert case(session, project, "c1").owner_id == team.group_id
        assert case(session, project, "other").owner_id == "x"
        done = officer.get(job.url)
        job_id = last_job(session, project).id
        assert "4 cases reassigned" in done.text
        back = done.form("Take this job back…").submit().follow()
        assert back.h1 == f"Take back job {job_id}?"
        assert "At its next sync 1 phone gets cases: that of amina-2, 4." in back.text
        assert "1 phone loses cases: that of amina, 4." in back.text
        back.form("Take this job back").submit()
        tasks.work(last_job(session, project).id)
        assert case(session, project, "c1").owner_id == amina.user_id
        again = officer.get(job.url)
        assert "Nothing of what it did is left to be taken back." in again.text
        assert re.search(r"takes it back\. Asked for by \S+ on ", again.text)
        once_more = again.click(f"Job {last_job(session, project).id} takes it back.")
        assert once_more.h1.endswith(f"Take job {job_id} back")
        back = once_more.form("Take this job back…").submit().follow()
        back.form("Take this job back").submit()
        tasks.work(last_job(session, project).id)
        assert case(session, project, "c1").owner_id == team.group_id

    def test_a_doubtful_owner_is_asked_about(
        self, session: Session, officer: PageClient, project: Project
    ):
        open_case(session, project.id, "c1")
        ask = officer.get(f"/a/{project.name}/cases/reassign").form("Reassign cases")
        told = ask.submit(owner="nobody-9")
        assert "cases of this owner are on no phone" in told.text
        assert "No phone loses or receives an open case." in told.text
        refused = told.form("Reassign cases").submit(status=422)
        assert "cases of this owner are on no phone" in refused.errors[0]
        scene.group(project, "Nutrition pilot")
        empty = told.form("Reassign cases").submit(owner="nutrition pilot")
        assert "No active worker is in the group Nutrition pilot" in empty.text
        other = told.form("Reassign cases").submit(owner="nobody-8", anyway=True)
        assert other.h1 == "Reassign 1 case to nobody-8?", "another owner is looked at first"
        told.form("Reassign cases").submit(anyway=True).follow()
        assert last_job(session, project).params["to"] == "nobody-9"

    def test_none_and_too_many(
        self,
        session: Session,
        officer: PageClient,
        project: Project,
        monkeypatch: pytest.MonkeyPatch,
    ):
        page = officer.get(f"/a/{project.name}/cases/reassign?type=x")
        assert "There is nothing to reassign." in page.text
        open_case(session, project.id, "c1", owner_id="a")
        same = officer.get(f"/a/{project.name}/cases/reassign").form("Reassign cases")
        told = same.submit(owner="a")
        assert "1 case belongs to a already, and stays as it is." in told.text
        open_case(session, project.id, "c2")
        monkeypatch.setattr(reassign, "MOST", 1)
        many = officer.get(f"/a/{project.name}/cases/reassign")
        assert "These are more than 1 cases" in many.text
