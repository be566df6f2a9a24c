"""audit_event: in the order of its moments, also by what was done and by whom

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

#: Each index, and what is between the project and the order.
BEFORE = {"when": (), "subject": ("subject",)}
AFTER = {**BEFORE, "tag": ("tag",), "actor": ("actor_id",)}


def upgrade() -> None:
    _replace(BEFORE, AFTER, ("at", "id"))


def downgrade() -> None:
    _replace(AFTER, BEFORE, ("id",))


def _replace(
    old: dict[str, tuple[str, ...]], new: dict[str, tuple[str, ...]], order: tuple[str, ...]
) -> None:
    for name in old:
        op.drop_index(f"ix_audit_event_{name}", "audit_event")
    for name, columns in new.items():
        op.create_index(f"ix_audit_event_{name}", "audit_event", ["project_id", *columns, *order])
