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
    Select,
    Text,
    Update,
    any_,
    bindparam,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webapp.cases.models import Case, CaseTransaction
from webapp.clock import take_ticks
from webapp.people.kinds import SYSTEM
from webapp.rules.apply_cases import Done
from webapp.rules.compile import can_fail
from webapp.rules.definition import Copy, Definition
from webapp.rules.family import Family, value_of
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
from webapp.rules.models import RunCase
from webapp.rules.orders import Orders
from webapp.rules.target import target_of
from webapp.rules.view import Path, paths_read
from webapp.rules.write_forms import columns_of
from webapp.submissions.models import Submission


class NotSimple(Exception):  # no error: it is done the other way
    """Something was changed since the plan, so the cases must be looked at one by one."""


def is_simple(definition: Definition) -> bool:
    """Whether a rule can be applied this way."""
    return not definition.touches_others and not can_fail(definition)


class FreshId(FunctionElement[str]):
    """A new id for each row, as `webapp.submissions.place.new_id` gives them: a UUID of version
    4."""

    type = Text()
    name = "fresh_id"
    inherit_cache = True


@compiles(FreshId, "sqlite")
def _fresh_id_sqlite(_element: FreshId, _compiler: SQLCompiler, **_kw: Any) -> str:
    def digits(length: int) -> str:
        return f"lower(hex(randomblob({length})))"

    variant = "substr('89ab', 1 + (random() & 3), 1)"
    return (
        f"({digits(4)} || '-' || {digits(2)} || '-4' || substr({digits(2)}, 2)"
        f" || '-' || {variant} || substr({digits(2)}, 2) || '-' || {digits(6)})"
    )


