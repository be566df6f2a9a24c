"""Groups and locations on screen, as a person without JavaScript uses them (SPEC C1, C5, C7)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from tests.web.test_people_workers import owned
from webapp.errors import TooSlow
from webapp.people.owner_sets import owner_set
from webapp.projects.models import Project
from webapp.web.views import people_locations


@pytest.fixture
def paula(app: Flask, project: Project) -> PageClient:
    """Paula may manage people."""
    return signed_in(app, factories.web_user(project))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/people/"


def test_a_group_is_made_filled_and_switched(
    session: Session, project: Project, paula: PageClient, url: str
):
    amina, bea = (factories.mobile_worker(project, name) for name in ("amina", "bea"))
    page = paula.get(f"{url}groups/")
    assert "No group yet" in page.text
    page = page.click("Make the first group")
    assert page.form("Make group").submit(name=" ").errors == ["Give it a name."]
    page = page.form("Make group").submit(name="Team A").follow()
    assert "Nobody is in this group" in page.text
    put = "Put into the group…"
    assert page.form(put).submit().errors == ["Enter at least one username."]
    wrong = page.form(put).submit(usernames="Amina, zoe; ida")
    assert wrong.errors == ["No workers of this project are called “zoe”, “ida”."]
    assert wrong.form(put).value("usernames") == "Amina, zoe; ida"
    page = wrong.form(put).submit(usernames="Amina,\nbea amina").follow()
    assert page.status_line == "2 workers are new in the group."
    group_id = page.url.rstrip("/").rpartition("/")[2]
    owned(session, project, group_id, 4)
    # Nobody shares anything before it is switched on, and then it is said first.
    asked = page.click("Edit").form("Save").submit(case_sharing=True)
    assert asked.h1 == "Let the members of “Team A” share cases?"
    assert "The phones of 2 workers get cases, 8 in all." in asked.text
    assert not owner_set(session, amina).sharing
    page = asked.form("Save").submit().follow()
    assert page.status_line == "The group is saved."
    assert owner_set(session, amina).one is not None
    taken = page.form("Members").submit("Take the chosen ones out…")
    assert taken.follow().status_line == "Choose the workers to take out of the group."
    asked = page.form("Members").submit("Take the chosen ones out…", worker=[bea.user_id])
    assert asked.rows("Workers whose phones change") == [
        ["bea", "Team A", "–nothing", "–nothing", "4", "0"]
    ]
    assert "1 worker who has one sharing group" in asked.text
    page = asked.form("Take them out").submit().follow()
    assert page.status_line == "1 worker is no longer in the group."
    asked = page.form("Delete…").submit()
    assert asked.h1 == "Delete the group “Team A”?"
    page = asked.form("Delete").submit().follow()
    assert page.rows("Groups, by name")[0][:2] == ["Team A", "On"]
    assert not owner_set(session, amina).sharing
    asked = page.form("Bring back Team A").submit()
    page = asked.form("Bring back").submit().follow()
    assert page.status_line == "“Team A” is back."
    assert [row[1] for row in page.rows("Members, by username")] == ["amina"]
    again = page.client.get(f"{url}groups/new").form("Make group").submit(name="Team A")
    assert again.errors == ["There is a group “Team A” already."]


def test_the_tree_is_made_moved_and_archived(
    session: Session, project: Project, paula: PageClient, url: str
):
    head = factories.mobile_worker(project, "head")
    page = paula.get(f"{url}locations/").click("Make the first level")
    assert page.form("Make level").submit().errors == ["Give it a name."]
    page = page.form("Make level").submit(name="District", views_child_data=True).follow()
    page = page.click("New level").form("Make level").submit(name="Clinic", owns_cases=True)
    page = page.follow()
    assert [row[:4] for row in page.rows("Levels, by name")] == [
        ["Clinic", "Yes", "No", "0"],
        ["District", "No", "Yes", "0"],
    ]
    page = page.client.get(f"{url}locations/").click("Make a location")
    wrong = page.form("Make location").submit(name="North")
    assert wrong.errors == ["Choose the level of this location."]
    north = wrong.form("Make location").submit(level="District").follow()
    assert (north.h1, north.status_line) == ("North", "The location is made.")
    new = north.client.get(f"{url}locations/new")
    south = new.form("Make location").submit(name="South", level="District").follow()
    wrong = new.form("Make location").submit(name="X", level="District", parent="nowhere")
    assert wrong.errors == ["There is no location “nowhere”."]
    # The head of the north sees what comes to lie below it.
    north_id = north.url.rstrip("/").rpartition("/")[2]
    edit = paula.get(f"{url}workers/{head.user_id}/edit")
    edit.form("Save").submit(locations=[north_id]).follow()
    below = south.click("New location below")
    clinic = below.form("Make location").submit(name="Clinic", level="Clinic").follow()
    clinic_id = clinic.url.rstrip("/").rpartition("/")[2]
    owned(session, project, clinic_id, 2)
    assert "South" in clinic.links()
    move = clinic.click("Move…")
    assert move.form("Move…").submit(parent="clinic").errors == [
        "“Clinic” cannot lie below itself."
    ]
    asked = move.form("Move…").submit(parent="north")
    assert asked.rows("Workers whose phones change") == [
        ["head", "–nothing", "Clinic", "Clinic", "0", "2"]
    ]
    page = asked.form("Move").submit().follow()
    assert page.status_line == "The location is moved."
    tree = paula.get(f"{url}locations/")
    nested = tree.document.xpath("//ul[contains(@class, 'tree')]//li//li/a")
    assert [one.text for one in nested] == ["Clinic"]
    edited = page.click("Edit").form("Save").submit(name="Clinic One", site_code="c-1").follow()
    assert edited.h1 == "Clinic One"
    asked = edited.click("North").form("Archive…").submit()
    assert "With it 1 location below it is archived." in asked.text
    assert "1 worker who has one sharing group or location now" in asked.text
    page = asked.form("Archive").submit().follow()
    assert page.status_line == "2 locations are archived. You can bring them back."
    assert paula.get(f"{url}locations/").click("Also archived ones").click("Clinic One").status
    page = page.form("Bring back").submit()
    page = page.form("Bring back").submit().follow()
    assert page.status_line == "2 locations are back."
    levels = paula.get(f"{url}levels/").click("District")
    asked = levels.form("Save").submit(views_child_data=False)
    assert asked.h1 == "Change the level “District”?"
    page = asked.form("Save").submit().follow()
    assert page.status_line == "The level is saved."
    assert not owner_set(session, head).sharing
    page = page.click("New level").form("Make level").submit(name="Odd").follow()
    assert page.form("Delete Odd").submit().follow().status_line == "The level is deleted."
    paula.get(f"{url}levels/{2**31 - 1}/edit", status=404)
    paula.get(f"{url}locations/clinic-one/", status=404)


def test_a_large_tree_shows_its_upper_levels(
    monkeypatch: pytest.MonkeyPatch, project: Project, paula: PageClient, url: str
):
    monkeypatch.setattr(people_locations, "MOST_NODES", 2)
    level = factories.level(project)
    north = factories.location(project, level, name="North")
    factories.location(project, level, name="South")
    east = factories.location(project, level, name="East", parent=north)
    factories.location(project, level, name="Clinic", parent=east)
    page = paula.get(f"{url}locations/")
    assert not {"East", "Clinic"} & set(page.links())
    page = page.click("2 more below it (North)")
    assert {"East", "Clinic"} <= set(page.links())


def test_who_may_only_look_changes_nothing(app: Flask, project: Project, url: str):
    vera = signed_in(app, factories.web_user(project, role="viewer"))
    group, place = factories.group(project), factories.location(project)
    for path in (
        *("groups/", f"groups/{group.group_id}/"),
        *("locations/", f"locations/{place.location_id}/", "levels/"),
    ):
        page = vera.get(url + path)
        assert "You can view but not change (needs Manage people)." in page.text
        assert not {"New group", "New location", "New level", "Edit"} & set(page.links())


def test_nobody_undoes_what_another_person_said_meanwhile(
    app: Flask, session: Session, project: Project, paula: PageClient, url: str
):
    team = factories.group(project, name="Team")
    of, other = factories.level(project), factories.level(project)
    clinic = factories.location(project, of, name="Clinic")
    petra = signed_in(app, factories.web_user(project))
    after, name = other.name, factories.unique("level")
    for path, hers, theirs in (
        (f"groups/{team.group_id}/edit", {"case_sharing": False}, {"name": "Team 2"}),
        (f"locations/{clinic.location_id}/edit", {"level": after}, {"name": "Clinic 2"}),
        (f"levels/{of.id}/edit", {"owns_cases": False}, {"name": name}),
    ):
        seen = petra.get(url + path)
        paula.get(url + path).form("Save").submit(**hers).follow()
        seen.form("Save").submit(**theirs).follow()
    session.rollback()
    assert (team.name, team.case_sharing) == ("Team 2", False)
    assert (clinic.name, clinic.level.name) == ("Clinic 2", after)
    assert (of.name, of.owns_cases) == (name, False)


def test_a_location_hears_at_once_all_that_is_missing(paula: PageClient, url: str):
    page = paula.get(f"{url}locations/new").form("Make location").submit()
    assert page.errors == ["Give it a name.", "Choose the level of this location."]


def test_what_takes_cases_off_the_last_phone_says_how_many(
    monkeypatch: pytest.MonkeyPatch, session: Session, project: Project, paula: PageClient, url: str
):
    """Before a worker is deactivated, a group deleted or a location archived, one reads how many
    open cases are on no phone then, and can reassign them first."""
    bela, chandra = (factories.mobile_worker(project, name) for name in ("bela", "chandra"))
    team = factories.group(project, bela, chandra, name="Team")
    clinic = factories.location(project, None, bela, name="Clinic")
    for owner, number in ((bela.user_id, 3), (team.group_id, 2), (clinic.location_id, 1)):
        owned(session, project, owner, number)
    asked = paula.get(f"{url}workers/{bela.user_id}/").form("Deactivate…").submit()
    # The cases of the group stay on the phone of the other one.
    assert "4 open cases are then on no phone for the sake of their owners." in asked.text
    assert asked.document.xpath("//a[starts-with(., 'Reassign…')]/@href") == [
        f"/a/{project.name}/cases/reassign?owner={one}"
        for one in (bela.user_id, clinic.location_id)
    ]
    for page, button, number in (
        (f"groups/{team.group_id}/", "Delete…", "2 open cases are"),
        (f"locations/{clinic.location_id}/", "Archive…", "1 open case is"),
    ):
        asked = paula.get(url + page).form(button).submit()
        assert asked.one("//main//form//button").get("class") == "btn btn-bad"
        assert f"{number} then on no phone for the sake of" in asked.text
    monkeypatch.setattr("webapp.sharing.astray.open_cases_of", _too_slow)
    asked = paula.get(f"{url}groups/{team.group_id}/").form("Delete…").submit()
    assert "How many that are was not counted" in asked.text


def _too_slow(*_what: object) -> None:
    raise TooSlow("")


def test_below_what_is_archived_one_is_led_to_that_first(
    project: Project, paula: PageClient, url: str
):
    north = factories.location(project, name="North")
    clinic = factories.location(project, name="Clinic", parent=north)
    asked = paula.get(f"{url}locations/{north.location_id}/").form("Archive…").submit()
    asked.form("Archive").submit().follow()
    page = paula.get(f"{url}locations/{clinic.location_id}/")
    assert "Bring that back first: North" in page.text
    assert not page.document.xpath("//main//button[.='Bring back']")


def test_who_saves_later_undoes_nothing(
    session: Session, project: Project, paula: PageClient, url: str
):
    """Two people have the same form open: only what one has changed oneself is written, and what
    both changed is asked about."""
    team, clinic = factories.group(project, name="Team"), factories.location(project, name="Clinic")
    level = clinic.level
    one, place, kind = (
        f"{url}groups/{team.group_id}/edit",
        f"{url}locations/{clinic.location_id}/edit",
        f"{url}levels/{level.id}/edit",
    )
    late = {address: paula.get(address).form("Save") for address in (one, place, kind)}
    switched = not team.case_sharing
    paula.get(one).form("Save").submit(name="North team", case_sharing=switched).follow()
    paula.get(place).form("Save").submit(name="North clinic").follow()
    paula.get(kind).form("Save").submit(name="Place").follow()
    assert late[one].submit(reporting=False).follow().status_line == "The group is saved."
    assert late[place].submit(site_code="north").follow().status_line == "The location is saved."
    assert late[kind].submit().follow().status_line == "Nothing was changed."
    session.expire_all()
    assert (team.name, team.case_sharing, team.reporting) == ("North team", switched, False)
    assert (clinic.name, clinic.site_code, level.name) == ("North clinic", "north", "Place")
    for address, now in ((one, "North team"), (place, "North clinic"), (kind, "Place")):
        asked = late[address].submit(status=409, name="Mine")
        assert asked.form("Save").value("name") == "Mine"
        said = f"Somebody else changed “Name” meanwhile: it is “{now}” now. Save again to put"
        assert asked.errors[0].startswith(said)
        asked.form("Save").submit().follow()
    session.expire_all()
    assert (team.name, clinic.name, level.name) == ("Mine",) * 3
    assert (team.case_sharing, clinic.site_code) == (switched, "north")
