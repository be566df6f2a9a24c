"""Submit History as a person without JavaScript uses it (SPEC U6, U7, U11)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.history.statements import counted
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from webapp.database import write_transaction
from webapp.people.models import MobileWorker
from webapp.projects.models import Project
from webapp.submissions.archive import archive
from webapp.submissions.receive import Sender

TABLE = "Forms, newest first"
VISIT = "http://openrosa.org/formdesigner/visit"


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    """Somebody who may edit data."""
    return signed_in(app, factories.web_user(project, "editor"))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/submissions/"


def sent_by(
    session: Session, project: Project, worker: MobileWorker, xml: bytes, **more: str
) -> str:
    sender = Sender(worker.user_id, worker.username)
    return send(session, project.id, xml, sender=sender, **more).submission_id


def visit(*blocks: str, worker: MobileWorker, name: str = "Visit") -> bytes:
    return form(*blocks, user_id=worker.user_id, username=worker.username, name=name)


def test_the_first_use_says_how_to_send_a_form(officer: PageClient, url: str, project: Project):
    page = officer.get(url)
    assert "No form yet" in page.text
    assert f"/a/{project.name}/receiver/" in page.text
    assert not page.document.xpath("//table")


def test_the_list_says_who_sent_what_and_what_changed(
    session: Session, officer: PageClient, url: str, project: Project
):
    amina = factories.mobile_worker(project, "amina")
    opened = case_block("c-1", create={"case_type": "patient", "case_name": "P-1"}, user_id=None)
    sent_by(session, project, amina, visit(opened, worker=amina, name="Register"))
    changed = case_block("c-1", update={"bmi": "21", "seen": "yes"}, close=True, user_id=None)
    sent_by(session, project, amina, visit(changed, worker=amina))
    newest, oldest = officer.get(url).rows(TABLE)
    assert newest[2:] == [
        f"Visit{VISIT}",
        "aminaMobile worker",
        "P-1",
        "closedbmi, seen",
        "Normal",
    ]
    assert oldest[2:] == [f"Register{VISIT}", "aminaMobile worker", "P-1", "opened", "Normal"]


def test_a_form_of_many_cases_names_three(
    session: Session, officer: PageClient, url: str, project: Project
):
    blocks = [case_block(f"c-{n}", create={"case_name": f"P-{n}"}) for n in range(8)]
    send(session, project.id, form(*blocks))
    (row,) = officer.get(url).rows(TABLE)
    assert row[4] == "P-0,P-1,P-2and 5 more"
    assert row[5] == "P-0: opened,P-1: opened,P-2: opened"


def test_each_filter_works_from_the_form_and_has_its_tag(
    session: Session, officer: PageClient, url: str, project: Project
):
    amina = factories.mobile_worker(project, "amina")
    juma = factories.mobile_worker(project, "juma")
    block = case_block("a/b%c", create={"case_name": "P-1"}, user_id=None)
    sent_by(session, project, amina, visit(block, worker=amina), app_id="app-1")
    sent_by(session, project, juma, visit(worker=juma, name="Other"))
    send(session, project.id, b"<broken")
    page = officer.get(url)
    for values, rows, tag in [
        ({"user": "amina"}, 1, "User: amina"),
        ({"app": "app-1"}, 1, "Application: app-1"),
        ({"app": "Unknown forms (without an application)"}, 1, "Application: Unknown forms"),
        ({"case": "a/b%c"}, 1, "Case: a/b%c"),
        ({"user_type": ["mobile"]}, 2, "User types: [Mobile workers]"),
        ({"user_type": ["mobile", "unknown"]}, 2, "[Mobile workers], [Unknown Users]"),
        ({"state": "Unparsed"}, 1, "State: Unparsed"),
        ({"state": "Any state"}, 3, "Received: last 7 days"),
        ({"xmlns": VISIT}, 2, "Form: Visit"),
        ({"from": "", "to": ""}, 2, "State: Normal"),
    ]:
        found = page.form("Filters").submit("Apply", fill=values).follow()
        assert len(found.rows(TABLE)) == rows, values
        assert tag in found.text
        assert amina.username not in found.url
        whole = found.click("Clear")
        assert whole.url == url
    found = page.form("Filters").submit("Apply", fill={"user": "amina", "case": "a/b%c"}).follow()
    assert found.url == f"{url}?case=a%2Fb%25c&user={amina.user_id}"
    assert len(found.click("Remove filter User: amina").rows(TABLE)) == 1


def test_the_canonical_address_stays(officer: PageClient, url: str):
    assert officer.get(f"{url}?state=error").status == 200
    moved = officer.get(f"{url}?user=&state=normal&utm=1")
    assert moved.location == url


def test_nothing_fits_says_what_to_relax(
    session: Session, officer: PageClient, url: str, project: Project
):
    open_case(session, project.id, "c-1")
    page = officer.get(f"{url}?case=c-1&state=archived")
    assert "1 form without “State: Archived”." in page.text
    assert len(page.click("Remove “State: Archived”").rows(TABLE)) == 1
    page = officer.get(f"{url}?case=c-2&state=archived")
    assert "No form fits these filters" in page.text


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("from=2026-02-30&case=c-1", "from", "Enter a date"),
        ("from=2026-02-02&to=2026-02-01", "to", "before the first"),
        ("case=two+words", "case", "no spaces"),
        ("state=gone", "state", "offered"),
        ("user_type=robot", "user_type", "offered"),
        ("received=never", None, "any time"),
    ],
)
def test_what_cannot_be_read_comes_back_as_typed(
    officer: PageClient, url: str, query: str, field: str | None, says: str
):
    page = officer.get(f"{url}?{query}", status=422)
    assert page.title.startswith("Error: ")
    assert says in page.errors[0]
    assert page.form("Filters").entries()
    for name, value in [pair.split("=") for pair in query.split("&")]:
        if name not in {"user_type", "received"}:
            assert page.form("Filters").value(name) == value.replace("+", " ")
    if field is not None:
        assert says in page.one(f"//*[@id='{field}-error']").text_content()
    fragment = officer.get(f"{url}?{query}", htmx=True, status=422)
    assert fragment.headers["HX-Retarget"] == "#screen"
    assert fragment.errors == page.errors


def test_two_dates_that_are_wrong_are_told_apart(officer: PageClient, url: str):
    sentence = "Enter a date as year, month and day, like 2026-01-31."
    page = officer.get(f"{url}?from=x&to=y&case=two+words", status=422)
    assert page.errors[:2] == [f"Received from: {sentence}", f"Received to: {sentence}"]
    assert page.errors[2].startswith("An id has")


def test_the_forms_of_somebody_whose_id_has_a_space_are_found(
    session: Session, officer: PageClient, url: str, project: Project
):
    send(session, project.id, form(user_id="John Smith", username="", name="His"))
    send(session, project.id, form(name="Other"))
    page = officer.get(f"{url}?user=John+Smith")
    assert [row[2] for row in page.rows(TABLE)] == ["Hishttp://openrosa.org/formdesigner/visit"]
    assert page.form("Filters").value("user") == "John Smith"
    assert page.form("Filters").submit("Apply", state="any").follow().form("Filters").value("user")


def test_what_failed_is_pointed_at_where_the_normal_forms_are_listed(
    session: Session, app: Flask, officer: PageClient, url: str, project: Project
):
    open_case(session, project.id, "c-1")
    assert "Not in this list" not in officer.get(url).text
    bad = form(case_block("c-1", update={"x": "3"}, index={"parent": ("t", "missing")}))
    assert send(session, project.id, bad).problem
    send(session, project.id, b"<data")
    page = officer.get(url)
    words = "Not in this list, because they changed no case: 1 form in error, 1 unparsed arrival"
    assert words in page.text
    assert len(page.click("1 form in error").rows(TABLE)) == 1
    assert len(page.click("1 unparsed arrival").rows(TABLE)) == 1
    assert "1 form in error" in officer.get(f"{url}?user=worker-1").text
    for other in ("?state=any", "?state=error", "?to=2000-01-01", "?user=nobody"):
        assert "Not in this list" not in officer.get(url + other).text
    home = officer.get(f"/a/{project.name}/")
    every = home.click("All forms in Submit history")
    assert len(every.rows(TABLE)) == 3


def test_htmx_gets_the_results_and_the_canonical_address(
    session: Session, officer: PageClient, url: str, project: Project
):
    open_case(session, project.id, "c-1")
    found = officer.get(f"{url}?user=&state=any&app=", htmx=True)
    assert found.headers["HX-Push-Url"] == f"{url}?state=any"
    assert found.document.xpath("//*[@id='results']")
    assert not found.document.xpath("//form[@role='search']")
    assert found.events["announce"] == "1 form"


def test_pages_follow_each_other(session: Session, officer: PageClient, url: str, project: Project):
    for n in range(60):
        send(session, project.id, form(name=f"Form {n}"))
    page = officer.get(url)
    assert "60 forms" in page.text
    seen = [row[2] for row in page.rows(TABLE)]
    assert len(seen) == 25
    while "Older" in page.links():
        page = page.click("Older")
        seen += [row[2] for row in page.rows(TABLE)]
    assert seen == [f"Form {n}{VISIT}" for n in reversed(range(60))]
    back = page.click("Newer")
    assert [row[2] for row in back.rows(TABLE)] == seen[25:50]
    assert [row[2] for row in back.click("Newest").rows(TABLE)] == seen[:25]


def test_the_number_of_statements_does_not_grow(
    session: Session, app: Flask, officer: PageClient, url: str, project: Project
):
    open_case(session, project.id, "c-0")
    officer.get(url)
    with counted(app) as few:
        officer.get(url)
    for n in range(30):
        blocks = [case_block(f"c-{n}-{m}", create={"case_name": "P"}) for m in range(5)]
        send(session, project.id, form(*blocks))
    with counted(app) as many:
        assert len(officer.get(url).rows(TABLE)) == 25
    assert len(many) == len(few) <= 16, many


def test_all_error_forms_are_processed_again(
    session: Session, app: Flask, officer: PageClient, url: str, project: Project
):
    for n in range(2):
        send(session, project.id, form(case_block(f"c-{n}", index={"parent": ("x", "missing")})))
    page = officer.get(f"{url}?state=error")
    assert "points to the case missing" in page.text
    pressed = page.form("Process all 2 error forms again").submit()
    assert "/jobs/" in pressed.location
    viewer = signed_in(app, factories.web_user(project, "viewer"))
    seen = viewer.get(f"{url}?state=error")
    assert "You can view but not change (needs Edit data)." in seen.text
    assert "Process all" not in seen.text


def test_states_are_words(session: Session, officer: PageClient, url: str, project: Project):
    kept = send(session, project.id, form(name="Kept"))
    xml = form(name="Twice", instance_id="twice")
    send(session, project.id, xml)
    send(session, project.id, xml)
    with write_transaction():
        archive(session, project.id, kept.submission_id, by=factories.actor())
    rows = officer.get(f"{url}?state=any").rows(TABLE)
    assert [(row[6], row[5]) for row in rows] == [
        ("Duplicate", "nothing, it had come before"),
        ("Normal", "no case"),
        ("Archived", "no case"),
    ]


@pytest.mark.parametrize(
    "query",
    [
        "case=%00",
        "user=%ED%A0%80",
        "xmlns=" + "x" * 9000,
        "before=1&after=1",
        "before=x",
        "before=" + "9" * 400,
        "from=" + "9" * 4000,
        "%00=1",
        "state=" + "%F0%9F%92%A9" * 300,
    ],
)
def test_hostile_addresses_are_refused(officer: PageClient, url: str, query: str):
    for htmx in (False, True):
        headers = {"HX-Request": "true"} if htmx else {}
        answer = officer.client.get(f"{url}?{query}", headers=headers)
        assert answer.status_code in {200, 302, 400, 422}


def test_another_project_is_not_seen(app: Flask, officer: PageClient, session: Session):
    other = factories.project()
    open_case(session, other.id, "c-1")
    officer.get(f"/a/{other.name}/submissions/", status=404)


def test_filtered_by_completion_the_last_completed_comes_first(
    session: Session, officer: PageClient, url: str, project: Project
):
    """Not the last received: phones send what was completed before when they can."""
    for day in ("03", "01", "02"):
        xml = form(case_block(f"c-{day}", create={"case_name": f"On day {day}"}))
        sent = xml.replace(
            b"2025-03-01T10:00:00.000Z</timeEnd>", b"2025-03-%s</timeEnd>" % day.encode()
        )
        send(session, project.id, sent)
    page = officer.get(f"{url}?completed_from=2025-03-01&completed_to=2025-03-03&received=any")
    rows = page.rows("Forms, last completed first")
    assert [row[4].partition("day ")[2] for row in rows] == ["03", "02", "01"]
    assert "completed 3 Mar 2025" in rows[0][1]
