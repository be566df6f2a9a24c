"""The case list as a person without JavaScript uses it (SPEC U5, U7, U11)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.history.statements import counted
from tests.web.pages import Page, PageClient
from tests.web.signing_in import signed_in
from webapp import clock
from webapp.database import write_transaction
from webapp.history.models import StoredView
from webapp.projects.models import Project
from webapp.submissions.archive import archive

TABLE = "Cases, newest change first"


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    """Somebody of the project: looking is all that it takes."""
    return signed_in(app, factories.web_user(project, "viewer"))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/cases/"


def named(session: Session, project: Project, name: str, case_id: str, **create: str) -> str:
    block = case_block(case_id, create={"case_name": name, "case_type": "patient", **create})
    return send(session, project.id, form(block)).submission_id


def names(page: Page) -> list[str]:
    return [row[0] for row in page.rows(TABLE)]


def look_for(page: Page, **values: str) -> Page:
    return page.form("Filters").submit("Search", fill=values).follow()


def test_the_first_use_says_where_cases_come_from(officer: PageClient, url: str):
    page = officer.get(url)
    assert "No case yet" in page.text
    assert not page.document.xpath("//table")
    assert "No form has come yet" in page.click("How to send a first form").text


def test_the_list_says_what_each_case_is(
    session: Session, officer: PageClient, url: str, project: Project
):
    amina = factories.mobile_worker(project, "amina")
    named(session, project, "Ana", "c-1", owner_id=amina.user_id, external_id="X-1")
    named(session, project, "", "c/2", owner_id="nobody-knows")
    send(session, project.id, form(case_block("c-1", close=True)))
    page = officer.get(f"{url}?state=any")
    rows = [row[:5] for row in page.rows(TABLE)]
    assert rows == [
        ["AnaX-1", "patient", "Closed", "amina (cases of this owner)", "1 Mar 2025"],
        ["c/2", "patient", "Open", "nobody-knows (cases of this owner)", "1 Mar 2025"],
    ]
    assert page.click("c/2").h1 == "c/2"
    mine = page.click("amina (cases of this owner)")
    assert mine.url == f"{url}?owner={amina.user_id}&state=any"
    assert names(mine) == ["AnaX-1"]
    assert "Owner: amina" in mine.text


def test_each_filter_works_from_the_form_and_has_its_tag(
    session: Session, officer: PageClient, url: str, project: Project
):
    amina = factories.mobile_worker(project, "amina")
    named(session, project, "Ana", "c-1", owner_id=amina.user_id)
    named(session, project, "Beno", "c-2", case_type="a household/1")
    named(session, project, "Chipo", "c-3")
    send(session, project.id, form(case_block("c-3", close=True)))
    gone = named(session, project, "Dayo", "c-4")
    with write_transaction():
        archive(session, project.id, gone, by=factories.actor())
    page = officer.get(url)
    assert names(page) == ["Beno", "Ana"]
    assert "State: open" in page.text
    for values, expected, tag in [
        ({"owner": "amina"}, ["Ana"], "Owner: amina"),
        ({"type": "a household/1"}, ["Beno"], "Type: a household/1"),
        ({"state": "Closed"}, ["Chipo"], "State: closed"),
        ({"state": "Deleted"}, ["Dayo"], "State: deleted"),
        ({"state": "Any state"}, ["Dayo", "Chipo", "Beno", "Ana"], "Every case of this project"),
        ({"modified_from": "2020-01-01"}, ["Beno", "Ana"], "Modified: from 1 Jan 2020 on"),
        ({"text": "AN"}, ["Ana"], "Name or id: AN"),
        ({"text": "c-2"}, ["Beno"], "Name or id: c-2"),
        ({"text": "dayo", "state": "Deleted"}, ["Dayo"], "Name or id: dayo"),
        ({"text": "AYO", "state": "Any state"}, ["Dayo"], "Name or id: AYO"),
    ]:
        found = look_for(page, **values)
        assert names(found) == expected, values
        assert tag in found.text
        assert found.click("Clear").url == url
    both = look_for(page, text="ana", type="patient", state="Any state")
    assert names(both) == ["Ana"]
    assert names(both.click("Remove filter Name or id: ana")) == ["Chipo", "Ana"]
    kept = look_for(page, text="ana", owner="amina", state="Closed").form("Filters")
    assert [kept.value(name) for name in ("text", "owner", "state")] == [
        "ana",
        amina.user_id,
        "closed",
    ]


def test_what_is_typed_stands_in_no_address(
    session: Session, officer: PageClient, url: str, project: Project
):
    secret = "Ana Mwangi-Ochieng"
    for n in range(30):
        named(session, project, f"{secret} {n}", f"c-{n}")
    page = officer.get(url)
    token = page.document.xpath("//input[@name='csrf_token']/@value")[0]
    answer = officer.post(f"{url}search", {"csrf_token": token, "text": secret, "type": "patient"})
    assert answer.status == 303
    found = answer.follow()
    assert len(found.rows(TABLE)) == 25
    assert re.fullmatch(rf"{re.escape(url)}\?type=patient&view=[0-9a-f]{{32}}", found.url)
    fragment = officer.get(answer.location, htmx=True)
    assert fragment.headers["HX-Push-Url"] == found.url
    for one in (answer, found, fragment, found.click("Older"), found.click("Older").click("Newer")):
        addresses = [*one.links().values(), one.url, *one.headers.values()]
        addresses += one.document.xpath("//@action | //@hx-get | //@hx-post | //@src")
        assert not [a for a in addresses if "mwangi" in unquote(str(a)).lower()]
    assert found.form("Filters").value("text") == secret
    again = look_for(page, text=secret, type="patient")
    assert again.url == found.url, "the same search has the same address"
    stored = session.scalar(
        select(func.count()).select_from(StoredView).where(StoredView.project_id == project.id)
    )
    assert stored == 1


def test_a_search_belongs_to_its_project(app: Flask, session: Session, officer: PageClient):
    other = factories.project()
    there = signed_in(app, factories.web_user(other))
    named(session, other, "Ana", "c-1")
    found = look_for(there.get(f"/a/{other.name}/cases/?state=any"), text="ana")
    view = found.url.split("view=")[1]
    here = factories.project()
    stranger = signed_in(app, factories.web_user(here))
    assert "Search again" in stranger.get(f"/a/{here.name}/cases/?view={view}", status=404).text
    assert officer.get(f"/a/{other.name}/cases/", status=404)
    mine = look_for(stranger.get(f"/a/{here.name}/cases/"), text="ana")
    assert view not in mine.url, "nor do two projects give the same search the same id"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("100%", ["100% sure"]),
        ("_", ["under_score"]),
        ("\\", ["back\\slash"]),
        ("ÉLODIE", ["Élodie"]),
        ("élo", ["Élodie"]),
        ("  sure ", ["100% sure"]),
        ("EXT-1", ["under_score"]),
        ("ext-1", []),
        ("c-1", ["100% sure"]),
        ("C-1", []),
        ("'; drop table cases; --", []),
        ("\ud83d\ude00", []),
    ],
)
def test_names_are_found_as_text_and_ids_exactly(  # noqa: PLR0917  # fixtures and parameters
    session: Session, officer: PageClient, url: str, project: Project, text: str, found: list[str]
):
    for n, name in enumerate(("100% sure", "under_score", "back\\slash", "Élodie"), 1):
        named(session, project, name, f"c-{n}", **({"external_id": "EXT-1"} if n == 2 else {}))
    page = look_for(officer.get(url), text=text.encode("utf-16", "surrogatepass").decode("utf-16"))
    if found:
        assert [name.removesuffix("EXT-1") for name in names(page)] == found
    else:
        assert "No case fits these filters" in page.text


def test_nothing_fits_says_what_to_relax(
    session: Session, officer: PageClient, url: str, project: Project
):
    named(session, project, "Ana", "c-1")
    page = look_for(officer.get(url), text="ana", state="Closed")
    assert "Without “State: closed” there are 1 case" in page.text
    assert names(page.click("Remove “State: closed”")) == ["Ana"]
    page = look_for(officer.get(url), text="nobody at all", state="Closed")
    assert "No case fits these filters" in page.text


def test_days_are_those_of_the_project(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
):
    project = factories.project(timezone="Africa/Nairobi")
    for name, hour in (("before", 20), ("after", 22)):
        moment = clock.from_datetime(datetime(2026, 3, 9, hour, tzinfo=UTC))
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda at=moment: at)
            named(session, project, name, name)
    browser = signed_in(app, factories.web_user(project))
    page = browser.get(f"/a/{project.name}/cases/")
    assert names(look_for(page, modified_from="2026-03-10")) == ["after"]
    assert names(look_for(page, modified_to="2026-03-09")) == ["before"]
    both = look_for(page, modified_from="2026-03-09", modified_to="2026-03-10")
    assert "Modified: 9 Mar 2026 to 10 Mar 2026" in both.text


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("modified_from", "2026-02-30", "Enter a date"),
        ("modified_to", "1", "Enter a date"),
        ("state", "gone", "offered"),
        ("type", "x" * 300, "longer"),
        ("owner", "x" * 300, "longer"),
        ("text", "x" * 300, "at most 255"),
    ],
)
def test_what_cannot_be_read_comes_back_as_typed(  # noqa: PLR0917  # fixtures and parameters
    session: Session,
    officer: PageClient,
    url: str,
    project: Project,
    field: str,
    value: str,
    says: str,
):
    named(session, project, "Ana", "c-1")
    page = officer.get(url)
    token = page.document.xpath("//input[@name='csrf_token']/@value")[0]
    sent = {"csrf_token": token, "text": "ana", field: value}
    back = officer.post(f"{url}search", sent, status=422)
    assert back.title.startswith("Error: ")
    assert says in back.errors[0]
    for name in ("text", field):
        assert back.form("Filters").value(name) == sent[name]
    fragment = officer.post(f"{url}search", sent, status=422, htmx=True)
    assert fragment.headers["HX-Retarget"] == "#screen"
    assert fragment.errors == back.errors
    if field != "text":
        assert says in officer.get(f"{url}?{field}={value}", status=422).errors[0]


def test_days_in_the_wrong_order_are_said(officer: PageClient, url: str):
    page = officer.get(f"{url}?modified_from=2026-02-02&modified_to=2026-02-01", status=422)
    assert "before the first" in page.errors[0]


def test_the_canonical_address_stays(officer: PageClient, url: str):
    assert officer.get(f"{url}?state=any").status == 200
    assert officer.get(f"{url}?state=open&owner=&utm=1").location == url
    moved = officer.get(f"{url}?type=b%20c&owner=a")
    assert moved.location == f"{url}?owner=a&type=b+c"
    assert moved.follow().status == 200


def test_htmx_gets_the_results_and_the_canonical_address(
    session: Session, officer: PageClient, url: str, project: Project
):
    open_case(session, project.id, "c-1")
    found = officer.get(f"{url}?owner=&state=any", htmx=True)
    assert found.headers["HX-Push-Url"] == f"{url}?state=any"
    assert found.document.xpath("//*[@id='results']")
    assert not found.document.xpath("//form[@id='filters']")
    assert found.events["announce"] == "1 case"


@pytest.mark.parametrize("state", ["open", "any"])
def test_pages_follow_each_other(
    session: Session, officer: PageClient, url: str, project: Project, state: str
):
    blocks = [case_block(f"c-{n}", create={"case_name": f"Case {n}"}) for n in range(30)]
    send(session, project.id, form(*blocks))  # one form, so all were modified at the same moment
    for n in range(30, 60):
        open_case(session, project.id, f"c-{n}")
    page = officer.get(f"{url}?state={state}" if state != "open" else url)
    assert "60 cases" in page.text
    assert names(page) == [f"Case c-{n}" for n in range(59, 34, -1)]
    seen = names(page)
    while "Older" in page.links():
        page = page.click("Older")
        seen += names(page)
    assert len(seen) == len(set(seen)) == 60
    back = page.click("Newer")
    assert names(back) == seen[25:50]
    assert names(back.click("Newest")) == seen[:25]


def test_a_change_brings_a_case_to_the_top(
    session: Session, officer: PageClient, url: str, project: Project
):
    for name in ("a", "b"):
        open_case(session, project.id, name)
    assert names(officer.get(url)) == ["Case b", "Case a"]
    send(session, project.id, form(case_block("a", update={"x": "1"})))
    assert names(officer.get(url)) == ["Case a", "Case b"]


def test_the_number_of_statements_does_not_grow(
    session: Session, app: Flask, officer: PageClient, url: str, project: Project
):
    for n in range(26):
        open_case(session, project.id, f"c-{n}")
    with counted(app) as few:
        officer.get(url)
    blocks = [case_block(f"d-{n}", create={"owner_id": f"owner-{n}"}) for n in range(200)]
    send(session, project.id, form(*blocks))
    with counted(app) as many:
        assert len(officer.get(url).rows(TABLE)) == 25
    assert len(many) == len(few) <= 12, many


@pytest.mark.parametrize(
    "query",
    [
        "owner=%00",
        "type=%ED%A0%80",
        "view=" + "x" * 9000,
        "view=%FF",
        "view=none",
        "before=1.2&after=1.2",
        "before=x",
        "before=1",
        "before=" + "9" * 400,
        "state=any&before=1.1",
        "modified_from=" + "9" * 4000,
        "modified_to=9999-12-31",
        "%00=1",
        "state=" + "%F0%9F%92%A9" * 300,
    ],
)
def test_hostile_addresses_are_refused(
    session: Session, officer: PageClient, url: str, project: Project, query: str
):
    open_case(session, project.id, "c-1")
    for headers in ({}, {"HX-Request": "true"}):
        answer = officer.client.get(f"{url}?{query}", headers=headers)
        assert answer.status_code in {200, 302, 400, 404, 422}


@pytest.mark.parametrize(
    "body", [b"text=%00", b"text=%ED%A0%80", b"text=%FF&state=%FF", b"state=x"]
)
def test_hostile_searches_are_refused(officer: PageClient, url: str, body: bytes):
    token = officer.get(f"{url}?state=any")
    token = token.document.xpath("//input[@name='csrf_token']/@value") or [""]
    answer = officer.client.post(
        f"{url}search",
        data=b"csrf_token=" + token[0].encode() + b"&" + body,
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code in {303, 400, 422}


def test_a_search_needs_its_token(officer: PageClient, url: str):
    officer.post(f"{url}search", {"text": "ana"}, status=400)
