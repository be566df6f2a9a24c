"""A project's home as people see it (SPEC U1, U11)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.history.statements import counted
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from webapp import clock
from webapp.clock import to_datetime
from webapp.database import write_transaction
from webapp.people.operations import get_worker, set_worker
from webapp.projects.models import Project

ROOT = Path(__file__).resolve().parent.parent.parent
FORMS = "Latest forms, newest first"
TYPES = "Open cases by type"


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    """Somebody of the project: looking is all that it takes."""
    return signed_in(app, factories.web_user(project, "viewer"))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/"


def stats(page: object) -> dict[str, str]:
    dl = page.one("//dl[contains(@class, 'stats')]")  # type: ignore[attr-defined]
    texts = [" ".join(e.text_content().split()) for e in dl.xpath(".//dt | .//dd")]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def test_the_first_use_says_how_to_send_a_form(officer: PageClient, url: str, project: Project):
    page = officer.get(url)
    assert "No form has come yet" in page.text
    assert f"http://localhost/a/{project.name}/receiver/" in page.text
    assert "curl -u " in page.text
    assert "docs/clients/send_csv.py" in page.text
    assert not page.document.xpath("//table | //dl")


def test_what_the_first_use_says_works(
    app: Flask, session: Session, officer: PageClient, url: str, project: Project
):
    factories.mobile_worker(project, "gone")
    with write_transaction() as writing:
        set_worker(
            writing, get_worker(writing, project, "gone"), active=False, by=factories.actor()
        )
    without = officer.get(url)
    assert "curl -u NAME " in without.text
    assert f"flask --app webapp worker create NAME --project {project.name}" in without.text
    factories.mobile_worker(project, "halima")
    said = officer.get(url).one("//pre").text_content()
    command = re.fullmatch(r"curl -u (\S+) http://localhost(\S+) --data-binary @(\S+)", said)
    assert command is not None
    worker, address, path = command.groups()
    answer = app.test_client().post(
        address,
        data=(ROOT / path).read_bytes(),
        auth=(worker, factories.PASSWORD),
        content_type="application/x-www-form-urlencoded",  # as curl says
    )
    assert (answer.status_code, worker) == (201, "halima")
    page = officer.get(url)
    assert stats(page)["Open cases"] == "1"
    assert page.rows(FORMS)[0][1:] == ["First form", "halima", "Normal"]


def test_the_numbers_are_those_of_the_projects_days(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
):
    project = factories.project(timezone="Africa/Nairobi")
    present = to_datetime(clock.now())
    midnight = datetime.combine(
        (present + timedelta(hours=3)).date(), datetime.min.time(), UTC
    ) - timedelta(hours=3)
    for ago in (
        midnight - timedelta(days=6, seconds=1),  # the seventh day before
        midnight - timedelta(days=6),
        midnight - timedelta(seconds=1),
        midnight,
        present,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda at=ago: clock.from_datetime(at))
            send(session, project.id, form())
    monkeypatch.setattr(clock, "now", lambda: clock.from_datetime(present))
    page = signed_in(app, factories.web_user(project)).get(f"/a/{project.name}/")
    assert stats(page) == {
        "Forms today": "2",
        "Forms in the last 7 days": "4",
        "Open cases": "0",
    }
    assert len(page.rows(FORMS)) == 5
    assert "No case is open." in page.text


def test_open_cases_by_type_lead_to_the_list(
    session: Session, officer: PageClient, url: str, project: Project
):
    for n in range(3):
        open_case(session, project.id, f"p-{n}", case_type="patient & co")
    open_case(session, project.id, "h-1", case_type="household")
    send(session, project.id, form(case_block("n-1", create={})))
    for closed in ("p-0", "h-1"):
        send(session, project.id, form(case_block(closed, close=True)))
    page = officer.get(url)
    assert page.rows(TYPES) == [["patient & co", "2"], ["without a type", "1"]]
    assert stats(page)["Open cases"] == "3"
    found = page.click("patient & co")
    assert len(found.rows("Cases, newest change first")) == 2


def send_what_fails(session: Session, project: Project) -> None:
    bad = send(session, project.id, form(case_block("c", index={"parent": ("x", "missing")})))
    assert bad.problem
    send(session, project.id, b"<broken")


def test_errors_need_a_person_and_lead_to_them(
    session: Session, officer: PageClient, url: str, project: Project
):
    send_what_fails(session, project)
    open_case(session, project.id, "c-1")
    page = officer.get(url)
    needs = page.one("//section[@aria-labelledby='s-needs']").text_content()
    assert "Needs a person 2" in " ".join(needs.split())
    assert "1 form of the last 7 days could not be processed. It changed no case" in needs
    assert "1 arrival of the last 7 days could not be read as a form." in needs
    assert "From before" not in page.text
    for link in ("Review errors", "Review unparsed"):
        assert len(page.click(link).rows("Forms, newest first")) == 1


def test_errors_of_long_ago_ask_for_nothing_but_can_be_found(
    session: Session,
    officer: PageClient,
    url: str,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
):
    past = clock.now() - 40 * 24 * 3600 * 1_000_000
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: past)
        send_what_fails(session, project)
    page = officer.get(url)
    assert "Needs a person" not in page.text
    send_what_fails(session, project)  # today's are none of them
    page = officer.get(url)
    assert "From before the last 7 days, in Submit history:" in page.text
    for link in ("1 form in error", "1 unparsed arrival"):
        assert len(page.click(link).rows("Forms, newest first")) == 1


def test_without_errors_nothing_asks_for_a_decision(
    session: Session, officer: PageClient, url: str, project: Project
):
    open_case(session, project.id, "c-1")
    assert "Needs a person" not in officer.get(url).text


def test_the_latest_forms_lead_to_their_pages(
    session: Session, officer: PageClient, url: str, project: Project
):
    for n in range(12):
        send(session, project.id, form(name=f"Form {n}"))
    page = officer.get(url)
    rows = page.rows(FORMS)
    assert [row[1] for row in rows] == [f"Form {n}" for n in range(11, 3, -1)]
    assert rows[0][2:] == ["worker one", "Normal"]
    first = page.document.xpath("//table[caption='Latest forms, newest first']//tbody//a/@href")[0]
    assert officer.get(first).h1 == "Form 11"
    assert page.click("All forms in Submit history").h1 == "Submit history"


def test_it_asks_little_of_the_database(
    session: Session, app: Flask, officer: PageClient, url: str, project: Project
):
    open_case(session, project.id, "c-1")
    officer.get(url)
    with counted(app) as few:
        officer.get(url)
    for n in range(20):
        open_case(session, project.id, f"d-{n}", case_type=f"type {n}")
    send(session, project.id, b"<broken")
    with counted(app) as many:
        page = officer.get(url)
    assert len(many) == len(few) <= 17, many
    assert len(page.rows(TYPES)) == 12


def test_another_project_is_not_seen(officer: PageClient, session: Session):
    other = factories.project()
    open_case(session, other.id, "c-1")
    officer.get(f"/a/{other.name}/", status=404)


def test_long_names_are_cut_and_break_where_they_may(
    session: Session, officer: PageClient, url: str, project: Project
):
    send(session, project.id, form(name="n" * 200))
    send(session, project.id, form(name="", xmlns="http://openrosa.org/formdesigner/x"))
    page = officer.get(url)
    address, name = (row[1] for row in page.rows(FORMS))
    assert len(name) <= 60
    assert address == "http://openrosa.org/formdesigner/x"
    assert "http://<wbr>openrosa.org/<wbr>formdesigner/<wbr>x</td>" in page.html
