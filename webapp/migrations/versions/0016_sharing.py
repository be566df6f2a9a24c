"""groups, levels and locations, and which workers belong to them; whose new cases of a type are

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "case_type",
        sa.Column("sharing", sa.String(length=7), server_default="as-form", nullable=False),
    )
    with op.batch_alter_table("mobile_worker") as table:
        table.create_unique_constraint(op.f("uq_mobile_worker_project_id_id"), ["project_id", "id"])
    op.create_table(
        "location_level",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("owns_cases", sa.Boolean(), nullable=False),
        sa.Column("views_child_data", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_location_level_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_location_level")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_location_level_project_id_id")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_location_level_project_id_name")),
    )
    op.create_table(
        "worker_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("case_sharing", sa.Boolean(), nullable=False),
        sa.Column("reporting", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("created_on", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_worker_group_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_group")),
        sa.UniqueConstraint(
            "project_id", "group_id", name=op.f("uq_worker_group_project_id_group_id")
        ),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_worker_group_project_id_id")),
    )
    op.create_index(
        "uq_worker_group_name",
        "worker_group",
        ["project_id", "name"],
        unique=True,
        sqlite_where=sa.text("NOT deleted"),
        postgresql_where=sa.text("NOT deleted"),
    )

    op.create_table(
        "group_member",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("group", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "group"],
            ["worker_group.project_id", "worker_group.id"],
            name=op.f("fk_group_member_project_id_group"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "worker"],
            ["mobile_worker.project_id", "mobile_worker.id"],
            name=op.f("fk_group_member_project_id_worker"),
        ),
        sa.PrimaryKeyConstraint("project_id", "group", "worker", name=op.f("pk_group_member")),
    )
    op.create_index(
        "ix_group_member_worker", "group_member", ["project_id", "worker"], unique=False
    )

    op.create_table(
        "location",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.String(length=32), nullable=False),
        sa.Column("site_code", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("level_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_on", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "level_id"],
            ["location_level.project_id", "location_level.id"],
            name=op.f("fk_location_project_id_level_id"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "parent_id"],
            ["location.project_id", "location.id"],
            name=op.f("fk_location_project_id_parent_id"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_location_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_location")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_location_project_id_id")),
        sa.UniqueConstraint(
            "project_id", "location_id", name=op.f("uq_location_project_id_location_id")
        ),
        sa.UniqueConstraint(
            "project_id", "site_code", name=op.f("uq_location_project_id_site_code")
        ),
    )
    op.create_index("ix_location_parent", "location", ["project_id", "parent_id"], unique=False)

    op.create_table(
        "worker_location",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Integer(), nullable=False),
        sa.Column("location", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "location"],
            ["location.project_id", "location.id"],
            name=op.f("fk_worker_location_project_id_location"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "worker"],
            ["mobile_worker.project_id", "mobile_worker.id"],
            name=op.f("fk_worker_location_project_id_worker"),
        ),
        sa.PrimaryKeyConstraint(
            "project_id", "worker", "location", name=op.f("pk_worker_location")
        ),
    )
    op.create_index(
        "ix_worker_location_location", "worker_location", ["project_id", "location"], unique=False
    )


def downgrade() -> None:
    for table in ("worker_location", "location", "group_member", "worker_group", "location_level"):
        op.drop_table(table)
    with op.batch_alter_table("mobile_worker") as table:
        table.drop_constraint(op.f("uq_mobile_worker_project_id_id"), type_="unique")
    op.drop_column("case_type", "sharing")
