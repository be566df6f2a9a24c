"""what a job works on, one row each; one running job per project

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_item",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "job_id"],
            ["job.project_id", "job.id"],
            name=op.f("fk_job_item_project_id_job_id"),
        ),
        sa.PrimaryKeyConstraint("project_id", "job_id", "place", name=op.f("pk_job_item")),
    )
    op.create_index(
        "ix_job_item_reason",
        "job_item",
        ["project_id", "job_id", "reason"],
        sqlite_where=sa.text("reason IS NOT NULL"),
        postgresql_where=sa.text("reason IS NOT NULL"),
    )
    op.add_column("job", sa.Column("deaths", sa.Integer(), server_default="0", nullable=False))
    op.drop_column("job", "skipped")
    op.create_index(
        "ix_job_running",
        "job",
        ["project_id"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )


def downgrade() -> None:
    op.drop_index("ix_job_running", "job")
    op.add_column("job", sa.Column("skipped", sa.JSON(), server_default="{}", nullable=False))
    op.drop_column("job", "deaths")
    op.drop_table("job_item")
