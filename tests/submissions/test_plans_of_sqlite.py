"""SQLite looks up what a form is about, and does not search all forms of the project for it: also
without counts of its tables, which nobody makes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, new_id, open_case, send
from webapp.database import write_transaction
from webapp.history.related import related
from webapp.projects.models import Project
from webapp.submissions.archive import archive, restore
from webapp.submissions.queries import get_submission
from webapp.submissions.receive import Outcome
from webapp.submissions.reprocess import ids_now


@pytest.fixture
def plans(session: Session) -> Iterator[list[str]]:
    """How SQLite finds what is read: a line for each table of each SELECT."""
    found: list[str] = []
    explaining: list[bool] = []

    def explain(connection: Connection, _cursor, statement: str, values, *_) -> None:
        if not explaining and statement.startswith("SELECT"):
            explaining.append(True)
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            found.extend(f"{row.detail}  <- {statement}" for row in rows)
            explaining.clear()

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", explain)
    yield found
    event.remove(engine, "before_cursor_execute", explain)


def test_an_arriving_form_and_its_archive_read_only_what_they_are_about(
    session: Session, project: Project, plans: list[str]
):
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("PostgreSQL weighs indexes by what it has counted")
    open_case(session, project.id, "c-1")
    identity = new_id()
    block = case_block("c-1", update={"a": "1"})
    send(session, project.id, form(block, instance_id=identity))
    again = send(session, project.id, form(block, instance_id=identity))
    lost = form(case_block("c-1", index={"parent": ("t", "lost")}), instance_id=identity)
    for _time in range(2):  # once more it is asked when the version in force came
        assert send(session, project.id, lost).outcome is Outcome.ERROR
    related(session, get_submission(session, project.id, again.submission_id))
    for change in (archive, restore):
        with write_transaction():
            change(session, project.id, identity, by=factories.actor())
    assert any("MULTI-INDEX OR" in plan for plan in plans)
    assert any("min(submission.received_on)" in plan for plan in plans)
    whole = (
        "SCAN submission",
        "SCAN case_transaction",
        "(project_id=?)",
        "(project_id=? AND state",
    )
    assert [plan for plan in plans if any(what in plan for what in whole)] == []


def test_where_a_form_is_now_is_looked_up_by_its_id(
    session: Session, project: Project, plans: list[str]
):
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("PostgreSQL weighs indexes by what it has counted")
    assert ids_now(session, project.id, ["one", "other"]) == {}
    (plan,) = [plan for plan in plans if "audit_event" in plan]
    assert "(project_id=? AND subject=?)" in plan
