"""Scope costs what the phone carries and not what the project has, also when PostgreSQL knows
nothing of the project yet, and without any counts on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, send
from tests.sharing.graphs import Graph, Node, Stored, give, stored
from tests.sharing.shared import phone_of
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.sharing import restore as restoring
from webapp.sharing.scope import _scope, scope

#: Cases of others, each with an extension; and families of the worker.
OTHERS, OWN = 1500, 20

COMMON = {"chosen", "above", "free", "live", "CONSTANT"}

_READ = text(
    "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))"
    " FROM pg_stat_xact_user_tables WHERE relname IN ('cases', 'case_index')"
)
_READ_IN_ALL = text(
    "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))"
    " FROM pg_stat_xact_user_tables"
)


def crowd(session: Session, project: Project) -> Stored:
    graph: Graph = {}
    for number in range(OTHERS):
        graph[f"o{number}"] = Node(f"owner{number % 50}")
        graph[f"e{number}"] = Node(f"owner{number % 50}", points=((f"o{number}", "extension"),))
    for number in range(OWN):
        graph[f"house{number}"] = Node()
        graph[f"person{number}"] = Node("worker", points=((f"house{number}", "child"),))
        graph[f"visit{number}"] = Node(points=((f"person{number}", "extension"),))
        graph[f"claim{number}"] = Node("worker", points=((f"house{number}", "extension"),))
    return stored(session, project.id, graph)


def test_only_what_the_phone_carries_is_read(session: Session, project: Project):
    postgresql = session.get_bind().dialect.name == "postgresql"
    first = crowd(session, project)
    if postgresql:
        with write_transaction():
            session.execute(text("ANALYZE"))
    unknown = factories.project()
    second = crowd(session, unknown)
    for at, made in ((project, first), (unknown, second)):
        owners = [made.owners["worker"]]
        session.rollback()
        before = session.scalar(_READ) or 0 if postgresql else 0
        assert len(scope(session, at.id, owners)) == 4 * OWN
        if postgresql:
            assert (session.scalar(_READ) or 0) - before <= 4 * OWN * 12
        else:
            statement = _scope("sqlite")
            plan = session.execute(
                text(f"EXPLAIN QUERY PLAN {statement.text}").bindparams(
                    bindparam("owners", expanding=True)
                ),
                {"project": at.id, "owners": owners},
            )
            words = [row.detail.split() for row in plan]
            assert {line[1] for line in words if line[0] == "SCAN"} <= {*COMMON, "near"}
            (begins,) = (line for line in words if line[:2] == ["SEARCH", "c"])
            assert "owner_id=?)" in begins


def test_nor_does_a_synchronization_read_more(
    session: Session, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite's plans do not depend on counts that nobody made")
    read: list[int] = []
    begin, write = restoring.snapshot, restoring._document

    def begun(session: Session, **how: Any) -> None:
        begin(session, **how)
        read.append(-(session.scalar(_READ_IN_ALL) or 0))

    def written(session: Session, *rest: Any, **items: Any) -> Iterator[str]:
        yield from write(session, *rest, **items)
        read[-1] += session.scalar(_READ_IN_ALL) or 0

    monkeypatch.setattr(restoring, "snapshot", begun)
    monkeypatch.setattr(restoring, "_document", written)
    known, unknown = factories.project(), factories.project()
    for project in (known, unknown):
        made = crowd(session, project)
        phone = phone_of(client, project)
        give(session, project, made.owners["worker"], phone.worker.user_id)
        phone.sync()
        for case_id in list(phone.cases)[:10]:
            send(session, project.id, form(case_block(case_id, update={"x": "1"})))
        phone.sync()
        assert (len(phone.updated), phone.afresh) == (10, 0)
        with write_transaction():
            session.execute(text("ANALYZE"))
    assert max(read) <= 4 * OWN * 30
