"""The dictionary as a file: what goes out comes in again; a row at fault is named (SPEC U10)."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import open_case
from webapp.audit.models import AuditEvent
from webapp.database import insert_new, write_transaction
from webapp.dictionary import operations
from webapp.dictionary.models import DataType, Property
from webapp.dictionary.operations import add_case_type, add_property, set_case_type, set_property
from webapp.dictionary.queries import get_property
from webapp.errors import Invalid, Refused
from webapp.exchange import dictionary_table
from webapp.exchange.dictionary_table import COLUMNS, Fault, Plan, carry_out, plan_import, rows_of
from webapp.exchange.write import safe_cell
from webapp.extensions import Base
from webapp.projects.models import Project

SAID = {
    "label": "=Due date",
    "group": "Pregnancy",
    "description": "As the midwife\nsays it, “roughly”; or not",
    "data_type": DataType.DATE,
    "deprecated": True,
    "place": 3,
}


def text_of(rows: list[list[str]], head: tuple[str, ...] = COLUMNS) -> str:
    """Rows as a file, with the apostrophes that keep spreadsheets from running them."""
    file = io.StringIO()
    csv.writer(file).writerows([[safe_cell(cell) for cell in row] for row in [list(head), *rows]])
    return "\ufeff" + file.getvalue()


def imported(session: Session, project: Project, text: str) -> Plan:
    with write_transaction():
        plan = plan_import(session, project.id, text)
        if not plan.faults:
            carry_out(session, project.id, plan, by=factories.actor())
    return plan


@pytest.fixture
def patients(session: Session, project: Project) -> Project:
    """Patients with a due date, of which people have said all that can be said; and a house."""
    open_case(session, project.id, "ada", edd="2026-05-01", village="North")
    open_case(session, project.id, "house", case_type="house", roof="tin")
    with write_transaction():
        by = factories.actor()
        set_property(session, project.id, "patient", "edd", SAID, by=by)
        set_case_type(session, project.id, "house", {"label": "@Home"}, by=by)
    return project


def test_an_export_changes_nothing_where_it_comes_from_and_all_where_it_does_not(
    session: Session, patients: Project
):
    rows = list(rows_of(session, patients.id))
    assert [row[:2] for row in rows] == [
        ["house", ""],
        ["house", "roof"],
        ["patient", ""],
        ["patient", "edd"],
        ["patient", "village"],
    ]
    same = imported(session, patients, text_of(rows))
    assert (same.changes, same.faults, same.unchanged) == ([], [], 5)
    other = factories.project()
    new = imported(session, other, text_of(rows))
    assert (len(new.changes), new.added, new.faults) == (5, 5, [])
    assert list(rows_of(session, other.id)) == rows
    tags = session.scalars(
        select(AuditEvent.tag).where(AuditEvent.project_id == other.id).order_by(AuditEvent.id)
    ).all()
    assert tags[-6:] == [
        *("case_type.add", "property.add") * 1,
        *("case_type.add", "property.add", "property.add"),
        "dictionary.import",
    ]


def test_only_what_has_a_column_is_changed(session: Session, patients: Project):
    head = ("property", "LABEL ", "case_type")
    plan = imported(session, patients, text_of([["edd", "Due", "patient"]], head))
    (change,) = plan.changes
    assert (change.line, change.before, change.said) == (
        2,
        {"label": "=Due date"},
        {"label": "Due"},
    )
    row = get_property(session, patients.id, "patient", "edd")
    assert {key: getattr(row, key) for key in SAID} == SAID | {"label": "Due"}
    event = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.project_id == patients.id, AuditEvent.tag == "property.set")
        .order_by(AuditEvent.id.desc())
    ).first()
    assert event is not None
    assert (event.subject, event.before, event.after) == (
        "property:patient/edd",
        {"label": "=Due date"},
        {"label": "Due", "names": ["patient", "edd"]},
    )


FAULTS = {
    "patient,name,,,,,,": "Each case has “name” by itself.",
    "patient,2nd,,,,,,": "A property's name starts with a letter",
    "patient,edd,,,,day,,": "data_type: “day” is none of text, date, number, choice",
    "patient,edd,,,,,maybe,": "deprecated: write “yes” or “no”.",
    "patient,edd,,,,,,-1": "order: write a whole number",
    "patient,edd,,,,,,0": "place: The order is a whole number",
    f"patient,edd,{'x' * 256},,,,,": "label: At most 255 characters",
    f"patient,edd,,,{'x' * 2001},,,": "description: At most 2000 characters",
    " new,edd,,,,,,": "A case type has 1 to 255 characters",
    ",edd,,,,,,": "A case type has 1 to 255 characters",
    "house,three,,,,,,\nhouse,four,,,,,,": "A case type has at most 2 properties.",
    "patient,edd,,,,,,\npatient,edd,,,,,,": "The same stands in line 2.",
    "new,x,,,,,,\nnew,,Label,,,,,": "The row of a case type must stand before its properties.",
}


@pytest.mark.parametrize(("rows", "sentence"), FAULTS.items())
def test_a_row_at_fault_is_named_and_nothing_is_imported(
    session: Session,
    patients: Project,
    monkeypatch: pytest.MonkeyPatch,
    rows: str,
    sentence: str,
):
    monkeypatch.setattr(dictionary_table, "MOST", 2)
    before = list(rows_of(session, patients.id))
    plan = imported(session, patients, ",".join(COLUMNS) + f"\n{rows}\n\nhouse,roof,Roof,,,,,\n")
    (fault,) = plan.faults
    assert fault.message.startswith(sentence)
    assert fault == Fault(2 + rows.count("\n"), fault.message)
    assert list(rows_of(session, patients.id)) == before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The first line must name the columns"),
        ("case_type,label\npatient,x", "The first line must name the columns"),
        ("case_type,property,colour\n", "“colour” is none of them"),
        ("case_type,property,property\n", "The column “property” stands twice."),
        ('case_type,property\n"x', "cannot be read as CSV"),
        ("case_type,property\n" + "a,b\n" * 20_001, "too many rows"),
        ("x" * 4_000_001, "too large"),
    ],
)
def test_what_is_no_such_table(session: Session, project: Project, text: str, sentence: str):
    with pytest.raises(Invalid, match=sentence):
        plan_import(session, project.id, text)


def test_people_may_add_what_no_form_has_brought(session: Session, project: Project):
    plan = imported(session, project, "case_type,property,data_type\nhouse,roof,Choice\n")
    assert [(change.case_type, change.name) for change in plan.changes] == [
        ("house", ""),
        ("house", "roof"),
    ]
    assert get_property(session, project.id, "house", "roof").data_type is DataType.CHOICE
    open_case(session, project.id, "house", case_type="house", roof="tin", wall="mud")
    assert session.scalars(
        select(Property.name).where(Property.project_id == project.id).order_by(Property.name)
    ).all() == ["roof", "wall"]


def test_what_a_form_brings_meanwhile_is_no_fault(
    session: Session, patients: Project, monkeypatch: pytest.MonkeyPatch
):
    def faster(session: Session, table: type[Base], rows: Any, **more: Any) -> Any:
        insert_new(session, table, rows)
        return insert_new(session, table, rows, **more)

    for module in (operations, dictionary_table):
        monkeypatch.setattr(module, "insert_new", faster)
    by, here = factories.actor(), patients.id
    with (
        pytest.raises(Refused, match="There is a property “muac” of “patient” already"),
        write_transaction(),
    ):
        add_property(session, here, "patient", "muac", by=by)
    with pytest.raises(Refused, match="There is a case type “visit” already"), write_transaction():
        add_case_type(session, here, "visit", by=by)
    imported(session, patients, "case_type,property,label\nvisit,muac,Arm\n")
    assert get_property(session, here, "visit", "muac").label == "Arm"
    events = session.execute(
        select(AuditEvent.tag, AuditEvent.after)
        .where(AuditEvent.project_id == here)
        .order_by(AuditEvent.id.desc())
    ).all()
    assert [tuple(one) for one in events[:2]] == [
        ("dictionary.import", {"added": 0, "changed": 2}),
        ("property.set", {"label": "Arm", "names": ["visit", "muac"]}),
    ]
