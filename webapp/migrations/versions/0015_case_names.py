"""case_name: the names of cases, to be searched for any part of them

On SQLite a full-text table by three characters, on PostgreSQL a table with an index of pg_trgm.
Triggers keep both, whatever writes a case. It stands apart from `cases`, because an index there
would be written anew at each change of a case, whatever changed. A migration that makes `cases`
anew (a batch on SQLite) loses its triggers: it has to make them again.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from webapp.errors import CasekeeperError

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SQLITE = (
    """CREATE VIRTUAL TABLE case_name
       USING fts5(name, content='cases', content_rowid='id', tokenize='trigram')""",
    "INSERT INTO case_name (case_name) VALUES ('rebuild')",
    """CREATE TRIGGER case_name_insert AFTER INSERT ON cases BEGIN
         INSERT INTO case_name (rowid, name) VALUES (new.id, new.name);
       END""",
    """CREATE TRIGGER case_name_update AFTER UPDATE OF name ON cases
       WHEN old.name <> new.name BEGIN
         INSERT INTO case_name (case_name, rowid, name) VALUES ('delete', old.id, old.name);
         INSERT INTO case_name (rowid, name) VALUES (new.id, new.name);
       END""",
)

POSTGRESQL = (
    """CREATE TABLE case_name (
         rowid bigint CONSTRAINT pk_case_name PRIMARY KEY, name varchar(255) NOT NULL)""",
    "INSERT INTO case_name (rowid, name) SELECT id, name FROM cases",
    "CREATE INDEX ix_case_name ON case_name USING gin (lower(name) gin_trgm_ops)",
    """CREATE FUNCTION case_name_follows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO case_name (rowid, name) VALUES (NEW.id, NEW.name)
         ON CONFLICT (rowid) DO UPDATE SET name = EXCLUDED.name;
         RETURN NULL;
       END $$""",
    """CREATE TRIGGER case_name_insert AFTER INSERT ON cases
       FOR EACH ROW EXECUTE FUNCTION case_name_follows()""",
    """CREATE TRIGGER case_name_update AFTER UPDATE OF name ON cases
       FOR EACH ROW WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION case_name_follows()""",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _need_trigrams()
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    on = " ON cases" if op.get_bind().dialect.name == "postgresql" else ""
    for verb in ("insert", "update"):
        op.execute(f"DROP TRIGGER case_name_{verb}{on}")
    op.execute("DROP TABLE case_name")
    if on:
        op.execute("DROP FUNCTION case_name_follows()")


def _need_trigrams() -> None:
    connection = op.get_bind()
    if connection.scalar(text("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")):
        return
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION pg_trgm"))
    except DBAPIError as error:
        raise CasekeeperError(
            "Searching names needs PostgreSQL's extension pg_trgm, which this database has not and"
            " its user may not add. Let an administrator of the server run CREATE EXTENSION"
            " pg_trgm; in this database (its package is often called postgresql-contrib), then"
            " start again."
        ) from error
