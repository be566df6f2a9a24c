"""what was given to phones, and which forms a phone sent after that

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sync_log",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("worker", sa.Integer(), nullable=False),
        sa.Column("made_on", sa.BigInteger(), nullable=False),
        sa.Column("tick", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=True),
        sa.Column("owners", sa.JSON(), nullable=False),
        sa.Column("cases", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "worker"],
            ["mobile_worker.project_id", "mobile_worker.id"],
            name=op.f("fk_sync_log_project_id_worker"),
        ),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_sync_log")),
    )
    op.create_index("ix_sync_log_worker", "sync_log", ["project_id", "worker", "made_on"])
    op.create_index("ix_sync_log_made", "sync_log", ["made_on"])
    op.add_column("submission", sa.Column("sync_log", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_submission_sync_log",
        "submission",
        ["project_id", "sync_log"],
        sqlite_where=sa.text("sync_log IS NOT NULL"),
        postgresql_where=sa.text("sync_log IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_submission_sync_log", table_name="submission")
    op.drop_column("submission", "sync_log")
    op.drop_table("sync_log")
