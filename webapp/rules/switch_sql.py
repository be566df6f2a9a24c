"""Archiving many forms of a run in a few statements: the fast way, for forms that are the last
live ones of their cases. It leaves the tables exactly as `webapp.rules.switch` does.

Such a case goes back to what was there before: that stands in the transaction.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    String,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webapp.audit.models import AuditEvent
from webapp.cases.apply import ATTRIBUTES
from webapp.cases.models import Case, CaseTransaction
from webapp.clock import now, take_ticks
from webapp.columns import JsonObject
from webapp.jobs.models import JobItem
from webapp.rules.switch import HeldForms, Switch
from webapp.submissions.models import State, Submission


def archive_simple(session: Session, switch: Switch, held: HeldForms) -> bool:
    """Archive the forms of a chunk, and say whether that could be done this way."""
    if switch.to is not State.ARCHIVED or held.skipped or not held.ids:
        return False
    if len(set(held.case_of.values())) != switch.end - switch.first:
        return False  # two forms of one case, or none
    if session.get_bind().dialect.name == "postgresql":
        # Statistics of tables that just grew would lead to a scan of all of them.
        session.execute(text("SET LOCAL enable_hashjoin = off"))
        session.execute(text("SET LOCAL enable_mergejoin = off"))
        session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(_locking(switch))
    if session.execute(_not_simple(switch)).first() is not None:
        return False
    first = take_ticks(session, switch.project_id, switch.end - switch.first)
    session.execute(_archiving(switch, first))
    session.execute(_reverting(switch))
    session.execute(_recording(switch))
    return True


def _chunk(rows: Select[Any], switch: Switch, *, form: Any = Submission) -> Select[Any]:
    """From the items of the chunk to their forms, transactions and cases."""
    return (
        rows.select_from(JobItem)
        .join(
            form,
            (form.project_id == JobItem.project_id) & (form.submission_id == JobItem.item),
        )
        .join(
            CaseTransaction,
            (CaseTransaction.project_id == form.project_id)
            & (CaseTransaction.submission == form.id),
        )
        .where(*_places(switch))
    )


def _places(switch: Switch) -> tuple[ColumnElement[bool], ...]:
    return (
        JobItem.project_id == switch.project_id,
        JobItem.job_id == switch.job_id,
        JobItem.place >= switch.first,
        JobItem.place < switch.end,
    )


def _locking(switch: Switch) -> Select[Any]:
    """The cases, in the order of their keys. On SQLite nobody else writes."""
    locked = (
        select(Case.id)
        .where(
            Case.project_id == switch.project_id,
            Case.id.in_(_chunk(select(CaseTransaction.case), switch)),
        )
        .order_by(Case.id)
        .with_for_update(key_share=True)
        .subquery()
    )
    return select(func.count()).select_from(locked)


def _not_simple(switch: Switch) -> Select[Any]:
    """Forms whose case a later live form touched, or whose value from before is not known."""
    other, its = aliased(Submission), aliased(CaseTransaction)
    later = exists().where(
        its.project_id == CaseTransaction.project_id,
        its.case == CaseTransaction.case,
        its.submission != CaseTransaction.submission,
        other.project_id == its.project_id,
        other.id == its.submission,
        other.state == State.NORMAL,
        other.received_on > Submission.received_on,
    )
    before = CaseTransaction.before
    unknown = or_(before.is_(None), JsonHas(before, _key("indices")))
    return _chunk(select(Submission.id), switch).where(or_(later, unknown)).limit(1)


def _archiving(switch: Switch, first: int) -> Any:
    return (
        update(Submission)
        .where(
            *_places(switch),
            Submission.project_id == JobItem.project_id,
            Submission.submission_id == JobItem.item,
        )
        .values(
            state=switch.to,
            indexed_on=literal(first, BigInteger) + JobItem.place - switch.first,
        )
        .execution_options(synchronize_session=False)
    )


def _reverting(switch: Switch) -> Any:
    """The inverse of the changes: `webapp.cases.apply.revert` in SQL."""
    before = CaseTransaction.before
    values: dict[str, Any] = {
        name: case(
            (JsonHas(before, _key(name)), cast(JsonWas(before, _key(name)), _type(name))),
            else_=getattr(Case, name),
        )
        for name in ATTRIBUTES
    }
    values["properties"] = case(
        (JsonHas(before, _key("properties")), WithoutNulls(Case.properties, before)),
        else_=Case.properties,
    )
    return (
        update(Case)
        .where(
            *_places(switch),
            Submission.project_id == JobItem.project_id,
            Submission.submission_id == JobItem.item,
            CaseTransaction.project_id == Submission.project_id,
            CaseTransaction.submission == Submission.id,
            Case.project_id == CaseTransaction.project_id,
            Case.id == CaseTransaction.case,
        )
        .values(**values, indexed_on=Submission.indexed_on)
        .execution_options(synchronize_session=False)
    )


def _recording(switch: Switch) -> Any:
    """An event for each form, as for one that is archived alone."""
    by = switch.by
    columns: dict[str, Any] = {
        "project_id": literal(switch.project_id),
        "at": literal(now(), BigInteger),
        "tag": literal(switch.tag.value),
        "subject": literal("submission:", String) + JobItem.item,
        "actor_id": literal(by.user_id),
        "actor": literal(by.name),
        "source": literal(by.source),
        "reason": literal(switch.reason[:1000] or None, String),
        "after": literal({"cases": 1}, JsonObject),
    }
    rows = select(*columns.values()).where(*_places(switch)).order_by(JobItem.place)
    return insert(AuditEvent).from_select([*columns], rows)


def _type(name: str) -> Any:
    column = getattr(Case, name).type
    return column if isinstance(column, Boolean | BigInteger) else String()


def _key(name: str) -> ColumnElement[str]:
    return literal_column(f"'{name}'", String())


class JsonHas(FunctionElement[bool]):
    """Whether a JSON object has a key: `JsonHas(column, literal)`."""

    type = Boolean()
    inherit_cache = True
    name = "json_has"


class JsonWas(FunctionElement[Any]):
    """The value of a key, NULL where it is null."""

    inherit_cache = True
    name = "json_was"


class WithoutNulls(FunctionElement[Any]):
    """Properties with those of a `before` put back: null means that there was none."""

    type = JsonObject
    inherit_cache = True
    name = "without_nulls"


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]


@compiles(JsonHas, "sqlite")
def _json_has_sqlite(element: JsonHas, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    return f"(json_type({column}, '$.{name[1:-1]}') IS NOT NULL)"


@compiles(JsonHas, "postgresql")
def _json_has_postgresql(element: JsonHas, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    return f"jsonb_exists({column}, {name})"


@compiles(JsonWas, "sqlite")
def _json_was_sqlite(element: JsonWas, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    return f"json_extract({column}, '$.{name[1:-1]}')"


@compiles(JsonWas, "postgresql")
def _json_was_postgresql(element: JsonWas, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    return f"({column} ->> {name})"


@compiles(WithoutNulls, "sqlite")
def _without_nulls_sqlite(element: WithoutNulls, compiler: SQLCompiler, **kw: Any) -> str:
    properties, before = _parts(element, compiler, **kw)
    return f"json_patch({properties}, json_extract({before}, '$.properties'))"


@compiles(WithoutNulls, "postgresql")
def _without_nulls_postgresql(element: WithoutNulls, compiler: SQLCompiler, **kw: Any) -> str:
    properties, before = _parts(element, compiler, **kw)
    return f"jsonb_strip_nulls({properties} || ({before} -> 'properties'))"
