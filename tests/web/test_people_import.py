"""Workers and groups from files, on screen: looked at first, and no password is kept (SPEC U10)."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests import factories
from tests.web.pages import Page, PageClient
from tests.web.signing_in import basic, signed_in
from tests.web.test_people_workers import owned
from webapp.audit.models import AuditEvent
from webapp.database import write_transaction
from webapp.exchange.sheets import read_file
from webapp.extensions import Base
from webapp.people.models import MobileWorker
from webapp.people.operations import set_worker
from webapp.projects.models import Project
from webapp.web.forms import people_import


@pytest.fixture
def paula(app: Flask, project: Project) -> PageClient:
    """Paula may manage people."""
    return signed_in(app, factories.web_user(project))


def looked_at(page: Page, raw: bytes, name: str = "people.csv") -> Page:
    return page.form("Look at the file").submit(file=(io.BytesIO(raw), name))


def usernames(session: Session, project: Project) -> list[str]:
    session.rollback()
    return list(
        session.scalars(
            select(MobileWorker.username)
            .where(MobileWorker.project_id == project.id)
            .order_by(MobileWorker.username)
        )
    )


def test_workers_come_from_a_file_and_go_into_one(
    app: Flask, session: Session, project: Project, paula: PageClient
):
    amina = factories.mobile_worker(project, "amina")
    team = factories.group(project, amina, name="Team A; North")
    clinic = factories.location(project, name="Clinic")
    owned(session, project, team.group_id, 3)
    page = paula.get(f"/a/{project.name}/people/workers/").click("Import…")
    assert looked_at(page, b"").errors == ["Choose a file that is not empty."]
    wrong = looked_at(
        page,
        b"username;password;active;groups;locations;data: xmlx\n"
        b'ada;x;perhaps;"Team A; North";nowhere;1\n'
        b"ada;secret;yes;;;\n",
    )
    assert (wrong.status, wrong.errors) == (422, ["2 rows of the file cannot be taken."])
    first, second = wrong.rows("Rows that cannot be taken")
    assert first[0] == "2"
    for sentence in (
        "active: write “yes” or “no”.",
        "password: it needs 6 to 1000 characters.",
        "groups: there is no group “Team A”. groups: there is no group “North”.",
        "locations: there is no location “nowhere”.",
        "“xmlx”: a name starts with",
    ):
        assert sentence in first[1]
    assert second[1] == "The same username stands in line 2."
    raw = (
        b"Username,Password,First_Name,Active,Groups,Locations,data: Cadre\n"
        b'ada,secret-of-ada,Ada,,"""Team A; North""",CLINIC,=nurse\n'
        b"\n"
        b"amina,,Amina,yes,,,\n"
        b"bea,,,no,,,\n"
    )
    seen = looked_at(page, raw)
    assert "would add 2 and change 1" in seen.text
    assert seen.rows("What would change") == [
        [
            "2",
            "ada new",
            (
                'First name: Ada Groups: "Team A; North" Locations: clinic User data: Cadre ='
                " =nurse Password: is set"
            ),
        ],
        [
            "4",
            "amina",
            'First name: empty becomes Amina Groups: "Team A; North" becomes empty',
        ],
        ["5", "bea new", "Active: no Password: none: nobody can sign in until one is set"],
    ]
    assert "The phone of 1 worker loses cases: 3." in seen.text
    assert usernames(session, project) == ["amina"], "nothing is imported yet"
    for table in Base.metadata.sorted_tables:
        rows = session.execute(text(f'SELECT * FROM "{table.name}"')).all()
        assert "secret-of-ada" not in str(rows), f"{table.name} has a password"
    done = seen.form("Import what you see").submit().follow()
    assert done.status_line == "The file is imported: 2 added, 1 changed."
    assert usernames(session, project) == ["ada", "amina", "bea"]
    head = basic("ada", "secret-of-ada")
    receiver = f"/a/{project.name}/receiver/"
    assert app.test_client().post(receiver, data=b"<x/>", headers=head).status_code == 422
    event = session.scalars(
        select(AuditEvent).where(
            AuditEvent.project_id == project.id, AuditEvent.tag == "workers.import"
        )
    ).one()
    assert event.after == {"added": 2, "changed": 1}
    # What goes out changes nothing when it comes in again, in either format.
    for kind in ("csv", "xlsx"):
        exported = paula.get(f"/a/{project.name}/people/workers/export/{kind}")
        table = read_file(exported.response.data, most_rows=10)
        assert table.rows[0][1] == [
            *("ada", "Ada", "", "yes", '"Team A; North"', clinic.site_code, "=nurse")
        ]
        again = looked_at(page, exported.response.data, f"w.{kind}")
        assert "This file changes nothing" in again.text
    paula.get(f"/a/{project.name}/people/workers/export/pdf", status=404)
    session.rollback()
    taken = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.project_id == project.id, AuditEvent.tag == "workers.export")
        .order_by(AuditEvent.id)
    )
    assert [event.after for event in taken] == [{"format": "csv"}, {"format": "xlsx"}]


def test_what_stands_where_a_file_is_expected_is_none(project: Project, paula: PageClient):
    for path in ("people/workers/import", "dictionary/import", "rules/import"):
        page = paula.get(f"/a/{project.name}/{path}")
        token = page.one("//main//input[@name='csrf_token']").get("value")
        paula.post(page.url, {"csrf_token": token, "file": "text"}, status=422)


def test_more_text_than_goes_to_the_browser_and_back_is_refused(
    project: Project, paula: PageClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(people_import, "LARGEST_TEXT", 20)
    page = paula.get(f"/a/{project.name}/people/workers/import")
    assert "too much text" in looked_at(page, b"username\nadaaaaaaaaaaaaaaaaaaa\n").errors[0]


def test_what_somebody_else_changed_meanwhile_is_looked_at_again(
    session: Session, project: Project, paula: PageClient
):
    amina = factories.mobile_worker(project, "amina")
    page = paula.get(f"/a/{project.name}/people/workers/import")
    seen = looked_at(page, b"username,first name\namina,Amina\nbea,Bea\n")
    with write_transaction():
        set_worker(session, amina, first_name="Mina", by=factories.actor())
    again = seen.form("Import what you see").submit(status=409)
    assert "Somebody else has changed people or places meanwhile" in again.text
    assert "Mina becomes Amina" in again.rows("What would change")[0][2]
    assert usernames(session, project) == ["amina"]
    again.form("Import what you see").submit().follow()
    assert usernames(session, project) == ["amina", "bea"]
    nothing = seen.form("Import what you see").submit()
    assert "This file changes nothing" in nothing.text
    assert "This file has no rows" in looked_at(page, b"username,first name\n").text
    sent = dict(seen.form("Import what you see").entries())
    for table in (
        "",
        "[]",
        "[1, 2]",
        '[["username"], [[2, ["a", "b"]]]]',
        '[["username"], [[2, [3]]]]',
    ):
        bad = paula.post(f"{page.url}/now", sent | {"table": table}, status=422)
        assert bad.errors == ["This is no table that was looked at. Choose the file again."]
    long = f'[["username", "groups"], [[2, ["bea", "{"x" * 140_000}"]]]]'
    bad = paula.post(f"{page.url}/now", sent | {"table": long}, status=422)
    assert bad.rows("Rows that cannot be taken") == [
        ["2", "groups: a name in this list is too long."]
    ]


def test_groups_come_from_a_file_and_go_into_one(
    session: Session, project: Project, paula: PageClient
):
    amina = factories.mobile_worker(project, "amina")
    factories.mobile_worker(project, "bea")
    team = factories.group(project, amina, name="Team A")
    owned(session, project, team.group_id, 2)
    page = paula.get(f"/a/{project.name}/people/groups/").click("Import…")
    assert "“name”" in looked_at(page, b"group\nTeam A\n").errors[0]
    wrong = looked_at(
        page, b'name,case sharing,members\n,soon,"zoe ida"\nTeam A,,\nTeam  A,,amina\n'
    )
    assert wrong.rows("Rows that cannot be taken") == [
        [
            "2",
            (
                "Give it a name. case sharing: write “yes” or “no”."
                " members: there is no worker “zoe”. members: there is no worker “ida”."
            ),
        ],
        ["4", "The same group stands in line 3."],
    ]
    seen = looked_at(
        page, b"name,case_sharing,reporting,members\nTeam A,no,,Bea\nTeam B,yes,no,amina; bea\n"
    )
    assert [row[1:] for row in seen.rows("What would change")] == [
        ["Team A", "Case sharing: yes becomes no Members: amina becomes bea"],
        ["Team B new", "Case sharing: yes Reporting: no Members: amina, bea"],
    ]
    assert seen.rows("Workers whose phones change") == [
        ["amina", "Team A", "Team B", "Team B", "2", "0"],
        ["bea", "–nothing", "Team B", "Team B", "0", "0"],
    ]
    done = seen.form("Import what you see").submit().follow()
    assert done.status_line == "The file is imported: 1 added, 1 changed."
    assert [row[:2] for row in done.rows("Groups, by name")] == [
        ["Team A", "Off"],
        ["Team B", "On"],
    ]
    exported = paula.get(f"/a/{project.name}/people/groups/export/csv")
    assert read_file(exported.response.data, most_rows=5).rows == [
        (2, ["Team A", "no", "yes", "bea"]),
        (3, ["Team B", "yes", "no", "amina; bea"]),
    ]
    assert "This file changes nothing" in looked_at(page, exported.response.data).text


def test_new_workers_with_wrong_sharing_and_without_password_are_told(
    project: Project, paula: PageClient
):
    """Who would have none or several is named before, and nothing is said of phones that cannot
    sync."""
    page = paula.get(f"/a/{project.name}/people/workers/import")
    alone = b"username,password\nada,secret-of-ada\n"
    assert "none or several" not in looked_at(page, alone).text, "nothing is shared here"
    dan = factories.mobile_worker(project, "dan")
    for name in ("Team", "North"):
        factories.group(project, name=name)
    seen = looked_at(
        page,
        b"username,password,groups\nada,secret-of-ada,\nbea,,Team; North\n"
        b"cleo,secret-of-cleo,Team\ndan,,Team; North\n",
    )
    assert "3 workers (ada, bea, dan) will have none or several sharing groups" in seen.text
    assert "The phones of 2 workers can sync from then on." in seen.text
    assert "1 worker has no password: their phone can sync once one is set." in seen.text
    names = [row[0] for row in seen.rows("Workers whose phones change")]
    assert names == ["ada", "cleo", dan.username]
    assert seen.form("Import what you see").submit().status < 400
