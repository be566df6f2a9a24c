"""Creating and upgrading the database. Only what does so loads this: Alembic takes its time."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import Migrate, upgrade

from webapp.errors import CasekeeperError
from webapp.extensions import db

OLDEST_SQLITE = (3, 40)

MIGRATIONS = Path(__file__).parent / "migrations"


def init_migrations(app: Flask) -> None:
    """Let Flask-Migrate's functions know where the migrations of the app are."""
    Migrate(app, db, directory=str(MIGRATIONS), render_as_batch=True)


def upgrade_database(app: Flask) -> bool:
    """Bring the database to the present schema; return whether there was anything to do.

    An SQLite file is copied first (`<file>.before-<revision>`), because its schema changes cannot
    be rolled back. Raises `CasekeeperError` when SQLite is too old or the
    database is newer than the code.
    """
    init_migrations(app)
    with app.app_context():
        engine = db.engine
        if engine.dialect.name == "sqlite":
            Path(str(engine.url.database)).touch(mode=0o600)  # no one else makes it
        if engine.dialect.name == "sqlite" and sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise CasekeeperError(
                f"SQLite {sqlite3.sqlite_version} is too old: Casekeeper needs 3.40 or newer."
            )
        with engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_revision()
        scripts = ScriptDirectory(str(MIGRATIONS))
        if present == scripts.get_current_head():
            return False
        if present is not None:
            if present not in {script.revision for script in scripts.walk_revisions()}:
                raise CasekeeperError(
                    f"This database was made by a newer Casekeeper (schema {present}). Use that"
                    " version, or go back to a copy from before its upgrade."
                )
            if engine.dialect.name == "sqlite":
                copy_file(Path(str(engine.url.database)), present)
        upgrade()
    return True


def copy_file(file: Path, revision: str) -> None:
    """Copy an SQLite file that may be in use, whole, to `<file>.before-<revision>`."""
    copy = file.with_name(f"{file.name}.before-{revision}")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.chmod(0o600)
