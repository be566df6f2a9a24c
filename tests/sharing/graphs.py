"""Cases that point to each other, small enough to be drawn; and which of them a phone has, found
out slowly (SPEC P2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from tests.factories import unique
from webapp.cases.models import Case, CaseIndex
from webapp.clock import take_ticks
from webapp.database import write_transaction
from webapp.projects.models import Project


@dataclass(frozen=True)
class Node:
    """A case; `points` are (target, relationship), in the order of their identifiers."""

    owner: str = "somebody"
    closed: bool = False
    deleted: bool = False
    points: tuple[tuple[str, str], ...] = ()


Graph = dict[str, Node]


def drawn(
    owned: str = "",
    *,
    closed: str = "",
    deleted: str = "",
    child: str = "",
    extension: str = "",
    others: str = "",
) -> Graph:
    """A graph of cases named by letters. `owned` are the worker's; `child` and `extension` list
    pairs: "ba" makes b the child, or the extension, of a."""
    points: dict[str, list[tuple[str, str]]] = {}
    for relationship, pairs in (("child", child), ("extension", extension)):
        for case, target in pairs.split():
            points.setdefault(case, []).append((target, relationship))
    names = sorted(set((owned + closed + deleted + child + extension + others).replace(" ", "")))
    return {
        name: Node(
            owner="worker" if name in owned else "somebody",
            closed=name in closed,
            deleted=name in deleted,
            points=tuple(points.get(name, ())),
        )
        for name in names
    }


def on_phone(graph: Graph, owners: Collection[str]) -> set[str]:
    """SPEC P2, sentence by sentence."""
    there = {name: node for name, node in graph.items() if not node.deleted}
    hosts, targets = _hosts(there), _targets(there)
    available = {name for name in there if not there[name].closed and not hosts[name]}
    while more := {
        name
        for name in there
        if not there[name].closed and name not in available and hosts[name] & available
    }:
        available |= more
    live = {name for name in available if there[name].owner in owners}
    while more := {target for name in live for target in targets[name]} - live | {
        name for name in there if not there[name].closed and name not in live and hosts[name] & live
    }:
        live |= more
    return live


def _targets(there: Graph) -> dict[str, set[str]]:
    return {
        name: {target for target, _ in node.points if target in there}
        for name, node in there.items()
    }


def _hosts(there: Graph) -> dict[str, set[str]]:
    return {
        name: {
            target
            for target, relationship in node.points
            if relationship == "extension"
            and target in there
            and (target, "child") not in node.points
        }
        for name, node in there.items()
    }


@dataclass
class Stored:
    """A graph in the database: the keys of its cases, and what its owners are called there."""

    keys: dict[str, int]
    owners: dict[str, str] = field(default_factory=dict)

    def names(self, keys: Collection[int]) -> set[str]:
        back = {key: name for name, key in self.keys.items()}
        return {back[key] for key in keys}


def stored(session: Session, project_id: int, graph: Graph) -> Stored:
    """Write a graph as rows, under ids and owners that no other has."""
    owners = {node.owner: unique(node.owner) for node in graph.values()}
    ids = {name: unique(name) for name in graph}
    with write_transaction():
        first = take_ticks(session, project_id, max(1, len(graph)))
        if not graph:
            return Stored({})
        rows = session.execute(
            insert(Case).returning(Case.id, Case.case_id),
            [
                {
                    "project_id": project_id,
                    "case_id": ids[name],
                    "type": "thing",
                    "name": name,
                    "owner_id": owners[node.owner],
                    "closed": node.closed,
                    "deleted": node.deleted,
                    "indexed_on": first + place,
                    "server_modified_on": first + place,
                    "properties": {},
                }
                for place, (name, node) in enumerate(graph.items())
            ],
        ).all()
        by_id = {case_id: key for key, case_id in rows}
        keys = {name: by_id[ids[name]] for name in graph}
        indices = [
            {
                "project_id": project_id,
                "case": keys[name],
                "identifier": f"i{number}",
                "target": keys[target],
                "target_type": "thing",
                "relationship": relationship,
            }
            for name, node in graph.items()
            for number, (target, relationship) in enumerate(node.points)
        ]
        if indices:
            session.execute(insert(CaseIndex), indices)
    return Stored(keys, owners)


def give(session: Session, project: Project, owner: str, to: str) -> None:
    """Let the cases of an owner belong to another."""
    with write_transaction():
        session.execute(
            update(Case)
            .where(Case.project_id == project.id, Case.owner_id == owner)
            .values(owner_id=to)
        )
