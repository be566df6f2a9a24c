"""The dictionary as a table: what an export has and an import reads (SPEC U10).

A row is a property; one without a property is its case type.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.database import insert_new
from webapp.dictionary.learn import MOST
from webapp.dictionary.models import CaseType, DataType, Property
from webapp.dictionary.operations import (
    LAST_PLACE,
    OF_PROPERTY,
    OF_TYPE,
    check_name,
    check_type_name,
    describe,
    problems_of,
)
from webapp.dictionary.queries import all_properties, list_case_types
from webapp.errors import Invalid, InvalidEntry
from webapp.exchange.cells import yes_or_no
from webapp.exchange.sheets import read_csv, renamed
from webapp.exchange.write import safe_cell

#: The columns, in the order of an export.
CASE_TYPE, PROPERTY = "case_type", "property"
COLUMNS = (CASE_TYPE, PROPERTY, "label", "group", "description", "data_type", "deprecated", "order")
#: So many rows are read from a file.
MOST_ROWS = 20_000


def rows_of(session: Session, project_id: int) -> Iterator[list[str]]:
    """All of a project's dictionary, type by type. Two queries."""
    properties: dict[str, list[Property]] = {}
    for row in all_properties(session, project_id):
        properties.setdefault(row.case_type, []).append(row)
    for one in list_case_types(session, project_id):
        yield [one.name, "", one.label, "", one.description, "", "", ""]
        for row in properties.get(one.name, []):
            place = "" if row.place is None else str(row.place)
            kind = row.data_type.value if row.data_type else ""
            deprecated = "yes" if row.deprecated else "no"
            said = [row.label, row.group, row.description, kind, deprecated, place]
            yield [one.name, row.name, *said]


def csv_of(rows: Iterable[Sequence[str]]) -> str:
    """Rows as a file that no spreadsheet runs, and that can be imported."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    return file.getvalue()


@dataclass(frozen=True, slots=True)
class Change:
    """What a row of a file changes: `name` is "" for a case type; `row` is what is there, None for
    one that is added; `before` and `said` are the values that differ."""

    line: int
    case_type: str
    name: str
    said: Mapping[str, Any]
    before: Mapping[str, Any]
    row: CaseType | Property | None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be taken."""

    line: int
    message: str


@dataclass(slots=True)
class Plan:
    """What an import would do. With faults it does nothing."""

    changes: list[Change] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unchanged: int = 0

    @property
    def added(self) -> int:
        """How many types and properties are new."""
        return sum(change.row is None for change in self.changes)


def plan_import(session: Session, project_id: int, text: str) -> Plan:
    """What the rows of a CSV file would change; a column that is not there changes nothing.
    Two queries. Raises `Invalid` for a file that is no such table."""
    plan = _Planning(session, project_id)
    table = renamed(read_csv(text, most_rows=MOST_ROWS), str.lower)
    _check_head(table.head)
    for line, row in table.named():
        try:
            plan.take(line, row)
        except InvalidEntry as error:
            plan.made.faults.append(Fault(line, error.message))
    return plan.made


def carry_out(session: Session, project_id: int, plan: Plan, *, by: Actor) -> int:
    """Do what a plan says that was made in this transaction, and has no faults. How many types and
    properties it added: what a form has brought since the plan was made is described only."""
    added = _add(session, project_id, [one for one in plan.changes if one.row is None])
    there = _there(session, project_id)
    for change in plan.changes:
        key = change.case_type, change.name
        if change.name:
            tag = Tag.PROPERTY_ADD if key in added else Tag.PROPERTY_SET
        else:
            tag = Tag.CASE_TYPE_ADD if key in added else Tag.CASE_TYPE_SET
        describe(session, there[key], change.said, tag, by)
    record(
        session,
        project_id=project_id,
        tag=Tag.DICTIONARY_IMPORT,
        subject="dictionary:all",
        by=by,
        after={"added": len(added), "changed": len(plan.changes) - len(added)},
    )
    return len(added)


def _add(session: Session, project_id: int, new: Sequence[Change]) -> set[tuple[str, str]]:
    """Add types and properties, in the order in which forms do (`webapp.dictionary.learn`): two
    that wait for each other would wait for ever. Which of them were not there. Two statements."""
    types = [
        {"project_id": project_id, "name": name}
        for name in sorted(one.case_type for one in new if not one.name)
    ]
    properties = [
        {"project_id": project_id, "case_type": case_type, "name": name}
        for case_type, name in sorted((one.case_type, one.name) for one in new if one.name)
    ]
    added = {(row.name, "") for row in insert_new(session, CaseType, types, returning=("name",))}
    made = insert_new(session, Property, properties, returning=("case_type", "name"))
    return added | {(row.case_type, row.name) for row in made}


