"""Groups and locations as owners, by name, wherever one looks (SPEC U5, U6)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.people import scene
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import make_rule, post
from tests.web.signing_in import signed_in
from webapp.people.sharing_models import Group, Location
from webapp.projects.models import Project
from webapp.rules.models import Rule

CASES = "Cases, newest change first"
ADD = "Add a condition on: "


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    return signed_in(app, factories.web_user(project, "editor"))


@pytest.fixture
def team(project: Project) -> Group:
    return scene.group(project, "North Team")


@pytest.fixture
def clinic(project: Project) -> Location:
    (amina,) = scene.workers(project, "amina")
    north = scene.location(project, "North", scene.level(project, owns=False))
    return scene.location(project, "Clinic 1", scene.level(project), amina, above=north)


def test_the_case_list_names_groups_and_locations_and_filters_by_them(
    session: Session, officer: PageClient, project: Project, team: Group, clinic: Location
):
    open_case(session, project.id, "ana", owner_id=team.group_id)
    open_case(session, project.id, "bea", owner_id=clinic.location_id)
    page = officer.get(f"/a/{project.name}/cases/")
    assert {row[3].partition(" (")[0] for row in page.rows(CASES)} == {"North Team", "Clinic 1"}
    ours = page.form("Filters").submit("Search", owner=team.group_id).follow()
    assert [row[0] for row in ours.rows(CASES)] == ["Case ana"]
    assert "Owner: North Team" in ours.text
    north = session.query(Location).filter_by(project_id=project.id, name="North").one()
    there = page.form("Filters").submit("Search", location=north.location_id).follow()
    assert [row[0] for row in there.rows(CASES)] == ["Case bea"]
    assert "In location: North" in there.text


def test_a_case_is_given_to_a_group_and_a_location_by_name(
    session: Session, officer: PageClient, project: Project, team: Group, clinic: Location
):
    open_case(session, project.id, "ana", owner_id=team.group_id)
    asked = officer.get(f"/a/{project.name}/cases/ana/assign")
    assert "The owner is North Team." in asked.text
    assert asked.document.xpath("//datalist/option/@value")[:3] == [
        "North Team",
        "Clinic 1",
        "amina",
    ]
    scene.group(project, "Clinic 1")
    ask = asked.form("Reassign “Case ana”")
    several = ask.submit(owner="clinic 1", status=422)
    assert "Several owners are called “clinic 1”" in several.errors[0]
    assert "clinic-1 (location)" in several.errors[0]
    done = ask.submit(owner="clinic-1").follow()
    assert done.status_line == "The case belongs to Clinic 1 now. You can undo it."
    assert "owner North Team becomes Clinic 1" in done.text
    past = done.click("History of the owner")
    assert next(row[2:] for row in past.rows("Forms that changed it, newest first")) == [
        "North Team",
        "Clinic 1",
    ]
    talk = scene.group(project, "Talk", sharing=False)
    doubt = ask.submit(owner=talk.group_id, status=422)
    assert "Case sharing is off for the group Talk" in doubt.errors[0]


def test_submit_history_by_group_and_location(
    session: Session, officer: PageClient, project: Project, clinic: Location
):
    amina, beno = scene.workers(project, "anna", "beno")
    both = scene.group(project, "Both", amina, beno)
    for n, worker in enumerate((amina, beno)):
        block = case_block(f"c{n}", create={}, user_id=worker.user_id)
        send(session, project.id, form(block))
    open_case(session, project.id, "of-nobody")
    page = officer.get(f"/a/{project.name}/submissions/")
    of_group = page.form("Filters").submit("Apply", group=both.group_id).follow()
    assert "2 forms" in of_group.text
    assert "Group: Both" in of_group.text
    nobody = page.form("Filters").submit("Apply", location=clinic.location_id).follow()
    assert "Location: Clinic 1" in nobody.text


def press(page: Page, button: str, status: int | None = None, **values: object) -> Page:
    fill = {name.replace("__", "-"): value for name, value in values.items()}
    return page.form("rule-form").submit(button, fill=fill, status=status)


class TestTheFormOfARule:
    def test_takes_a_location_by_name(
        self, session: Session, officer: PageClient, project: Project, clinic: Location
    ):
        page = press(officer.get(f"/a/{project.name}/rules/new"), ADD + "Owner/location")
        said = {"name": "R", "case_type": "patient", "close": True}
        wrong = press(page, "Save as draft", **said, criteria__0__location="Clinic 9", status=422)
        assert any("No location is called so" in one for one in wrong.errors)
        shown = press(
            wrong,
            "Save as draft",
            criteria__0__location="clinic 1",
            criteria__0__include_descendants="no",
        ).follow()
        assert "the owner is the location “Clinic 1” or a worker assigned to it" in shown.text
        (rule,) = session.query(Rule).filter_by(project_id=project.id).all()
        again = officer.get(f"/a/{project.name}/rules/{rule.rule_id}/edit")
        held = again.form("rule-form")
        assert held.value("criteria-0-location") == "Clinic 1 (clinic-1)"
        assert held.value("criteria-0-include_descendants") == "no"
        same = press(again, "Save", name="Renamed").follow()
        assert "the location “Clinic 1”" in same.text

    def test_offers_locations(self, officer: PageClient, project: Project, clinic: Location):
        page = press(officer.get(f"/a/{project.name}/rules/new"), ADD + "Owner/location")
        follows = page.one("//*[@id='criteria-0-location']").get("hx-post")
        typed = {"typing": "criteria-0-location", "criteria-0-location": "clin"}
        answer = post(officer, follows, 200, **typed)
        assert answer.document.xpath("//datalist[@id='location-names']/option/@value") == [
            "Clinic 1 (clinic-1)"
        ]


def test_a_new_owner_is_typed_by_name_and_one_that_is_nobody_is_pointed_out(
    session: Session, officer: PageClient, project: Project, team: Group
):
    page = press(officer.get(f"/a/{project.name}/rules/new"), "Add an update")
    said = {"name": "R", "case_type": "patient", "match": "every_case"}
    given = {"actions__0__property": "owner_id", "actions__0__value": "north team"}
    shown = press(page, "Save as draft", **said, **given).follow()
    assert "No active worker is in the group North Team" in shown.text
    assert f"set owner_id to “{team.group_id}” (North Team)" in shown.text
    wrong = press(page, "Save as draft", **said, **given | {"actions__0__value": "nobody-7"})
    assert "No user, group or location has the id “nobody-7”" in wrong.follow().text
    scene.group(project, "Talk", sharing=False)
    off = press(page, "Save as draft", **said, **given | {"actions__0__value": "talk"})
    assert "Case sharing is off for the group Talk: its cases are on no phone." in off.follow().text


def test_a_rule_says_whose_id_it_sets(officer: PageClient, project: Project, team: Group):
    rule = make_rule(
        project, actions=[{"kind": "set", "property": "owner_id", "value": team.group_id}]
    )
    page = officer.get(f"/a/{project.name}/rules/{rule.rule_id}/")
    assert f"set owner_id to “{team.group_id}” (North Team)" in page.text


def test_a_preview_says_whose_phones_lose_cases_of_a_group(
    session: Session, officer: PageClient, project: Project
):
    team = scene.group(project, "Team", *scene.workers(project, "anc-01", "anc-02"))
    (alone,) = scene.workers(project, "anc-03")
    for case_id, owner in (("a", team.group_id), ("b", team.group_id), ("c", alone.user_id)):
        open_case(session, project.id, case_id, owner_id=owner, status="done")
    rule = make_rule(project)
    page = officer.get(f"/a/{project.name}/rules/{rule.rule_id}/preview")
    assert "2 owners lose cases; most: Team with 2. 3 phones lose cases; most: anc-01 with 2." in (
        page.text
    )
    to_her = [{"kind": "set", "property": "owner_id", "value": alone.user_id}]
    gives = make_rule(project, name="Give", actions=to_her)
    page = officer.get(f"/a/{project.name}/rules/{gives.rule_id}/preview")
    assert "1 owner loses cases: Team, 2. 2 phones lose cases; most: anc-01 with 2." in page.text
    told = f"owner_id: {team.group_id} (Team) becomes {alone.user_id} (anc-03)"
    assert told in page.text
    assert told in page.click("See all 2 cases").text
    place = scene.location(project, "Yala", scene.level(project), alone)
    where = [{"kind": "location", "location": place.location_id, "include_descendants": False}]
    there = make_rule(project, name="There", criteria=where)
    checked = officer.get(f"/a/{project.name}/rules/{there.rule_id}/check?case=c").text
    assert f"{alone.user_id} (anc-03)" in checked
