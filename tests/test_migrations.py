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
from webapp.database_upgrade import upgrade_database
from webapp.extensions import Base, db
from webapp.projects.models import Project


def test_a_migrated_database_has_what_the_models_say(app: Flask):
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_again_has_nothing_to_do(app: Flask):
    assert upgrade_database(app) is False


def test_an_sqlite_file_is_copied_before_it_is_upgraded(tmp_path: Path):
    app = make_app(tmp_path, "")
    file = tmp_path / "casekeeper.sqlite"
    with app.app_context():
        factories.project()
        db.engine.dispose()
    with closing(sqlite3.connect(file)) as connection:
        # As if a newer version stood in the code: the file's own is one that came before it.
        connection.execute("UPDATE alembic_version SET version_num = 'older'")
        connection.commit()
    with pytest.raises(Exception, match="older"):
        upgrade_database(app)  # there is no way from there, but the copy was made first
    with app.app_context():
        db.engine.dispose()
    copy = tmp_path / "casekeeper.sqlite.before-older"
    with closing(sqlite3.connect(copy)) as connection:
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
