"""What a rule may say, but may not be meant, is said before it acts (SPEC R31)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import open_case
from tests.history.statements import counted
from tests.rules.running import CLOSES, child, copies, equals, rule_that, sets
from tests.rules.worlds import CaseRow, make_world
from webapp.database import write_transaction
from webapp.dictionary.learn import learn_properties
from webapp.dictionary.models import CaseType
from webapp.projects.models import Project
from webapp.rules import warnings
from webapp.rules.definition import Definition
from webapp.rules.queries import definition_of
from webapp.rules.warnings import warnings_about


@pytest.fixture
def patients(session: Session, project: Project) -> Project:
    """A project with two patients, one of whom is due, and a visit to her."""
    open_case(session, project.id, "ada", edd="2026-05-01", Village="North")
    open_case(session, project.id, "bea", village="South")
    child(session, project, "visit", "ada", muac="11")
    return project


def warned(session: Session, project: Project, rule: Definition) -> list[str]:
    return warnings_about(session, project.id, rule)


def test_a_name_and_a_type(session: Session, project: Project):
    rule = factories.rule(project, name="twin")
    definition = definition_of(session, rule)
    known = warnings_about(session, project.id, definition, rule_id=rule.rule_id)
    assert known == ["No form has used the case type “patient” yet."]
    assert "Another rule is called “twin” too." in warned(session, project, definition)
    with write_transaction():
        session.add(CaseType(project_id=project.id, name="patient"))
    assert warnings_about(session, project.id, definition, rule_id=rule.rule_id) == []


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("eddd", "edd"),
        ("EDD", "edd"),
        ("vilage", "village"),
        ("owner-id", "owner_id"),
        ("edd_as_text", "edd"),
    ],
)
def test_a_property_that_no_open_case_has(
    session: Session, patients: Project, name: str, likely: str
):
    sentence = f"No open case of type “patient” has a property “{name}”. Did you mean “{likely}”?"
    for rule in (rule_that(CLOSES, where=equals(name, "x")), rule_that(copies("new", name))):
        assert warned(session, patients, rule) == [sentence]


def test_one_that_is_like_no_other(session: Session, patients: Project):
    rule = rule_that(CLOSES, where=equals("outcome", "x"))
    assert warned(session, patients, rule) == [
        "No open case of type “patient” has a property “outcome”."
    ]


def test_a_property_of_the_cases_that_are_led_to(session: Session, patients: Project):
    def of(name: str) -> list[str]:
        rule = rule_that(CLOSES, where=equals(name, "x"), case_type="visit")
        return warned(session, patients, rule)

    nothing = "No open case of type “visit” leads to a case with a property “{}”."
    assert of("parent/edd") == []
    assert of("parent/eddd") == [nothing.format("parent/eddd") + " Did you mean “parent/edd”?"]
    assert of("host/edd") == [nothing.format("host/edd")]
    assert of("parent/muac") == [nothing.format("parent/muac")]


def test_what_is_there_is_not_warned_about(session: Session, patients: Project):
    for rule in (
        rule_that(CLOSES, where=equals("edd", "x")),
        rule_that(copies("new", "Village")),
        rule_that(CLOSES, where=equals("owner_id", "x")),
        rule_that(CLOSES, where=equals("date_opened", "x")),
        # It comes to be when the rule runs.
        rule_that(sets("flag", "yes"), where=equals("flag", "")),
        rule_that(CLOSES),
    ):
        assert warned(session, patients, rule) == []


def test_without_open_cases_nothing_is_said_of_properties(session: Session, project: Project):
    rule = rule_that(CLOSES, where=equals("eddd", "x"))
    assert warned(session, project, rule) == ["No form has used the case type “patient” yet."]


def test_one_case_among_many_is_found(
    session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(warnings, "SAMPLE", 2)
    rows = [CaseRow({"edd": "x"}) for _ in range(9)]
    rows[5] = CaseRow({"eddd": "x"}, indices={"parent": (5, "child")})
    rows[6] = CaseRow({"edda": "x"}, closed=True)
    make_world(session, project.id, rows)
    for name in ("eddd", "parent/eddd"):
        found = warned(session, project, rule_that(CLOSES, where=equals(name, "x")))
        assert found == ["No form has used the case type “patient” yet."]
    found = warned(session, project, rule_that(CLOSES, where=equals("edda", "x")))
    assert found[1:] == [
        "No open case of type “patient” has a property “edda”. Did you mean “edd”?"
    ]


def test_what_is_not_found_out_in_time_is_not_said(
    session: Session, patients: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(warnings, "LIMIT_S", 0)
    assert warned(session, patients, rule_that(CLOSES, where=equals("eddd", "x"))) == []


def test_of_two_thousand_names_the_dictionary_is_read_once(
    app: Flask, session: Session, patients: Project
):
    names = {f"question_{number:04}_of_the_visit" for number in range(1990)}
    with write_transaction():
        learn_properties(session, patients.id, {"patient": names})
    asked = ("qestion_0077_of_the_visit", "question_0088_of_the_visit", "vilage", "Edd_")
    criteria = tuple(equals(name, "x") for name in asked)
    rule = replace(rule_that(CLOSES, where=criteria[0]), criteria=criteria)
    with counted(app) as found:
        said = warned(session, patients, rule)
    assert sum("case_property" in one for one in found) == 1
    nothing = "No open case of type “patient” has a property “{}”."
    meant = ("question_0077_of_the_visit", None, "village", "edd")
    assert said == [
        nothing.format(name) + (f" Did you mean “{likely}”?" if likely else "")
        for name, likely in zip(asked, meant, strict=True)
    ]
