"""settings of projects: hour, limits, brake; who is told of runs

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: With what they are in projects that are there.
NUMBERS = {
    "hour": 0,
    "daily_limit": 10_000,
    "run_hours": 24,
    "brake_cases": 100,
    "brake_percent": 30,
}


def upgrade() -> None:
    for name, value in NUMBERS.items():
        op.add_column(
            "project", sa.Column(name, sa.Integer(), server_default=str(value), nullable=False)
        )
    op.add_column("project", sa.Column("clock_set_on", sa.BigInteger(), nullable=True))
    op.add_column(
        "membership",
        sa.Column("told_of_runs", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.execute(
        "UPDATE membership SET told_of_runs = true"
        " WHERE role_id IN (SELECT id FROM role WHERE name = 'admin')"
    )


def downgrade() -> None:
    op.drop_column("membership", "told_of_runs")
    for name in ("clock_set_on", *NUMBERS):
        op.drop_column("project", name)
