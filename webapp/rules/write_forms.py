"""The forms of a run as rows: no XML is stored, it is rendered on demand (SPEC R14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from webapp.cases.apply import Change, change_to_json
from webapp.cases.models import CaseTransaction
from webapp.clock import Micros
from webapp.people.kinds import SYSTEM, UserKind
from webapp.rules.orders import Orders
from webapp.submissions.ids import new_id
from webapp.submissions.models import State, Submission
from webapp.submissions.own import RULE_XMLNS


@dataclass(frozen=True, slots=True)
class Form:
    """A form about one case: the case's key, the place in the plan and the part (0 for the case
    that matched), its tick, what it changes and what was there before."""

    key: int
    place: int
    part: int
    tick: Micros
    change: Change
    before: dict[str, Any]


def columns_of(orders: Orders) -> dict[str, Any]:
    """What all submissions of a run have in common."""
    return {
        "project_id": orders.project_id,
        "state": State.NORMAL,
        "xmlns": RULE_XMLNS,
        "name": orders.name,
        "app_id": "",
        "device_id": orders.rule_id,
        "time_start": orders.started_on,
        "time_end": orders.started_on,
        "user_id": SYSTEM,
        "username": SYSTEM,
        "user_kind": UserKind.SYSTEM,
        "sent_by": "",
        "own": True,
        "run_id": orders.run_id,
        "rule_key": orders.rule_key,
    }


def write_forms(session: Session, orders: Orders, forms: Sequence[Form]) -> None:
    """Store forms with their transactions. Two batched statements."""
    if not forms:
        return
    common = columns_of(orders)
    rows = [
        {
            **common,
            "submission_id": new_id(form.tick),
            "run_place": form.place,
            "run_part": form.part,
            "received_on": form.tick,
            "indexed_on": form.tick,
        }
        for form in forms
    ]
    connection = session.connection()
    keys = connection.scalars(
        insert(Submission.__table__).returning(Submission.id, sort_by_parameter_order=True),  # type: ignore[arg-type]  # a Table, as its class says
        rows,
    ).all()
    connection.execute(
        insert(CaseTransaction.__table__),  # type: ignore[arg-type]  # a Table, as its class says
        [
            {
                "project_id": orders.project_id,
                "case": form.key,
                "submission": key,
                "change": change_to_json(form.change),
                "before": form.before,
            }
            for form, key in zip(forms, keys, strict=True)
        ],
    )