def _there(session: Session, project_id: int) -> dict[tuple[str, str], CaseType | Property]:
    """The rows of a project by type and name, which is "" for a type itself. Two queries."""
    return {(one.name, ""): one for one in list_case_types(session, project_id)} | {
        (one.case_type, one.name): one for one in all_properties(session, project_id)
    }


class _Planning:
    """A plan that is being made, row by row."""

    def __init__(self, session: Session, project_id: int) -> None:
        self.made = Plan()
        self._types = {one.name: one for one in list_case_types(session, project_id)}
        self._properties = {
            (one.case_type, one.name): one for one in all_properties(session, project_id)
        }
        self._new_types: set[str] = set()
        self._counts: dict[str, int] = {}
        for case_type, _name in self._properties:
            self._counts[case_type] = self._counts.get(case_type, 0) + 1
        self._seen: dict[tuple[str, str], int] = {}

    def take(self, line: int, row: Mapping[str, str]) -> None:
        """Plan what a row says. Raises `InvalidEntry`."""
        case_type, name = row[CASE_TYPE], row[PROPERTY]
        if case_type not in self._types:
            check_type_name(case_type)
        first = self._seen.setdefault((case_type, name), line)
        if first != line:
            raise InvalidEntry(PROPERTY, _("The same stands in line %(line)s.", line=first))
        there: CaseType | Property | None
        if name:
            there, said = self._properties.get((case_type, name)), _said(row)
        else:
            there = self._types.get(case_type)
            said = {key: row[key].strip() for key in OF_TYPE if key in row}
        for field_name, sentence in problems_of(said).items():
            raise InvalidEntry(field_name, f"{field_name}: {sentence}")
        if there is None and name:
            self._check_new(case_type, name)
        if case_type not in self._types and case_type not in self._new_types:
            self._new_types.add(case_type)
            if name:
                self.made.changes.append(Change(line, case_type, "", {}, {}, None))
        if there is None and not name and self._is_made(case_type):
            raise InvalidEntry(
                PROPERTY, _("The row of a case type must stand before its properties.")
            )
        before = {} if there is None else {key: getattr(there, key) for key in said}
        differs = {key: value for key, value in said.items() if value != before.get(key)}
        if there is not None and not differs:
            self.made.unchanged += 1
            return
        said = said if there is None else differs
        before = {key: before[key] for key in said if key in before}
        self.made.changes.append(Change(line, case_type, name, said, before, there))

    def _is_made(self, case_type: str) -> bool:
        return any(one.case_type == case_type and not one.name for one in self.made.changes)

    def _check_new(self, case_type: str, name: str) -> None:
        check_name(name)
        count = self._counts[case_type] = self._counts.get(case_type, 0) + 1
        if count > MOST:
            raise InvalidEntry(
                PROPERTY, _("A case type has at most %(most)s properties.", most=MOST)
            )


def _check_head(head: Sequence[str]) -> None:
    unknown = [name for name in head if name and name not in COLUMNS]
    if CASE_TYPE not in head or PROPERTY not in head:
        raise Invalid(
            _(
                "The first line must name the columns, among them “case_type” and “property”. An"
                " export shows how."
            )
        )
    if unknown:
        raise Invalid(
            _(
                "The columns are %(columns)s, each at most once; “%(unknown)s” is none of them.",
                columns=", ".join(COLUMNS),
                unknown=unknown[0],
            )
        )


def _said(row: Mapping[str, str]) -> dict[str, Any]:
    """What a row says of a property, read. Raises `InvalidEntry`."""
    said: dict[str, Any] = {key: row[key].strip() for key in OF_PROPERTY if key in row}
    if "data_type" in said:
        said["data_type"] = _data_type(said["data_type"])
    if "deprecated" in said:
        said["deprecated"] = _yes_or_no(said["deprecated"])
    if "order" in row:
        said["place"] = _place(row["order"].strip())
    return said


def _data_type(text: str) -> DataType | None:
    if not text:
        return None
    for one in DataType:
        if text.lower() in {one.value, str(one.label).lower()}:
            return one
    raise InvalidEntry(
        "data_type",
        _(
            "data_type: “%(text)s” is none of %(known)s.",
            text=text[:60],
            known=", ".join(one.value for one in DataType),
        ),
    )


def _yes_or_no(text: str) -> bool:
    said = yes_or_no(text) if text else False
    if said is None:
        raise InvalidEntry("deprecated", _("deprecated: write “yes” or “no”."))
    return said


def _place(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LAST_PLACE))):
        raise InvalidEntry("place", _("order: write a whole number from 1 to 1,000,000."))
    return int(text)
