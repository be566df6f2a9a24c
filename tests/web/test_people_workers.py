"""Mobile workers on screen, as a person without JavaScript uses it (SPEC U10, U11)."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, send
from tests.web.pages import Page, PageClient
from tests.web.signing_in import basic, signed_in
from webapp.audit.models import AuditEvent
from webapp.database import write_transaction
from webapp.people.groups import delete_group
from webapp.people.locations import archive_location
from webapp.people.models import MobileWorker
from webapp.people.operations import set_worker
from webapp.people.queries import belongings
from webapp.projects.models import Project
from webapp.submissions.receive import Sender
from webapp.web.forms import people_choice
from webapp.web.views import people_workers


@pytest.fixture
def paula(app: Flask, project: Project) -> PageClient:
    """Paula may manage people."""
    return signed_in(app, factories.web_user(project))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/people/"


def owned(session: Session, project: Project, owner_id: str, count: int) -> None:
    """Open cases of an owner."""
    blocks = [
        case_block(
            factories.unique("case"),
            create={"case_type": "patient", "case_name": "Ana", "owner_id": owner_id},
        )
        for _number in range(count)
    ]
    send(session, project.id, form(*blocks))


def test_before_there_is_a_worker_it_says_what_will_be_here(paula: PageClient, url: str):
    page = paula.get(url).follow()
    assert page.h1 == "Mobile workers"
    assert "No mobile worker yet" in page.text
    assert page.links()["People"] == f"{url}workers/"


def test_a_worker_is_made_and_changed(
    app: Flask, session: Session, project: Project, paula: PageClient, url: str
):
    team = factories.group(project, name="Team A")
    clinic = factories.location(project, name="Clinic Böhm")
    page = paula.get(f"{url}workers/new")
    wrong = page.form("Make worker").submit(
        username="-", password="x", fill={"data-0-value": "5", "data-1-name": "xml"}
    )
    assert wrong.status == 422
    assert wrong.errors == ["Enter the name of this value."]
    wrong = wrong.form("Make worker").submit(
        username="-", password="secret", fill={"data-0-name": "cadre"}
    )
    assert wrong.errors[0].startswith("A mobile worker's username has letters")
    wrong = wrong.form("Make worker").submit(username="Amina", password="short")
    assert wrong.errors == ["Choose a password of 6 to 1,000 characters."]
    made = wrong.form("Make worker").submit(
        username="Amina",
        first_name=" Amina ",
        groups=[team.group_id],
        locations=[clinic.location_id],
    )
    assert made.status == 200
    password = re.search(r"Password(\S{16})", made.text)
    assert password, made.text
    head = basic("amina", password[1])
    assert (
        app.test_client()
        .post(f"/a/{project.name}/receiver/", data=form(), headers=head)
        .status_code
        == 201
    )
    assert "Last sync–" in made.click("To the page of amina").text
    restore = f"/a/{project.name}/phone/restore/?version=2.0"
    assert app.test_client().get(restore, headers=head).status_code == 200
    page = made.click("To the page of amina")
    assert "Last sync–" not in page.text
    assert page.h1 == "amina"
    assert password[1] not in page.text
    for words in ("Cases of the group “Team A”", "Cases of the location “Clinic Böhm”"):
        assert words in page.links()
    assert "They share cases with 2 groups and locations" in page.text
    assert page.rows("User data, by name") == [["cadre", "5"]]
    saved = (
        page.click("Edit")
        .form("Save")
        .submit(
            last_name="Ouma", fill={"data-0-value": "", "data-1-name": "ward", "data-1-value": "7"}
        )
    )
    page = saved.follow()
    assert page.status_line == "The worker is saved."
    row = session.scalars(select(MobileWorker).where(MobileWorker.project_id == project.id)).one()
    assert (row.full_name, row.user_data) == ("Amina Ouma", {"ward": "7"})
    page = page.click("Edit").form("Save").submit().follow()
    assert page.status_line == "Nothing was changed."


def test_what_a_change_does_to_the_phone_is_said_before_it_happens(
    session: Session, project: Project, paula: PageClient, url: str
):
    amina = factories.mobile_worker(project, "amina")
    team = factories.group(project, amina, name="Team A")
    other = factories.group(project, name="Team B")
    owned(session, project, team.group_id, 3)
    owned(session, project, other.group_id, 2)
    page = paula.get(f"{url}workers/{amina.user_id}/edit")
    asked = page.form("Save").submit(groups=[other.group_id])
    assert (asked.status, asked.h1) == (200, "Change whose cases the phone of amina has?")
    assert asked.rows("Workers whose phones change") == [
        ["amina", "Team A", "Team B", "Team B", "3", "2"]
    ]
    assert "The phone of 1 worker loses cases: 3." in asked.text
    assert "The phone of 1 worker gets cases: 2." in asked.text
    assert [one.name for one in belongings(session, project.id, [amina])[amina.id].groups] == [
        "Team A"
    ], "nothing has happened yet"
    # Meanwhile somebody else changes what that means.
    with write_transaction():
        delete_group(session, team, by=factories.actor())
    again = asked.form("Save").submit(status=409)
    assert "Somebody else has changed people or places meanwhile" in again.text
    assert again.rows("Workers whose phones change")[0][1] == "–nothing"
    done = again.form("Save").submit().follow()
    assert done.status_line == "The worker is saved."
    assert "Cases of the group “Team B”" in done.links()
    event = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.project_id == project.id, AuditEvent.subject == "worker:amina")
        .order_by(AuditEvent.id.desc())
    ).first()
    assert event is not None
    assert event.after == {"groups": ["Team B"]}


def test_two_who_edit_a_worker_keep_each_others_words(
    session: Session, project: Project, paula: PageClient, url: str
):
    amina = factories.mobile_worker(project, "amina")
    team, other = (factories.group(project, name=name) for name in ("Team A", "Team B"))
    place = f"{url}workers/{amina.user_id}/edit"
    mine, theirs = paula.get(place), paula.get(place)
    asked = theirs.form("Save").submit(
        groups=[team.group_id], fill={"data-0-name": "cadre", "data-0-value": "nurse"}
    )
    asked.form("Save").submit().follow()
    asked = mine.form("Save").submit(first_name="Amina", groups=[other.group_id])
    asked.form("Save").submit().follow()
    session.expire_all()
    assert (amina.first_name, amina.user_data) == ("Amina", {"cadre": "nurse"})
    assert len(belongings(session, project.id, [amina])[amina.id].groups) == 2
    for based_on in ("nonsense", "[]", '{"groups": 5, "data": [], "first_name": {}}'):
        sent = dict(mine.form("Save").entries()) | {"based_on": based_on}
        paula.post(place, sent)


def test_where_there_are_many_groups_and_places_they_are_named(
    monkeypatch: pytest.MonkeyPatch, project: Project, paula: PageClient, url: str
):
    monkeypatch.setattr("webapp.web.views.people_worker_edit.AS_BOXES", 1)
    amina = factories.mobile_worker(project, "amina")
    factories.group(project, amina, name="Team A")
    factories.group(project, name="Team B")
    district = factories.location(project, name="North")
    factories.location(project, name="Clinic", parent=district)
    page = paula.get(f"{url}workers/{amina.user_id}/edit")
    wrong = page.form("Save").submit(
        fill={"more_groups-0": "Team C", "more_locations-1": "nowhere"}
    )
    assert wrong.errors == ["There is no group “Team C”.", "There is no location “nowhere”."]
    asked = wrong.form("Save").submit(
        fill={"more_groups-0": "Team B", "more_locations-1": "clinic"}
    )
    page = asked.form("Save").submit().follow()
    assert {"Team A", "Team B", "Clinic"} <= set(page.links())


def test_what_is_archived_since_stays_with_whoever_is_assigned(
    session: Session, project: Project, paula: PageClient, url: str
):
    amina = factories.mobile_worker(project, "amina")
    clinic = factories.location(project, None, amina, name="Clinic")
    factories.location(project, name="Other")
    with write_transaction():
        archive_location(session, clinic, by=factories.actor())
    edit = paula.get(f"{url}workers/{amina.user_id}/edit")
    edit.form("Save").submit(first_name="Amina").follow()
    page = paula.get(f"{url}workers/{amina.user_id}/")
    assert "Amina" in page.text and "Clinic archived" in page.text
    sent = dict(edit.form("Save").entries()) | {f"data-{n}-value": "1" for n in range(300)}
    assert paula.post(f"{url}workers/{amina.user_id}/edit", sent).status == 422


def test_deactivating_is_asked_first_and_taken_back(
    session: Session, project: Project, paula: PageClient, url: str
):
    amina = factories.mobile_worker(project, "amina")
    page = paula.get(f"{url}workers/{amina.user_id}/")
    asked = page.form("Deactivate…").submit()
    assert asked.h1 == "Deactivate amina?"
    assert "The phone of 1 worker can no longer sync." in asked.text
    session.expire_all()
    assert amina.active
    page = asked.form("Deactivate amina?").submit().follow()
    assert page.status_line == "amina is deactivated."
    assert "None: it cannot sync" in page.text
    page = page.form("Activate").submit().follow()
    assert page.status_line == "amina is active again."
    page = page.click("Set password…")
    assert page.form("Set password").submit(password="x").status == 422
    assert page.form("Set password").submit(password="secret").follow().status == 200
    assert "Password" in page.form("Set password").submit().text
    paula.get(f"{url}workers/nobody/", status=404)


def test_workers_are_searched_and_no_name_stands_in_an_address(
    monkeypatch: pytest.MonkeyPatch,
    session: Session,
    project: Project,
    paula: PageClient,
    url: str,
):
    monkeypatch.setattr(people_workers, "PER_PAGE", 2)
    anna, bea, cleo, dina = (
        factories.mobile_worker(project, name) for name in ("anna", "bea", "cleo", "dina")
    )
    factories.group(project, anna, cleo, name="Team A")
    with write_transaction():
        set_worker(session, dina, active=False, by=factories.actor())
        set_worker(session, bea, first_name="Änne", by=factories.actor())
    send(session, project.id, form(user_id=anna.user_id), sender=Sender(anna.user_id, "anna"))

    def names(page: Page) -> list[str]:
        return [row[0] for row in page.rows("Mobile workers, by username")]

    page = paula.get(f"{url}workers/")
    assert names(page) == ["anna", "bea Änne"]
    assert names(page.click("Next")) == ["cleo"]
    assert "3 workers" in page.text
    assert page.rows("Mobile workers")[0][2] == "Team A"
    assert page.rows("Mobile workers")[0][4] != "–none"
    found = page.form("Filters").submit(text="änne")
    assert "nne" not in found.location
    assert names(found.follow()) == ["bea Änne"]
    assert paula.get(found.location, htmx=True).events["announce"] == "1 worker"
    nothing = page.form("Filters").submit(text="%", state="any").follow()
    assert "No worker fits these filters" in nothing.text
    found = page.form("Filters").submit(state="Deactivated").follow()
    assert names(found) == ["dina"]
    found = page.form("Filters").submit(group="Team A").follow()
    assert names(found) == ["anna", "cleo"]
    assert names(found.click("Remove filter Group: Team A")) == ["anna", "bea Änne"]
    for odd in ("state=odd", "group=odd", "view=odd"):
        paula.get(f"{url}workers/?{odd}", status=404)
    assert paula.get(f"{url}workers/?page=99999999999999999999").status == 200


def test_who_may_only_look_sees_no_buttons(app: Flask, project: Project, url: str):
    vera = signed_in(app, factories.web_user(project, role="viewer"))
    amina = factories.mobile_worker(project, "amina")
    for page in (vera.get(f"{url}workers/"), vera.get(f"{url}workers/{amina.user_id}/")):
        assert "You can view but not change (needs Manage people)." in page.text
        assert not {"New worker", "Edit"} & set(page.links())
    assert people_choice.AS_BOXES > 1


def test_a_chosen_group_that_is_deleted_meanwhile_is_named(
    session: Session, project: Project, paula: PageClient, url: str
):
    amina, team = factories.mobile_worker(project, "amina"), factories.group(project, name="Team")
    form = paula.get(f"{url}workers/{amina.user_id}/edit").form("Save")
    with write_transaction():
        delete_group(session, team, by=factories.actor())
    page = form.submit(groups=[team.group_id]).follow()
    assert page.status_line == "Nothing was changed. The group “Team” was deleted meanwhile."
