"""What is left in the tables of a project, told so that two projects can be compared.

Keys become public ids, ticks their rank: what must differ is gone, what must not is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.rules.worlds import CaseRow
from webapp.cases.models import Case, CaseIndex, CaseTransaction
from webapp.clock import iso
from webapp.database import write_transaction
from webapp.dictionary.models import CaseType, FormType
from webapp.projects.models import Project
from webapp.submissions.archive import archive
from webapp.submissions.blocks import CaseBlock, IndexChange
from webapp.submissions.models import Submission, SubmissionXml
from webapp.submissions.receive import Arrival, Sender, read, receive
from webapp.submissions.render import render_case_form

#: What only a run has, or only a form that came from outside.
OF_RUNS = ("run_id", "rule_key", "run_place", "run_part")


def send_world(session: Session, project: Project, rows: Sequence[CaseRow]) -> list[int]:
    """The same cases as `worlds.make_world`, but sent as forms; returns their keys in that order.
    A case's id is its number in the list."""
    deleted = [number for number, row in enumerate(rows) if row.deleted]
    others = [number for number, row in enumerate(rows) if not row.deleted]
    closed = [number for number in others if rows[number].closed]
    # Rows first, for the indexes point in circles.
    send_blocks(session, project, [CaseBlock(str(number)) for number in deleted], "deleted")
    send_blocks(session, project, [_opens(number, rows[number]) for number in others], "opens")
    send_blocks(
        session,
        project,
        [CaseBlock(str(n), user="worker-1", date_modified=5, closes=True) for n in closed],
        "closes",
    )
    if deleted:
        with write_transaction() as write:
            archive(write, project.id, "deleted", by=actor())
    keys = dict(
        session.execute(select(Case.case_id, Case.id).where(Case.project_id == project.id)).all()
    )
    return [keys[str(number)] for number in range(len(rows))]


def _opens(number: int, row: CaseRow) -> CaseBlock:
    return CaseBlock(
        str(number),
        user="worker-1",
        date_modified=row.modified_on,
        date_opened=row.opened_on,
        given={
            "case_type": row.type,
            "case_name": row.name,
            "owner_id": row.owner_id,
            "external_id": row.external_id,
        },
        properties=dict(row.properties),
        indices=tuple(
            IndexChange(identifier, str(target), "patient", relationship)
            for identifier, (target, relationship) in row.indices.items()
            if str(target) != str(number)  # a form may not point a case to itself
        ),
    )


def send_blocks(
    session: Session, project: Project, blocks: Sequence[CaseBlock], instance_id: str
) -> None:
    """Receive a form with these blocks; none without any."""
    if not blocks:
        return
    xml = render_case_form(
        xmlns="http://example.org/world",
        name="World",
        instance_id=instance_id,
        user_id="worker-1",
        username="worker one",
        device_id=None,
        time=1,
        blocks=blocks,
    )
    with write_transaction():
        received = receive(session, project.id, Arrival(read(xml), Sender("worker-1", "one")))
    assert received.outcome == "processed", received.problem


def send_one_by_one(session: Session, project: Project, forms: Iterable[bytes]) -> None:
    """Receive forms as the server's own, in order."""
    for xml in forms:
        with write_transaction():
            received = receive(session, project.id, Arrival(read(xml), own=True))
        assert received.outcome == "processed", received.problem


def same_but_for_keys(session: Session, one: Project, other: Project) -> None:
    """Hold what is left in two projects against each other to the microsecond: for a clock that
    stands still. The cases of a form share out its ticks in the order of their keys, which may
    differ."""
    left = []
    for project in (one, other):
        left.append(tables(session, project))
        cases = [json.loads(row) for row in left[-1]["cases"]]
        left[-1]["cases"] = [case | {"indexed_on": None} for case in cases]
    for table, rows in left[0].items():
        assert rows == left[1][table], table


def tables(session: Session, project: Project, started_on: int | None = None) -> dict[str, Any]:
    """All that forms leave in the tables of a project. `started_on` is the time in its rule's
    forms; without it, times are told as they are."""
    session.rollback()
    case_rows = _rows(session, Case, project)
    forms = _rows(session, Submission, project)
    indices = _rows(session, CaseIndex, project)
    transactions = _rows(session, CaseTransaction, project)
    cases = {row["id"]: row["case_id"] for row in case_rows}
    ticks = sorted(
        {form[name] for form in forms for name in ("received_on", "indexed_on")}
        | {row["indexed_on"] for row in case_rows}
    )
    if started_on is None:
        ranks, texts, today = {}, {}, "no day"
    else:
        ranks = {tick: f"tick {rank}" for rank, tick in enumerate(ticks)} | {started_on: "start"}
        texts = {iso(tick): "an instant" for tick in ticks}
        today = iso(started_on)[:11]
    devices = {form["device_id"]: "the rule" for form in forms if form["own"]}
    places = {form["id"]: ranks.get(form["received_on"], form["received_on"]) for form in forms}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: cases[one] if key == "target" else plain(one) for key, one in value.items()
            }
        if isinstance(value, str):
            # Copied from another project's case, where it stands for the same.
            return texts.get(value, "an instant" if value.startswith(today) else value)
        return ranks.get(value, value) if isinstance(value, int) and value > 1e9 else value

    def rows(found: list[dict[str, Any]], without: Sequence[str], **keys: Any) -> list[str]:
        told = [
            {
                name: keys[name].get(value, value) if name in keys else plain(value)
                for name, value in row.items()
                if name not in ("id", "project_id", *without)
            }
            for row in found
        ]
        return sorted(json.dumps(row, sort_keys=True) for row in told)

    return {
        "cases": rows(case_rows, ()),
        "case_index": rows(indices, (), case=cases, target=cases),
        "case_transaction": rows(transactions, (), case=cases, submission=places),
        "submission": rows(forms, ("submission_id", *OF_RUNS), device_id=devices, of=places),
        "case_type": rows(_rows(session, CaseType, project), ()),
        "form_type": rows(_rows(session, FormType, project), ("name",)),
    }


def stored_xml(session: Session, project: Project) -> int:
    """How many forms have their XML in the database."""
    return len(_rows(session, SubmissionXml, project))


def _rows(session: Session, table: Any, project: Project) -> list[dict[str, Any]]:
    found = session.execute(
        select(table.__table__).where(table.project_id == project.id)
    ).mappings()
    return [dict(row) for row in found]
