"""lists that are exported as files, by jobs that only read; and forms by when they were completed

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

RUNNING = "state = 'running'"


def upgrade() -> None:
    op.create_index("ix_submission_completed", "submission", ["project_id", "time_end"])
    op.add_column(
        "job", sa.Column("only_reads", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.drop_index("ix_job_running", "job")
    _one_at_a_time("project_id", "only_reads")
    op.create_table(
        "export",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("of", sa.String(length=31), nullable=False),
        sa.Column("format", sa.String(length=7), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column(
            "parts",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("begun", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(length=80), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("expires_on", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "job_id"],
            ["job.project_id", "job.id"],
            name=op.f("fk_export_project_id_job_id"),
        ),
        sa.PrimaryKeyConstraint("project_id", "job_id", name=op.f("pk_export")),
    )


def downgrade() -> None:
    op.drop_index("ix_submission_completed", "submission")
    op.drop_table("export")
    op.execute("DELETE FROM job WHERE only_reads")
    op.drop_index("ix_job_running", "job")
    _one_at_a_time("project_id")
    op.drop_column("job", "only_reads")


def _one_at_a_time(*columns: str) -> None:
    op.create_index(
        "ix_job_running",
        "job",
        columns,
        unique=True,
        sqlite_where=sa.text(RUNNING),
        postgresql_where=sa.text(RUNNING),
    )
