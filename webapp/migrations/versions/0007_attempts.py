"""jobs: how often each was attempted, apart from how often a worker took it

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "job", sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    # Of jobs that are there, how often they only went on is not known.
    op.execute("UPDATE job SET attempts = attempt")


def downgrade() -> None:
    op.drop_column("job", "attempts")
