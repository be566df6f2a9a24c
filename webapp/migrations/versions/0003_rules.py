"""rules, their versions and runs; which run wrote a submission

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OBJECT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=126), nullable=False),
        sa.Column("case_type", sa.String(length=255), nullable=False),
        sa.Column(
            "state",
            sa.Enum("draft", "watching", "active", "inactive", name="rulestate", native_enum=False),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_on", sa.BigInteger(), nullable=False),
        sa.Column("deleted_on", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_rule_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_rule_project_id_id")),
        sa.UniqueConstraint("project_id", "rule_id", name=op.f("uq_rule_project_id_rule_id")),
    )
    with op.batch_alter_table("rule", schema=None) as batch_op:
        batch_op.create_index("ix_rule_order", ["project_id", "position"], unique=False)

    op.create_table(
        "rule_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("definition", OBJECT, nullable=False),
        sa.Column("created_on", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.String(length=255), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "rule"],
            ["rule.project_id", "rule.id"],
            name=op.f("fk_rule_version_project_id_rule"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_version")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_rule_version_project_id_id")),
        sa.UniqueConstraint(
            "project_id", "rule", "number", name=op.f("uq_rule_version_project_id_rule_number")
        ),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rule_name", sa.String(length=126), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column(
            "trigger",
            sa.Enum("person", "api", "command_line", name="trigger", native_enum=False),
            nullable=False,
        ),
        sa.Column("actor_id", sa.String(length=255), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "planning",
                "running",
                "finished",
                "stopped",
                "failed",
                name="runstate",
                native_enum=False,
            ),
            nullable=False,
        ),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("undo_id", sa.Integer(), nullable=True),
        sa.Column("as_of", sa.BigInteger(), nullable=True),
        sa.Column("planned_on", sa.BigInteger(), nullable=True),
        sa.Column("matched_at", sa.BigInteger(), nullable=True),
        sa.Column("today", sa.String(length=10), nullable=True),
        sa.Column("open_cases", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.Column("related_updates", sa.Integer(), nullable=False),
        sa.Column("submissions", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("processed", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("queued_on", sa.BigInteger(), nullable=False),
        sa.Column("started_on", sa.BigInteger(), nullable=True),
        sa.Column("finished_on", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "job_id"],
            ["job.project_id", "job.id"],
            name=op.f("fk_run_project_id_job_id"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "rule"],
            ["rule.project_id", "rule.id"],
            name=op.f("fk_run_project_id_rule"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "undo_id"],
            ["job.project_id", "job.id"],
            name=op.f("fk_run_project_id_undo_id"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "version"],
            ["rule_version.project_id", "rule_version.id"],
            name=op.f("fk_run_project_id_version"),
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_run_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_run_project_id_id")),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index("ix_run_recent", ["project_id", "queued_on"], unique=False)
        batch_op.create_index("ix_run_rule", ["project_id", "rule", "queued_on"], unique=False)

    op.create_table(
        "run_case",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("case", sa.BigInteger(), nullable=False),
        sa.Column("copies", OBJECT, nullable=True),
        sa.Column("failed", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "case"],
            ["cases.project_id", "cases.id"],
            name=op.f("fk_run_case_project_id_case"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "run"],
            ["run.project_id", "run.id"],
            name=op.f("fk_run_case_project_id_run"),
        ),
        sa.PrimaryKeyConstraint("project_id", "run", "place", name=op.f("pk_run_case")),
        sa.UniqueConstraint(
            "project_id", "run", "case", name=op.f("uq_run_case_project_id_run_case")
        ),
    )
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.add_column(sa.Column("run_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("rule_key", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("run_place", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("run_part", sa.SmallInteger(), nullable=True))
        batch_op.create_index(
            "ix_submission_part",
            ["project_id", "run_id", "run_place", "run_part"],
            unique=True,
            sqlite_where=sa.text("run_id IS NOT NULL"),
            postgresql_where=sa.text("run_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_submission_rule",
            ["project_id", "rule_key", "received_on"],
            unique=False,
            sqlite_where=sa.text("rule_key IS NOT NULL"),
            postgresql_where=sa.text("rule_key IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_submission_run",
            ["project_id", "run_id", "received_on"],
            unique=False,
            sqlite_where=sa.text("run_id IS NOT NULL"),
            postgresql_where=sa.text("run_id IS NOT NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_submission_run",
            sqlite_where=sa.text("run_id IS NOT NULL"),
            postgresql_where=sa.text("run_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_submission_rule",
            sqlite_where=sa.text("rule_key IS NOT NULL"),
            postgresql_where=sa.text("rule_key IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_submission_part",
            sqlite_where=sa.text("run_id IS NOT NULL"),
            postgresql_where=sa.text("run_id IS NOT NULL"),
        )
        batch_op.drop_column("run_part")
        batch_op.drop_column("run_place")
        batch_op.drop_column("rule_key")
        batch_op.drop_column("run_id")

    op.drop_table("run_case")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("ix_run_rule")
        batch_op.drop_index("ix_run_recent")

    op.drop_table("run")
    op.drop_table("rule_version")
    with op.batch_alter_table("rule", schema=None) as batch_op:
        batch_op.drop_index("ix_rule_order")

    op.drop_table("rule")
