"""A project full of cases, in this process: for what is measured without HTTP."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import text

from webapp import create_app
from webapp.audit.actor import Actor
from webapp.clock import DAY, now
from webapp.config import Settings
from webapp.database import write_transaction
from webapp.database_upgrade import upgrade_database
from webapp.extensions import db
from webapp.projects.operations import create_project, set_project
from webapp.time_limit import without_limit

BY = Actor("bench", "bench", "benchmark")

#: A case like those of a programme: nine properties, dates among them, some missing.
_PROPERTIES = {
    "sqlite": """json_object(
        'status', CASE n % 4 WHEN 0 THEN 'stale' ELSE 'open' END,
        'risk', CASE n % 10 WHEN 0 THEN 'high' ELSE 'low' END,
        'village', 'Village ' || (n % 500),
        'edd', date(18000 * 86400 + (n % 3000) * 86400, 'unixepoch'),
        'phone', '+254 700 ' || n, 'dob', '1994-03-17', 'visits', '' || (n % 12),
        'note', 'seen at home, no complaints', 'last_visit', '2025-03-01T10:00:00.000Z')""",
    "postgresql": """jsonb_build_object(
        'status', CASE n % 4 WHEN 0 THEN 'stale' ELSE 'open' END,
        'risk', CASE n % 10 WHEN 0 THEN 'high' ELSE 'low' END,
        'village', 'Village ' || (n % 500),
        'edd', to_char(date '2019-04-14' + n % 3000, 'YYYY-MM-DD'),
        'phone', '+254 700 ' || n, 'dob', '1994-03-17', 'visits', '' || (n % 12),
        'note', 'seen at home, no complaints', 'last_visit', '2025-03-01T10:00:00.000Z')""",
}
#: The numbers from 0 on, `:size` of them, as `s(n)`.
NUMBERS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < :size)",
    "postgresql": "WITH s(n) AS (SELECT generate_series(0, :size - 1))",
}


@dataclass(frozen=True)
class World:
    """A project with cases of the type `patient`, all open."""

    app: Flask
    database: str
    project_id: int
    cases: int

    @property
    def times(self) -> int:
        """How often to measure, to take the best: a few cases only show that it works at all."""
        return 3 if self.cases >= 1000 else 1


@contextmanager
def world(database: str, cases: int) -> Iterator[World]:
    """Fill an empty database, and let it look at what it has, as it does by itself in time."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="casekeeper-bench-")))
        url = ""
        if database == "postgresql":
            from tests.databases import postgres_database

            url = stack.enter_context(postgres_database())
        app = create_app(Settings(data=folder, database_url=url, secret="only for benchmarks"))
        upgrade_database(app)
        with app.app_context():
            with write_transaction() as session:
                project = create_project(session, "bench", by=BY)
                set_project(session, project, {"daily_limit": 0}, by=BY)
                project_id = project.id
            fill(database, project_id, cases)
            count()
            yield World(app, database, project_id, cases)
            db.session.remove()
            db.engine.dispose()


def fill(database: str, project_id: int, cases: int) -> None:
    """Cases that were last modified in the two years before now, oldest first."""
    step = 730 * DAY // cases
    values = {"project": project_id, "size": cases, "first": now() - 730 * DAY, "step": step}
    with write_transaction() as session:
        without_limit(session)
        session.execute(
            text(
                "INSERT INTO cases (project_id, case_id, type, name, owner_id, external_id,"
                " opened_on, opened_by, modified_on, modified_by, closed, closed_by, deleted,"
                f" server_modified_on, indexed_on, properties) {NUMBERS[database]}"
                " SELECT :project, 'case-' || n, 'patient', 'Amina ' || n, 'owner-' || (n % 200),"
                " '', moment, 'owner-1', moment, 'owner-1', false, '', false, moment, moment,"
                f" {_PROPERTIES[database]}"
                " FROM (SELECT n, :first + CAST(n AS bigint) * :step AS moment FROM s) AS numbered"
            ),
            values,
        )


def count() -> None:
    """Let the database look at what it has, as it does by itself in time."""
    with write_transaction() as session:
        without_limit(session)
        session.execute(text("ANALYZE"))


def parents(there: World) -> None:
    """Give each patient a parent of the type `household`: one to a hundred."""
    values = {"project": there.project_id, "size": max(1, there.cases // 100), "first": now()}
    with write_transaction() as session:
        without_limit(session)
        session.execute(
            text(
                "INSERT INTO cases (project_id, case_id, type, name, owner_id, external_id,"
                " opened_on, opened_by, modified_on, modified_by, closed, closed_by, deleted,"
                f" server_modified_on, indexed_on, properties) {NUMBERS[there.database]}"
                " SELECT :project, 'household-' || n, 'household', 'Household ' || n, 'owner-1',"
                " '', :first + n, 'owner-1', :first + n, 'owner-1', false, '', false,"
                " :first + n, :first + n, '{}' FROM s"
            ),
            values,
        )
        session.execute(
            text(
                'INSERT INTO case_index (project_id, "case", identifier, target, target_type,'
                " relationship) SELECT c.project_id, c.id, 'parent', h.id, 'household', 'child'"
                " FROM cases c JOIN cases h ON h.project_id = c.project_id"
                " AND h.case_id = 'household-' || (c.id % :size)"
                " WHERE c.project_id = :project AND c.type = 'patient'"
            ),
            {name: values[name] for name in ("project", "size")},
        )
    count()
