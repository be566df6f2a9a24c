"""Receiving the usual form, a new one about one case, on PostgreSQL: written in one statement that
goes out together with the commit.

From its tick to its commit a transaction keeps all others of the project waiting. What costs time
there is less the database than our own threads: each answer of the server waits until its thread
gets hold of the interpreter again. Here nobody asks us between the two. The tables are left exactly
as `webapp.submissions.apply_form` leaves them (`tests/submissions/test_at_once.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sqlalchemy import BigInteger, Integer, Table, bindparam, func, insert, select, true, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from webapp.cases.apply import ATTRIBUTES, apply, change_to_json, difference
from webapp.cases.models import Case, CaseTransaction
from webapp.cases.store import write_indices
from webapp.clock import TAKE, Micros, wanted_ticks
from webapp.database import write_with_commit
from webapp.submissions.apply_form import hold_cases_of
from webapp.submissions.models import State, Submission, SubmissionXml
from webapp.submissions.parse import ParsedForm
from webapp.submissions.resolve import changes_of

#: Stands for the tick until the database has taken it: later than any that was.
_TO_COME: Micros = 2**62

_FORM = cast(Table, Submission.__table__)
_XML = cast(Table, SubmissionXml.__table__)
_CASE = cast(Table, Case.__table__)
_TRANSACTION = cast(Table, CaseTransaction.__table__)

_GIVEN = [one for one in _FORM.c if one.name not in {"id", "received_on", "indexed_on"}]
_KEPT = [name for name in ATTRIBUTES if name != "server_modified_on"]

_taken = TAKE.cte("taken")
_tick = select(_taken.c.last).scalar_subquery()
_form = (
    insert(_FORM)
    .from_select(
        [*(one.name for one in _GIVEN), "received_on", "indexed_on"],
        select(*(bindparam(f"form_{one.name}", type_=one.type) for one in _GIVEN), _tick, _tick),
    )
    .returning(_FORM.c.id)
    .cte("form")
)
_xml = (
    insert(_XML)
    .from_select(
        ["project_id", "submission", "sha256", "content"],
        select(
            bindparam("of", type_=Integer),
            _form.c.id,
            bindparam("sha256", type_=_XML.c.sha256.type),
            bindparam("content", type_=_XML.c.content.type),
        ),
    )
    .cte("xml")
)
_touch = (
    insert(_TRANSACTION)
    .from_select(
        ["project_id", "case", "submission", "change", "before"],
        select(
            bindparam("of", type_=Integer),
            bindparam("case", type_=BigInteger),
            _form.c.id,
            bindparam("change", type_=JSONB).op("||")(
                func.jsonb_build_object("arrived_on", _taken.c.last)
            ),
            bindparam("before", type_=JSONB),
        ).select_from(_form.join(_taken, true())),
    )
    .cte("touch")
)
_WRITE = (
    update(_CASE)
    .where(_CASE.c.project_id == bindparam("of"), _CASE.c.id == bindparam("case"))
    .values(
        **{name: bindparam(f"case_{name}") for name in _KEPT},
        properties=bindparam("case_properties"),
        server_modified_on=_tick,
        indexed_on=_tick,
    )
    .add_cte(_xml, _touch)
)


def fits(session: Session, form: ParsedForm) -> bool:
    """Whether a form can be written this way: it is about one case and says when that was
    modified, so that nothing but what SQL fills in depends on the tick."""
    return (
        session.get_bind().dialect.name == "postgresql"
        and len(form.blocks) == 1
        and form.blocks[0].date_modified is not None
    )


def write_at_once(
    session: Session,
    row: Submission,
    form: ParsedForm,
    targets: Mapping[str, int],
    owners: Mapping[str, str],
    *,
    xml: bytes,
    sha256: str,
) -> None:
    """What `apply_last` does, with the form's content, for a form that fits. Nobody may read or
    write anything in this transaction afterwards."""
    project_id = row.project_id
    (held,) = hold_cases_of(session, project_id, form)
    keys = {**targets, held.case_id: held.key}
    changes = changes_of(form, user=row.user_id, arrived_on=_TO_COME, keys=keys, owners=owners)
    change = changes[held.key]
    after = apply(held.state, change)
    write_indices(session, project_id, held.key, held.state.indices, after.indices)
    row.state, row.own = State.NORMAL, bool(row.own)
    values = {
        **{f"form_{one.name}": getattr(row, one.name) for one in _GIVEN},
        **{f"case_{name}": getattr(after, name) for name in (*_KEPT, "properties")},
        **wanted_ticks(project_id),
        "sha256": sha256,
        "content": xml,
        "case": held.key,
        "change": change_to_json(change),
        "before": difference(held.state, after),
    }
    write_with_commit(session, _WRITE, values)
