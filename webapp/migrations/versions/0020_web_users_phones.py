"""sync_log.web_user: what a web user was given apart from what the worker's own phones were

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sync_log", sa.Column("web_user", sa.String(length=32), nullable=True))


def downgrade() -> None:
    op.drop_column("sync_log", "web_user")
