"""Cases put straight into the tables, for rules to look at: what counts is what stands there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import insert
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseIndex
from webapp.clock import Micros
from webapp.database import write_transaction

#: 2026-03-01T12:00:00Z.
MOMENT: Micros = 1_772_366_400_000_000


@dataclass
class CaseRow:
    """A case as its row has it; `indices` maps identifier -> (number of the target, relationship)
    within one world."""

    properties: Mapping[str, str] = field(default_factory=dict)
    type: str = "patient"
    name: str = "Ana"
    owner_id: str = "owner-1"
    external_id: str = ""
    closed: bool = False
    deleted: bool = False
    modified_on: Micros | None = MOMENT
    server_modified_on: Micros | None = MOMENT
    opened_on: Micros | None = MOMENT
    closed_on: Micros | None = None
    indices: Mapping[str, tuple[int, str]] = field(default_factory=dict)


_last = [0]


def make_world(session: Session, project_id: int, rows: list[CaseRow]) -> list[int]:
    """Write cases as they are given, and return their keys in that order."""
    with write_transaction():
        connection = session.connection()
        values = []
        for row in rows:
            _last[0] += 1
            values.append(
                {
                    "project_id": project_id,
                    "case_id": f"c-{_last[0]}",
                    "type": row.type,
                    "name": row.name,
                    "owner_id": row.owner_id,
                    "external_id": row.external_id,
                    "opened_on": row.opened_on,
                    "opened_by": "worker-1",
                    "modified_on": row.modified_on,
                    "modified_by": "worker-1",
                    "closed": row.closed,
                    "closed_on": row.closed_on,
                    "closed_by": "worker-1" if row.closed else "",
                    "deleted": row.deleted,
                    "server_modified_on": row.server_modified_on,
                    "indexed_on": MOMENT + _last[0],
                    "properties": dict(row.properties),
                }
            )
        made = connection.execute(
            insert(Case).returning(Case.id, Case.case_id, sort_by_parameter_order=True), values
        )
        keys = [row.id for row in made]
        links = [
            {
                "project_id": project_id,
                "case": key,
                "identifier": identifier,
                "target": keys[target],
                "relationship": relationship,
            }
            for key, row in zip(keys, rows, strict=True)
            for identifier, (target, relationship) in row.indices.items()
        ]
        if links:
            connection.execute(insert(CaseIndex), links)
    return keys