@compiles(FreshId, "postgresql")
def _fresh_id_postgresql(_element: FreshId, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "CAST(gen_random_uuid() AS TEXT)"


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


class ChunkStatements:
    """The statements of one run, put together once. Their values are the places of a chunk."""

    def __init__(self, orders: Orders, dialect: str) -> None:
        self._orders = orders
        self._dialect = dialect
        self._writes = _writes(orders.definition)
        self._lock = self._locking()
        self._suspicious = self._changed_since()
        self._submissions = self._inserting_submissions()
        self._transactions = self._inserting_transactions()
        self._cases = self._updating_cases()

    def hold(self, session: Session, first: int, end: int) -> None:
        """Lock the cases of places, and what their match was based on, in the order of their keys.
        Raises `NotSimple` when something may have been changed since the plan."""
        connection, places = session.connection(), {"first": first, "end": end}
        if self._lock is not None:
            connection.execute(_PLAIN_PLANS)
            connection.execute(self._lock, places)
        if connection.execute(self._suspicious, places).first() is not None:
            raise NotSimple

    def apply(self, session: Session, first: int, end: int) -> Done:
        """Apply the rule to the places of a chunk that is held: takes the ticks, then only
        writes."""
        count = end - first
        tick = take_ticks(session, self._orders.project_id, count)
        connection, places = session.connection(), {"first": first, "end": end}
        changed = connection.execute(self._submissions, {**places, "tick": tick}).rowcount
        if changed:
            connection.execute(self._transactions, places)
            connection.execute(self._cases, places)
        return Done(
            changed=changed,
            closed=changed if self._orders.definition.closes else 0,
            submissions=changed,
            unchanged=count - changed,
        )

    def _locking(self) -> Select[Any] | None:
        """On PostgreSQL; on SQLite nobody else writes."""
        if self._dialect != "postgresql":
            return None
        keys = self._rows(RunCase.case)
        others = [
            self._rows(target_of(RunCase.project_id, RunCase.case, path))
            for path in _prefixes(self._orders.definition)
        ]
        wanted = keys.union_all(*others) if others else keys
        # As an array, so that nothing is left to be planned wrongly.
        locked = (
            select(Case.id)
            .where(
                Case.project_id == self._orders.project_id,
                Case.id == any_(func.array(wanted.scalar_subquery())),
            )
            .order_by(Case.id)
            .with_for_update(key_share=True)
            .subquery()
        )
        return select(func.count()).select_from(locked)

    def _changed_since(self) -> Select[Any]:
        family, planned_on = Family(self._orders.project_id), self._orders.planned_on
        others = [family.indexed_on(path) for path in _prefixes(self._orders.definition)]
        later = or_(*(one > planned_on for one in (Case.indexed_on, *others)))
        return self._cases_of(select(Case.id)).where(later).limit(1)

    def _inserting_submissions(self) -> Insert:
        common = columns_of(self._orders)
        tick = bindparam("tick", type_=Submission.received_on.type)
        arrival = tick + func.row_number().over(order_by=RunCase.place) - 1
        columns = {
            **{name: literal(value, _type(name)) for name, value in common.items()},
            "submission_id": FreshId(),
            "run_place": RunCase.place,
            "run_part": literal(0, Submission.run_part.type),
            "received_on": arrival,
            "indexed_on": arrival,
        }
        rows = self._cases_of(select(*columns.values()))
        if not self._orders.definition.closes:
            rows = rows.where(or_(*(one.differs for one in self._writes)))
        return (
            insert(Submission.__table__)  # type: ignore[arg-type]  # a Table, as its class says
            .from_select([*columns], rows)
            .execution_options(preserve_rowcount=True)
        )

    def _inserting_transactions(self) -> Insert:
        columns = {
            "project_id": Submission.project_id,
            "case": Case.id,
            "submission": Submission.id,
            "change": AsJson(self._change()),
            "before": AsJson(self._before()),
        }
        rows = self._cases_of(select(*columns.values())).join(Submission, self._is_form())
        return insert(CaseTransaction.__table__).from_select(  # type: ignore[arg-type]
            [*columns], rows.order_by(RunCase.place)
        )

    def _updating_cases(self) -> Update:
        started_on, tick = self._orders.started_on, Submission.received_on
        values: dict[str, Any] = {one.attribute: one.value for one in self._writes if one.attribute}
        properties = [one for one in self._writes if not one.attribute]
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
            .where(
                Case.project_id == self._orders.project_id,
                Case.id == RunCase.case,
                *self._places(),
                self._is_form(),
            )
        )

    def _change(self) -> ColumnElement[Any]:
        """As `webapp.cases.apply.change_to_json` has it."""
        return object_of(
            joined(
                [
                    fixed("user", SYSTEM),
                    fixed("opener", SYSTEM),
                    fixed("date_modified", self._orders.started_on),
                    member("arrived_on", Digits(Submission.received_on)),
                    fixed("owner_if_new", SYSTEM),
                    nested("given", [(one.differs, one.member) for one in self._attributes()]),
                    nested("properties", [(one.differs, one.member) for one in self._properties()]),
                    *([fixed("closes", value=True)] if self._orders.definition.closes else []),
                ]
            )
        )

    def _before(self) -> ColumnElement[Any]:
        """As `webapp.cases.apply.difference` has it."""
        started_on, tick = self._orders.started_on, Submission.received_on
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
        return [one for one in self._writes if one.attribute]

    def _properties(self) -> list[_Write]:
        return [one for one in self._writes if not one.attribute]

    def _rows(self, *columns: Any) -> Select[Any]:
        return select(*columns).select_from(RunCase).where(*self._places())

    def _places(self) -> list[ColumnElement[bool]]:
        return [
            RunCase.project_id == self._orders.project_id,
            RunCase.run == self._orders.run_id,
            RunCase.place >= bindparam("first", type_=RunCase.place.type),
            RunCase.place < bindparam("end", type_=RunCase.place.type),
        ]

    def _cases_of(self, rows: Select[Any]) -> Select[Any]:
        """Columns of the plan's rows and their cases."""
        joined_on = (Case.project_id == RunCase.project_id) & (Case.id == RunCase.case)
        return rows.select_from(RunCase).join(Case, joined_on).where(*self._places())

    def _is_form(self) -> ColumnElement[bool]:
        """The form of a row of the plan."""
        return (
            (Submission.project_id == self._orders.project_id)
            & (Submission.run_id == self._orders.run_id)
            & (Submission.run_place == RunCase.place)
            & (Submission.run_part == 0)
        )


#: The plan is read from its start to its end, and everything else found by its key: whatever the
#: statistics of fresh tables make the planner believe.
_PLAIN_PLANS = text(
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)"
)
_BIG = Case.modified_on.type


def _writes(definition: Definition) -> list[_Write]:
    writes = []
    copied = 0
    for action in definition.updates:
        attribute, name = action.property.attribute, action.property.name
        present = value_of(Case, action.property)
        value: ColumnElement[Any]
        if isinstance(action, Copy):
            value = list_item(RunCase.copies.expression, copied)
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
