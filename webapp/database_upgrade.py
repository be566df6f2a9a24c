"""Creating and upgrading the database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import upgrade

from webapp.errors import CasekeeperError
from webapp.extensions import db, migrate

OLDEST_SQLITE = (3, 40)


def upgrade_database(app: Flask) -> bool:
    """Bring the database to the present schema; return whether there was anything to do.

    An SQLite file is copied first (`<file>.before-<revision>`), because its schema changes cannot
    be rolled back. Raises `CasekeeperError` when SQLite is too old.
    """
    with app.app_context():
        engine = db.engine
        if engine.dialect.name == "sqlite" and sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise CasekeeperError(
                f"SQLite {sqlite3.sqlite_version} is too old: Casekeeper needs 3.40 or newer."
            )
        with engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_revision()
        newest = ScriptDirectory(migrate.directory).get_current_head()
        if present == newest:
            return False
        if engine.dialect.name == "sqlite" and present is not None:
            _copy(Path(str(engine.url.database)), str(present))
        upgrade()
    return True


def _copy(file: Path, revision: str) -> None:
    copy = file.with_name(f"{file.name}.before-{revision}")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.chmod(0o600)
