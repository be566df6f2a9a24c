"""What stands under a field for a property, and what it offers (SPEC U3, UX "Typeahead")."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.history.statements import counted
from tests.rules.running import child
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import make_rule, post
from tests.web.signing_in import signed_in
from tests.web.test_weight import ENCODINGS, FIRST_PAGE, FRAGMENT, files_of, weight
from webapp.database import write_transaction
from webapp.dictionary.models import DataType
from webapp.dictionary.operations import set_property
from webapp.history import property_use
from webapp.projects.models import Project

OPENED_ON = "System name: date and time when the case was opened. As a date it is the day in UTC."
FILLED = "Filled in 3 of 4 open cases (75 %)."


@pytest.fixture
def amina(app: Flask, project: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(project, role="editor"))


@pytest.fixture
def patients(session: Session, project: Project) -> Project:
    """Four patients, one with hardly anything, and a visit to one of them."""
    for number, edd in enumerate(("2026-05-01", "soon", "2026-06-01")):
        open_case(
            session, project.id, f"p-{number}", edd=edd, sex="f", phone=f"070{number}", b="<b>"
        )
    open_case(session, project.id, "p-3", sex=" ")
    child(session, project, "visit", "p-0", muac="11")
    said = {"label": "Due date", "data_type": DataType.DATE}
    with write_transaction() as write:
        by = factories.actor()
        set_property(write, project.id, "patient", "edd", said, by=by)
        set_property(write, project.id, "patient", "phone", {"deprecated": True}, by=by)
    return project


def edit(amina: PageClient, project: Project, **changes: Any) -> Page:
    rule = make_rule(project, **changes)
    return amina.get(f"/a/{project.name}/rules/{rule.rule_id}/edit")


def hint(page: Page, field: str) -> str:
    return " ".join(page.one(f"//p[@id='{field}-hint']").text_content().split())


def equals(*names: str) -> list[dict[str, str]]:
    return [
        {"kind": "property", "property": name, "operator": "equals", "value": "x"} for name in names
    ]


def test_what_is_known_stands_under_the_field(amina: PageClient, patients: Project):
    date = {"kind": "date", "property": "edd", "operator": "after"}
    names = ("sex", "phone", "b", "opened_on", "edc", "parent/edd")
    page = edit(amina, patients, criteria=[date, *equals(*names)])
    browse = "Browse properties (opens a new tab)"
    said = [hint(page, f"criteria-{number}-property") for number in range(7)]
    assert said == [
        f"“Due date”. Date. {FILLED} 1 value is no date and never matches. {browse}",
        f"{FILLED} Often: f. {browse}",
        f"Deprecated: it is no longer to be used. {FILLED} {browse}",
        f"{FILLED} Often: <b>. {browse}",
        f"{OPENED_ON} {browse}",
        f"No case of type “patient” has edc. Did you mean edd? {browse}",
        f"No open case of type “patient” leads to a case that has parent/edd. {browse}",
    ]
    about = page.one("//input[@id='criteria-0-property']").get("aria-describedby")
    assert about == "criteria-0-property-hint"
    listed = amina.get(page.links()[browse])
    assert listed.h1 == "Properties of “patient”"
    assert ["edd", "Due date", "Date", "3 of 4", ""] in listed.rows("Properties without a group")


def test_what_can_be_no_name_is_said_at_once(amina: PageClient, patients: Project):
    page = edit(amina, patients, criteria=equals("parent", "sex"))
    assert "Did you mean parent/…?" in hint(page, "criteria-0-property")
    form = page.form("rule-form")
    page = form.submit("Count now", fill={"criteria-0-property": "1bad"})
    assert "name starts with a letter or “_”" in hint(page, "criteria-0-property")


def test_a_property_of_the_parent(amina: PageClient, patients: Project):
    number = {"kind": "number", "property": "parent/edd", "operator": "less_than", "value": "1"}
    page = edit(amina, patients, case_type="visit", criteria=[number])
    assert hint(page, "criteria-0-property").startswith(
        "“Due date”. Date. Of 1 open case, 1 (100 %) leads to one where it is filled in."
        " 1 value is no number and never matches."
    )


def test_an_update_may_make_a_new_property(amina: PageClient, patients: Project):
    updates = [
        {"kind": "set", "property": "sexx", "value": "x"},
        {"kind": "copy", "property": "due", "from": "edd"},
        {"kind": "set", "property": "external_id", "value": "7"},
    ]
    page = edit(amina, patients, actions=updates)
    new = "New property: no case of type “patient” has"
    assert hint(page, "actions-0-property").startswith(f"{new} sexx yet. Did you mean sex?")
    assert hint(page, "actions-1-property").startswith(f"{new} due yet.")
    assert hint(page, "actions-1-source") == f"“Due date”. Date. {FILLED}"
    assert page.one("//p[@id='actions-0-source-hint']").get("hidden") is not None
    assert "A rule cannot" not in hint(page, "actions-2-property")
    page = page.form("rule-form").submit("Count now", fill={"actions-2-property": "case_id"})
    assert "A rule cannot change it." in hint(page, "actions-2-property")


def test_htmx_brings_the_hints_that_are_on_the_page(
    amina: PageClient, patients: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(property_use, "KEPT_TIMES", 0.0)
    page = edit(amina, patients, criteria=equals("edd", "sex"))
    sent = [(name, value) for name, value in page.form("rule-form").entries()]
    address = page.one("//*[@hx-swap='none']").get("hx-post")
    wrong = [("hinted", "criteria-9-property"), ("hinted", "nonsense")]
    without_name = [one for one in sent if one[0] != "criteria-0-property"]
    answer = amina.post(address, MultiDict(wrong + without_name), htmx=True)
    assert answer.document.xpath("//p/@id") == [
        "criteria-0-property-hint",
        "criteria-1-property-hint",
        "actions-0-property-hint",
        "actions-0-source-hint",
    ]
    assert set(answer.document.xpath("//p/@hx-swap-oob")) == {"true"}
    assert hint(answer, "criteria-1-property").startswith(FILLED)
    assert hint(answer, "criteria-0-property").startswith("Browse")


def offered(
    amina: PageClient, project: Project, typed: str, case_type: str = "patient"
) -> list[str]:
    fields = {"case_type": case_type, "typing": "criteria-0-property"}
    address = f"/a/{project.name}/rules/property-names"
    page = post(amina, address, 200, **fields, **{"criteria-0-property": typed})
    return list(page.document.xpath("//datalist[@id='property-names']/option/@value"))


def test_what_is_typed_narrows_what_is_offered(
    session: Session, amina: PageClient, patients: Project
):
    assert offered(amina, patients, "")[:4] == ["b", "edd", "sex", "name"]
    assert offered(amina, patients, "DUE") == ["edd"]
    assert offered(amina, patients, "ed_b") == ["opened_by"]
    assert offered(amina, patients, "parent/") == []
    assert offered(amina, patients, "nobody/") == []
    assert "parent/" in offered(amina, patients, "", "visit")
    assert offered(amina, patients, "parent/e", "visit")[0] == "parent/edd"
    assert "parent/case_id" in offered(amina, patients, "parent/", "visit")


def test_600_properties_and_40_conditions_stay_light(
    app: Flask, session: Session, project: Project, amina: PageClient
):
    names = [f"question_{number:03}_{'w' * 40}" for number in range(600)]
    update = dict.fromkeys(names, "yes")
    for number in range(3):
        create = {"case_type": "patient", "case_name": "Ana"}
        send(session, project.id, form(case_block(f"p-{number}", create=create, update=update)))
    page = edit(amina, project, criteria=equals(*names[:40]))
    assert len(page.document.xpath("//datalist[@id='property-names']/option")) == 50
    fetched = [amina.client.get(url, headers=ENCODINGS) for url in [page.url, *files_of(page)]]
    assert sum(map(weight, fetched)) <= FIRST_PAGE
    sent = [*page.form("rule-form").entries()]
    sent += [("hinted", f"criteria-{number}-property") for number in range(40)]
    for place in ("property-hints", "property-names"):
        with counted(app) as found:
            answer = amina.client.post(
                f"/a/{project.name}/rules/{place}",
                data=MultiDict(sent),
                headers=ENCODINGS | {"HX-Request": "true"},
            )
        assert sum("case_property" in one for one in found) <= 2
        assert answer.status_code == 200
        assert weight(answer) <= FRAGMENT
    shown = edit(amina, project, criteria=equals(*names[:3]))
    assert "Often: yes." in hint(shown, "criteria-2-property")
