"""runs: which later one took the place of one that stopped, and the brake that held one; daily use:
in which time zone a day was counted, and when last

Revision ID: 0011
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("superseded_by", "brake_cases", "brake_percent"):
        op.add_column("run", sa.Column(name, sa.Integer(), nullable=True))
    op.add_column(
        "daily_use",
        sa.Column("timezone", sa.String(length=63), server_default="", nullable=False),
    )
    op.add_column(
        "daily_use",
        sa.Column("counted_on", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    # A day that was counted before is one of the present zone.
    op.execute(
        "UPDATE daily_use SET timezone ="
        " (SELECT timezone FROM project WHERE project.id = daily_use.project_id)"
    )


def downgrade() -> None:
    op.drop_column("daily_use", "counted_on")
    op.drop_column("daily_use", "timezone")
    for name in ("brake_percent", "brake_cases", "superseded_by"):
        op.drop_column("run", name)
