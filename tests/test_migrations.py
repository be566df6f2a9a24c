"""The migrations make exactly what the models say."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests import factories
from tests.conftest import make_app
from webapp.database_upgrade import copy_file, upgrade_database
from webapp.errors import CasekeeperError
from webapp.extensions import Base, db
from webapp.projects.models import Project


def test_a_migrated_database_has_what_the_models_say(app: Flask):
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_again_has_nothing_to_do(app: Flask):
    assert upgrade_database(app) is False


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path):
    app = make_app(tmp_path, "")
    with closing(sqlite3.connect(tmp_path / "casekeeper.sqlite")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'newer'")
        connection.commit()
    with pytest.raises(CasekeeperError, match="newer Casekeeper"):
        upgrade_database(app)
    with app.app_context():
        db.engine.dispose()


def test_the_copy_of_an_sqlite_file_is_whole_while_it_is_in_use(tmp_path: Path):
    app = make_app(tmp_path, "")
    file = tmp_path / "casekeeper.sqlite"
    with app.app_context():
        factories.project()  # still in the write-ahead log, and the connection is open
        copy_file(file, "0000")
        db.engine.dispose()
    with closing(sqlite3.connect(f"{file}.before-0000")) as connection:
        assert connection.execute("SELECT count(*) FROM project").fetchone() == (1,)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_event SET actor = 'x'", "DELETE FROM audit_event"]
)
def test_the_audit_log_can_only_be_appended_to(app: Flask, project: Project, statement: str):
    with (
        app.app_context(),
        db.engine.connect() as connection,
        pytest.raises(DBAPIError, match="can only be appended to"),
    ):
        connection.execute(text(statement))
