"""Running a rule by hand that is over its brake: the number is typed (SPEC R22)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.web.pages import PageClient
from tests.web.rule_pages import finished_run, make_rule, patient
from tests.web.signing_in import signed_in
from webapp.audit.record import events_about
from webapp.projects.models import Project
from webapp.rules.models import Run


@pytest.fixture
def project() -> Project:
    return factories.project(brake_cases=2, brake_percent=10)


@pytest.fixture
def amina(app: Flask, project: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(project, role="editor"))


def test_the_number_is_typed(session: Session, project: Project, amina: PageClient):
    rule = make_rule(project)
    for number in range(4):
        patient(session, project, f"p-{number}", status="done" if number else "open")
    url = f"/a/{project.name}/rules/{rule.rule_id}/"
    page = amina.get(f"{url}preview").form("Run now").submit(status=409)
    assert page.h1 == "Run “Close the done” over its brake?"
    assert "3 of 4 open cases of type patient (75 %)" in page.text
    for wrong, said in {
        "2": "It is 3 now. Look again, then type it.",
        "-3": "Type a whole number, with digits.",
        " ": "Type the number of cases.",
        "many": "Type a whole number, with digits.",
    }.items():
        assert said not in page.text
        page = page.form("Run it all the same").submit(
            confirm_changes=wrong, reason="I counted", status=409
        )
        assert said in page.text
        assert "I counted" in page.html
    page = page.form("Run it all the same").submit(confirm_changes=" 3 ").follow()
    assert page.h1.endswith("Close the done")
    session.rollback()
    run = session.scalars(select(Run).where(Run.project_id == project.id)).one()
    assert run.confirmed == 3
    event = session.scalars(events_about(project.id, f"run:{run.id}")).first()
    assert event is not None and event.reason == "I counted"


def test_run_again_asks_too(session: Session, project: Project, amina: PageClient):
    rule = make_rule(project)
    patient(session, project, "p-0", status="done")
    run = finished_run(project, rule)
    for number in range(1, 4):
        patient(session, project, f"p-{number}", status="done")
    page = amina.get(f"/a/{project.name}/runs/{run.id}/").form("Run again").submit(status=409)
    assert "3 of 3 open cases" in page.text
    page = page.form("Run it all the same").submit(confirm_changes="3").follow()
    assert page.h1 == f"Run {run.id + 1}: Close the done"


def test_without_a_brake_nobody_asks(session: Session, project: Project, amina: PageClient):
    rule = make_rule(project, brake=None)
    for number in range(4):
        patient(session, project, f"p-{number}", status="done")
    page = amina.get(f"/a/{project.name}/rules/{rule.rule_id}/preview").form("Run now").submit()
    assert page.status == 303
