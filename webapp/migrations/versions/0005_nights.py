"""nights: since when rules run by themselves, which night a run is of, and what waits for a person

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OBJECT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
#: Partial indexes of runs: what they hold, and of which rows.
PARTIAL = (
    ("ix_run_slot", ["project_id", "rule", "slot"], "slot IS NOT NULL"),
    ("ix_run_held", ["project_id"], "state = 'held'"),
    ("ix_run_obsolete", ["project_id"], "obsolete_plan"),
)


def upgrade() -> None:
    op.create_table(
        "night",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("begun_on", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_night_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_night")),
        sa.UniqueConstraint("project_id", "slot", name=op.f("uq_night_project_id_slot")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_night_project_id_id")),
    )
    op.create_table(
        "daily_use",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("submissions", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_daily_use_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "day", name=op.f("pk_daily_use")),
    )
    with op.batch_alter_table("rule") as rule:
        rule.add_column(sa.Column("armed_on", sa.BigInteger(), nullable=True))
        rule.add_column(sa.Column("last_slot", sa.BigInteger(), nullable=True))
    # Rules that were active before there was a schedule begin with the next slot.
    op.execute(
        sa.text("UPDATE rule SET armed_on = :now WHERE state IN ('active', 'watching')").bindparams(
            now=time.time_ns() // 1000
        )
    )
    with op.batch_alter_table("run_case") as run_case:
        run_case.add_column(sa.Column("would", OBJECT, nullable=True))
    with op.batch_alter_table("run") as run:
        run.add_column(sa.Column("night_id", sa.Integer(), nullable=True))
        run.add_column(sa.Column("slot", sa.BigInteger(), nullable=True))
        run.add_column(
            sa.Column("watching", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        run.add_column(sa.Column("confirmed", sa.Integer(), nullable=True))
        run.add_column(sa.Column("would", OBJECT, nullable=True))
        run.add_column(sa.Column("working_since", sa.BigInteger(), nullable=True))
        run.add_column(sa.Column("held_on", sa.BigInteger(), nullable=True))
        run.add_column(sa.Column("decided_on", sa.BigInteger(), nullable=True))
        run.add_column(sa.Column("decider_id", sa.String(length=255), nullable=True))
        run.add_column(sa.Column("decider", sa.String(length=255), nullable=True))
        run.add_column(sa.Column("decision", sa.Text(), nullable=True))
        run.add_column(
            sa.Column("obsolete_plan", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        run.create_foreign_key(
            op.f("fk_run_project_id_night_id"),
            "night",
            ["project_id", "night_id"],
            ["project_id", "id"],
        )
        run.create_index("ix_run_night", ["project_id", "night_id"])
        for name, columns, where in PARTIAL:
            run.create_index(
                name,
                columns,
                unique=name == "ix_run_slot",
                sqlite_where=sa.text(where),
                postgresql_where=sa.text(where),
            )


def downgrade() -> None:
    with op.batch_alter_table("run") as run:
        for name, _columns, _where in PARTIAL:
            run.drop_index(name)
        run.drop_index("ix_run_night")
        run.drop_constraint(op.f("fk_run_project_id_night_id"), type_="foreignkey")
        for column in (
            *("night_id", "slot", "watching", "confirmed", "would", "working_since", "held_on"),
            *("decided_on", "decider_id", "decider", "decision", "obsolete_plan"),
        ):
            run.drop_column(column)
    with op.batch_alter_table("run_case") as run_case:
        run_case.drop_column("would")
    with op.batch_alter_table("rule") as rule:
        rule.drop_column("last_slot")
        rule.drop_column("armed_on")
    op.drop_table("daily_use")
    op.drop_table("night")
