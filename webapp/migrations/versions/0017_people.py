"""mobile_worker: names; location: what was archived in one go

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NAMES = ("first_name", "last_name")


def upgrade() -> None:
    for name in NAMES:
        op.add_column(
            "mobile_worker",
            sa.Column(name, sa.String(length=100), server_default="", nullable=False),
        )
    op.add_column("location", sa.Column("archived_on", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("location", "archived_on")
    for name in NAMES:
        op.drop_column("mobile_worker", name)
