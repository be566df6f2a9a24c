"""Applying a run to a whole chunk of its plan in a few statements: the fast way.

Only for rules that write to the matched case alone and cannot meet a value that does not fit, and
for chunks of which nothing was changed since the plan. It leaves the tables exactly as
`webapp.rules.apply_cases` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Text,
    Update,
    bindparam,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseTransaction
from webapp.clock import take_ticks
from webapp.database import find_by_key
from webapp.people.kinds import SYSTEM
from webapp.rules.apply_cases import Done
from webapp.rules.chunk_rows import FIRST, FormRows, PlannedRows, rows_on
from webapp.rules.compile import can_fail
from webapp.rules.definition import Copy, Definition
from webapp.rules.family import value_of
from webapp.rules.json_text import (
    AsJson,
    Digits,
    Members,
    Merged,
    Quoted,
    fixed,
    joined,
    list_item,
    member,
    nested,
    object_of,
    where,
)
from webapp.rules.orders import Orders
from webapp.rules.view import Path, paths_read
from webapp.rules.write_forms import columns_of
from webapp.submissions.ids import FreshId
from webapp.submissions.models import Submission


class NotSimple(Exception):  # no error: it is done the other way
    """Something was changed since the plan, so the cases must be looked at one by one."""


def is_simple(definition: Definition) -> bool:
    """Whether a rule can be applied this way."""
    return not definition.touches_others and not can_fail(definition)


@dataclass(frozen=True, slots=True)
class _Write:
    """A value that is written: its attribute or the name of its property, what is there, the value,
    as a member of an object, and whether it would be another one (NULL: not)."""

    attribute: str | None
    name: str
    present: ColumnElement[Any]
    value: ColumnElement[Any]
    member: Members
    differs: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Held:
    """A chunk whose cases are locked: its first place, and how many there are."""

    first: int
    count: int

    @property
    def values(self) -> dict[str, int]:
        """What statements over it take."""
        return {"first": self.first, "count": self.count}


class ChunkStatements:
    """The statements of one run, put together once; their values are the rows of a chunk."""

    def __init__(self, orders: Orders, dialect: str) -> None:
        self._orders = orders
        self._planned: PlannedRows = rows_on(dialect, orders)
        self._latest = self._planned.latest(_prefixes(orders.definition))
        self._forms: FormRows = self._planned.forms(self._inserting_submissions())
        self._written = _writes(orders.definition, self._forms.copies)
        self._writing = self._forms.writing(self._inserting_transactions(), self._updating_cases())

    def hold(self, session: Session, first: int, end: int) -> Held:
        """Lock the cases of places, and what their match was based on, in the order of their keys.
        Raises `NotSimple` when something may have been changed since the plan."""
        find_by_key(session)
        held = Held(first, end - first)
        latest = session.connection().execute(self._latest, held.values).one()
        if any(tick is not None and tick > self._orders.planned_on for tick in latest):
            raise NotSimple
        return held

    def apply(self, session: Session, held: Held) -> Done:
        """Apply the rule to a chunk that is held: takes the ticks, then only writes."""
        tick = take_ticks(session, self._orders.project_id, held.count)
        connection = session.connection()
        changed = 0
        for statement in self._writing:
            changed = connection.execute(statement, {**held.values, "tick": tick}).rowcount
        return Done(
            rows=held.count,
            changed=changed,
            closed=changed if self._orders.definition.closes else 0,
            submissions=changed,
            unchanged=held.count - changed,
        )

    def _inserting_submissions(self) -> Insert:
        common = columns_of(self._orders)
        place = self._planned.place
        # Where a row makes no form, its tick is left out.
        arrival = bindparam("tick", type_=_BIG) + place - FIRST
        columns = {
            **{name: literal(value, _type(name)) for name, value in common.items()},
            "submission_id": FreshId(arrival),
            "run_place": place,
            "run_part": literal(0, Submission.run_part.type),
            "received_on": arrival,
            "indexed_on": arrival,
        }
        rows = self._planned.with_cases(select(*columns.values())).order_by(place)
        definition = self._orders.definition
        if not definition.closes:
            writes = _writes(definition, self._planned.copies)
            rows = rows.where(or_(*(one.differs for one in writes)))
        return insert(Submission.__table__).from_select([*columns], rows)  # type: ignore[arg-type]

    def _inserting_transactions(self) -> Insert:
        columns = {
            "project_id": literal(self._orders.project_id, Submission.project_id.type),
            "case": Case.id,
            "submission": self._forms.form,
            "change": AsJson(self._change()),
            "before": AsJson(self._before()),
        }
        rows = self._forms.with_cases(select(*columns.values()))
        return insert(CaseTransaction.__table__).from_select([*columns], rows)  # type: ignore[arg-type]

    def _updating_cases(self) -> Update:
        started_on, tick = self._orders.started_on, self._forms.tick
        values: dict[str, Any] = {
            one.attribute: one.value for one in self._written if one.attribute
        }
        properties = self._properties()
        if properties:
            members = joined(where(one.differs, one.member) for one in properties)
            values["properties"] = Merged(Case.properties, object_of(members))
        if self._orders.definition.closes:
            values |= {"closed": True, "closed_on": started_on, "closed_by": SYSTEM}
        values |= {
            "modified_on": _later(Case.modified_on, literal(started_on, Case.modified_on.type)),
            "modified_by": SYSTEM,
            "server_modified_on": _later(Case.server_modified_on, tick),
            "indexed_on": tick,
        }
        return (
            update(Case.__table__)  # type: ignore[arg-type]  # a Table, as its class says
            .values(values)
            .where(*self._forms.is_case())
        )

    def _change(self) -> ColumnElement[Any]:
        """As `webapp.cases.apply.change_to_json` has it."""
        return object_of(
            joined(
                [
                    fixed("user", SYSTEM),
                    fixed("opener", SYSTEM),
                    fixed("date_modified", self._orders.started_on),
                    member("arrived_on", Digits(self._forms.tick)),
                    fixed("owner_if_new", SYSTEM),
                    nested("given", [(one.differs, one.member) for one in self._attributes()]),
                    nested("properties", [(one.differs, one.member) for one in self._properties()]),
                    *([fixed("closes", value=True)] if self._orders.definition.closes else []),
                ]
            )
        )

    def _before(self) -> ColumnElement[Any]:
        """As `webapp.cases.apply.difference` has it."""
        started_on, tick = self._orders.started_on, self._forms.tick
        members = [
            where(one.differs, member(one.attribute or "", Quoted(one.present)))
            for one in self._attributes()
        ]
        members += [
            _overwritten("modified_on", Case.modified_on, literal(started_on, _BIG)),
            where(Case.modified_by != SYSTEM, member("modified_by", Quoted(Case.modified_by))),
            _overwritten("server_modified_on", Case.server_modified_on, tick),
        ]
        if self._orders.definition.closes:
            members += [
                # It matched, and nothing has changed it since: it is open.
                fixed("closed", value=False),
                where(
                    Case.closed_on.is_distinct_from(started_on),
                    member("closed_on", Digits(Case.closed_on)),
                ),
                where(Case.closed_by != SYSTEM, member("closed_by", Quoted(Case.closed_by))),
            ]
        members.append(
            nested(
                "properties",
                [
                    (one.differs, member(one.name, Quoted(one.present)))
                    for one in self._properties()
                ],
            )
        )
        return object_of(joined(members))

    def _attributes(self) -> list[_Write]:
        return [one for one in self._written if one.attribute]

    def _properties(self) -> list[_Write]:
        return [one for one in self._written if not one.attribute]


_BIG = Case.modified_on.type


def _writes(definition: Definition, copies: ColumnElement[Any]) -> list[_Write]:
    writes = []
    copied = 0
    for action in definition.updates:
        attribute, name = action.property.attribute, action.property.name
        present = value_of(Case, action.property)
        value: ColumnElement[Any]
        if isinstance(action, Copy):
            value = list_item(copies, copied)
            as_member = member(name, Quoted(value))
            copied += 1
        else:
            value = literal(action.value, Text())
            as_member = fixed(attribute or name, action.value)
        # The empty text on a missing property is no change (R9).
        differs = func.coalesce(present, "") != value
        writes.append(_Write(attribute, name, present, value, as_member, differs))
    return writes


def _prefixes(definition: Definition) -> list[Path]:
    """All paths that lead to a case which a match or a value was based on."""
    read = paths_read(definition)
    return sorted({path[:length] for path in read for length in range(1, len(path) + 1)})


def _later(one: ColumnElement[Any] | Any, other: ColumnElement[Any] | Any) -> ColumnElement[Any]:
    return case((one > other, one), else_=other)


def _overwritten(name: str, present: Any, value: Any) -> Members:
    """What an instant was before a later one took its place."""
    return where(or_(present.is_(None), present < value), member(name, Digits(present)))


def _type(column: str) -> Any:
    return Submission.__table__.c[column].type
