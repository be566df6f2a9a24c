"""The data dictionary on screen, as a person without JavaScript uses it (SPEC U10, U11)."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from webapp.dictionary.models import DataType, Sharing
from webapp.dictionary.queries import get_case_type, get_property
from webapp.errors import TooSlow
from webapp.history import property_use
from webapp.projects.models import Project
from webapp.web.views import dictionary

#: A type and a property may be called anything that a form can say.
ODD, HARD = "import", "vüsit/ 100%?#<b>"


@pytest.fixture
def amina(app: Flask, project: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(project, role="editor"))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/dictionary/"


@pytest.fixture
def patients(session: Session, project: Project) -> Project:
    open_case(session, project.id, "ada", edd="2026-05-01", village=" ")
    open_case(session, project.id, "bea", edd="2026-05-01")
    for number, case_type in enumerate((ODD, HARD)):
        open_case(session, project.id, f"odd-{number}", case_type=case_type, été="1")
    return project


def test_before_the_first_form_it_says_what_will_be_here(amina: PageClient, url: str):
    page = amina.get(url)
    assert page.h1 == "Data dictionary"
    assert "No case type yet" in page.text
    assert page.links()["Data dictionary"] == url


def test_a_property_is_described(session: Session, amina: PageClient, patients: Project, url: str):
    page = amina.get(url)
    assert page.rows("Case types") == [
        [ODD, "", "", "1"],
        ["patient", "", "", "2"],
        [HARD, "", "", "1"],
    ]
    page = page.click("patient")
    assert page.rows("Properties without a group") == [
        ["edd", "", "not set", "2 of 2", ""],
        ["village", "", "not set", "0 of 2", ""],
    ]
    page = page.click("edd")
    wrong = page.form("Save").submit(label="x" * 256, place="soon", data_type="date")
    assert wrong.status == 422
    assert wrong.errors == [
        "At most 255 characters, on one line.",
        "Enter a whole number from 1 to 1,000,000, or nothing.",
    ]
    page = wrong.form("Save").submit(
        label=" Due  date ", group="Birth", place="2", description="Reckoned\r\nby weeks "
    )
    page = page.follow()
    assert page.status_line == "The property is saved."
    assert page.rows("Properties in “Birth”") == [
        ["edd", "Due date", "Date", "2 of 2", "Reckoned by weeks"]
    ]
    page = page.click("edd").form("Save").submit().follow()
    assert page.status_line == "Nothing was changed."
    row = get_property(session, patients.id, "patient", "edd")
    assert (row.description, row.data_type, row.place) == (
        "Reckoned\nby weeks",
        DataType.DATE,
        2,
    )


def test_types_and_properties_are_added_by_hand(amina: PageClient, patients: Project, url: str):
    page = amina.get(url).click("Add a case type")
    for name, sentence in (("", "1 to 255"), ("patient", "already")):
        page = page.form("Add").submit(name=name)
        assert page.status == 422
        assert sentence in page.errors[0]
    page = page.form("Add").submit(name="house", label="Household").follow()
    assert page.h1 == "Properties of “house”"
    assert "No property yet" in page.text
    page = page.click("Edit case type").form("Save").submit(description="Who lives there").follow()
    assert "Who lives there" in page.text
    page = page.click("Add a property")
    for name, sentence in (("a b", "starts with a letter"), ("owner_id", "by itself")):
        page = page.form("Add").submit(name=name)
        assert sentence in page.errors[0]
    page = page.form("Add").submit(name="roof", data_type="choice", deprecated=True).follow()
    assert page.rows("Properties without")[0][:3] == ["roof deprecated", "", "Choice"]
    again = page.click("Add a property").form("Add").submit(name="roof")
    assert "already" in again.errors[0]


def test_whose_new_cases_are_is_said_of_their_type(
    session: Session, amina: PageClient, patients: Project, url: str
):
    """C4."""
    page = amina.get(url).click("patient")
    assert "New cases" not in page.text
    editor = page.click("Edit case type").form("Save")
    page = editor.submit(sharing="shared").follow()
    assert page.status_line == "The case type is saved."
    assert "New cases are shared with the worker's group or location" in page.text
    # Somebody who saw what was there before is asked.
    meanwhile = editor.submit(status=409, sharing="private")
    assert "it is “New cases are shared" in meanwhile.errors[0]
    meanwhile.form("Save").submit(sharing="private").follow()
    assert get_case_type(session, patients.id, "patient").sharing is Sharing.PRIVATE


def test_two_editors_of_a_property_keep_each_others_words(
    app: Flask, session: Session, amina: PageClient, patients: Project, url: str
):
    place = f"{url}types/patient/properties/edd/"
    bea = signed_in(app, factories.web_user(patients, role="editor"))
    hers, his = bea.get(place), amina.get(place)
    text = "By weeks,\nroughly"
    hers.form("Save").submit(description=text, group="Birth", data_type="date").follow()
    saved = his.form("Save").submit(label="Due").follow()
    assert saved.status_line == "The property is saved."
    asked = his.form("Save").submit(status=409, description="Later", deprecated=True)
    assert [one.split(". ")[0] for one in asked.errors] == [
        "Somebody else changed “Description” meanwhile: it is “By weeks, roughly” now"
    ]
    ask = asked.form("Save")
    assert [ask.value(name) for name in ("description", "label", "group")] == [
        *("Later", "Due", "Birth")
    ]
    ask.submit().follow()
    session.rollback()
    row = get_property(session, patients.id, "patient", "edd")
    assert (row.description, row.label, row.group) == ("Later", "Due", "Birth")
    assert (row.data_type, row.deprecated) == (DataType.DATE, True)
    for based_on in ("nonsense", "[]", '{"label": {}}'):
        sent = dict(his.form("Save").entries()) | {"based_on": based_on}
        amina.post(place, sent, status=409)
    edit = bea.get(f"{url}types/patient/edit")
    edit.form("Save").submit(label="Patient").follow()
    assert edit.form("Save").submit(description="Who comes").follow().status == 200
    assert "it is “Patient” now" in edit.form("Save").submit(status=409, label="P").errors[0]


@pytest.mark.parametrize("case_type", [ODD, HARD])
def test_names_may_be_anything(amina: PageClient, patients: Project, url: str, case_type: str):
    page = amina.get(url).click(case_type).click("été")
    page = page.form("Save").submit(label="Summer").follow()
    assert page.rows("Properties without")[0][1] == "Summer"
    assert page.click("Edit case type").form("Save").submit(label="L").follow().status == 200
    amina.get(f"{url}types/nobody/", status=404)
    amina.get(f"{url}types/patient/properties/nobody/", status=404)


def test_who_may_only_look_reads_and_exports(
    app: Flask, patients: Project, project: Project, url: str
):
    vera = signed_in(app, factories.web_user(project, role="viewer"))
    page = vera.get(url)
    assert "Add a case type" not in page.text
    assert "Changing it needs the right “Edit data”." in page.text
    page = page.click("patient")
    assert "Add a property" not in page.text
    assert "edd" not in page.links()
    exported = vera.get(f"{url}export")
    assert exported.headers["Content-Type"].startswith("text/csv")
    assert "patient,edd,,,,,no," in exported.text


def test_a_file_is_looked_at_before_it_is_imported(
    session: Session, amina: PageClient, patients: Project, url: str
):
    page = amina.get(url).click("Import…")
    assert page.form("Look at the file").submit().errors == ["Choose a file that is not empty."]

    def looked_at(raw: bytes):
        return page.form("Look at the file").submit(file=(io.BytesIO(raw), "d.csv"))

    assert "UTF-8" in looked_at("é".encode("latin-1")).errors[0]
    wrong = looked_at(b"case_type,property,data_type\npatient,edd,day\npatient,village,text\n")
    assert wrong.status == 422
    assert wrong.errors == ["1 row of the file cannot be taken."]
    assert wrong.rows("Rows that cannot")[0][0] == "2"
    seen = looked_at("case_type,property,label,data_type\npatient,edd,Fällig,Date\n".encode())
    assert "would add 0 and change 1" in seen.text
    assert seen.rows("What would change") == [
        ["2", "patient", "edd", "Label: empty becomes Fällig Type: empty becomes Date"]
    ]
    assert get_property(session, patients.id, "patient", "edd").label == ""
    done = seen.form("Import what you see").submit().follow()
    assert done.status_line == "The dictionary is imported: 0 added, 1 changed."
    session.rollback()
    assert get_property(session, patients.id, "patient", "edd").label == "Fällig"
    assert "This file changes nothing" in looked_at(b"case_type,property\npatient,edd\n").text


def test_counting_that_takes_too_long_leaves_the_rest(
    amina: PageClient, patients: Project, url: str, monkeypatch: pytest.MonkeyPatch
):
    def slow(*_: object) -> None:
        raise TooSlow("")

    with monkeypatch.context() as patch:
        patch.setattr(property_use, "FIRST", 1)
        patch.setattr(property_use, "SURELY", 0)
        page = amina.get(url).click("patient")
    assert "In how many cases 1 of these properties is filled in was not counted" in page.text
    assert [row[3] for row in page.rows("Properties without")] == ["2 of 2", "not counted"]
    property_use._counted._of.clear()
    monkeypatch.setattr(property_use, "time_limit", slow)
    page = amina.get(url).click("patient")
    assert "it takes too long" in page.text
    assert page.rows("Properties without")[0] == ["edd", "", "not set", ""]
    page = page.click("Count, which may take half a minute")
    assert "Count, which" not in page.text


def test_many_properties_go_by_pages_and_are_found(
    session: Session,
    project: Project,
    amina: PageClient,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(dictionary, "PER_PAGE", 2)
    monkeypatch.setattr(dictionary, "MOST", 5)
    update = dict.fromkeys(("a1", "a2", "b1", "b2", "c1"), "1")
    create = {"case_type": "patient", "case_name": "Ana"}
    send(session, project.id, form(case_block("p", create=create, update=update)))
    page = amina.get(url).click("patient")
    assert "which is the most" in page.text
    page = page.click("Next").click("Next")
    assert [row[0] for row in page.rows("Properties without")] == ["c1"]
    page = page.form("Find a property").submit(find="B")
    assert [row[0] for row in page.rows("Properties without")] == ["b1", "b2"]
    assert "No property fits “zz”" in page.form("Find a property").submit(find="zz").text
    assert amina.get(f"{url}types/patient/?page=99999999999999999999").status == 200
