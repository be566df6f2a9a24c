"""Whether an id is known is looked up, and not searched for in all forms of the project."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

from tests.forms import case_block, form, new_id, open_case, send
from webapp.history.related import related
from webapp.projects.models import Project
from webapp.submissions.queries import get_submission


@pytest.fixture
def plans(session: Session) -> Iterator[list[str]]:
    """How SQLite finds what is read: a line for each table of each SELECT of forms."""
    found: list[str] = []
    explaining: list[bool] = []

    def explain(connection: Connection, _cursor, statement: str, values, *_) -> None:
        if not explaining and statement.startswith("SELECT submission."):
            explaining.append(True)
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            found.extend(f"{row.detail}  <- {statement}" for row in rows)
            explaining.clear()

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", explain)
    yield found
    event.remove(engine, "before_cursor_execute", explain)


def test_an_id_is_looked_up(session: Session, project: Project, plans: list[str]):
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("PostgreSQL weighs indexes by what it has counted")
    assert not session.execute(
        text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")
    ).all()
    open_case(session, project.id, "c-1")
    identity = new_id()
    block = case_block("c-1", update={"a": "1"})
    send(session, project.id, form(block, instance_id=identity))
    sent = send(session, project.id, form(block, instance_id=identity))
    related(session, get_submission(session, project.id, sent.submission_id))
    assert any("MULTI-INDEX OR" in plan for plan in plans)
    assert [plan for plan in plans if "(project_id=?)" in plan or "SCAN" in plan] == []
