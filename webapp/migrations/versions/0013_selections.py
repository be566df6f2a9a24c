"""forms that people select, and which job restored a form

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "selection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("selection_id", sa.String(length=32), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("created_on", sa.BigInteger(), nullable=False),
        sa.Column("query", sa.Text(), nullable=True),
        sa.Column("up_to", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("of_job", sa.Integer(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("expires_on", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_selection_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_selection")),
        sa.UniqueConstraint(
            "project_id", "selection_id", name=op.f("uq_selection_project_id_selection_id")
        ),
    )
    op.create_table(
        "selected_form",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("selection", sa.Integer(), nullable=False),
        sa.Column("submission", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "project_id", "selection", "submission", name=op.f("pk_selected_form")
        ),
        sqlite_with_rowid=False,
    )
    op.add_column("submission", sa.Column("restored_by", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("submission", "restored_by")
    op.drop_table("selected_form")
    op.drop_table("selection")
