"""first schema

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OBJECT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("created_on", sa.BigInteger(), nullable=False),
        sa.Column("timezone", sa.String(length=63), nullable=False),
        sa.Column("anonymous_submissions", sa.Boolean(), nullable=False),
        sa.Column("anonymous_quota", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("name", name=op.f("uq_project_name")),
    )
    op.create_table(
        "web_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_on", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_user")),
        sa.UniqueConstraint("email", name=op.f("uq_web_user_email")),
        sa.UniqueConstraint("user_id", name=op.f("uq_web_user_user_id")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("web_user_id", sa.Integer(), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=8), nullable=False),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("created_on", sa.BigInteger(), nullable=False),
        sa.Column("revoked_on", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_api_key_project_id")),
        sa.ForeignKeyConstraint(
            ["web_user_id"], ["web_user.id"], name=op.f("fk_api_key_web_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
    )
    op.create_index(op.f("ix_api_key_web_user_id"), "api_key", ["web_user_id"], unique=False)

    op.create_table(
        "audit_event",
        sa.Column("id", KEY, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("tag", sa.String(length=63), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("actor_id", sa.String(length=255), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.Column("before", OBJECT, nullable=True),
        sa.Column("after", OBJECT, nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_audit_event_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(
        "ix_audit_event_subject", "audit_event", ["project_id", "subject", "id"], unique=False
    )
    op.create_index("ix_audit_event_when", "audit_event", ["project_id", "id"], unique=False)

    op.create_table(
        "case_type",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_case_type_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "name", name=op.f("pk_case_type")),
    )
    op.create_table(
        "cases",
        sa.Column("id", KEY, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("owner_id", sa.String(length=255), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.Column("opened_on", sa.BigInteger(), nullable=True),
        sa.Column("opened_by", sa.String(length=255), nullable=False),
        sa.Column("modified_on", sa.BigInteger(), nullable=True),
        sa.Column("modified_by", sa.String(length=255), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("closed_on", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(length=255), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("server_modified_on", sa.BigInteger(), nullable=True),
        sa.Column("indexed_on", sa.BigInteger(), nullable=True),
        sa.Column("properties", OBJECT, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_cases_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("project_id", "case_id", name=op.f("uq_cases_project_id_case_id")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_cases_project_id_id")),
    )
    op.create_index(
        "uq_cases_project_id_indexed_on",
        "cases",
        ["project_id", "indexed_on"],
        unique=True,
        postgresql_where=sa.text("indexed_on IS NOT NULL"),
    )
    op.create_index("ix_cases_external", "cases", ["project_id", "external_id"], unique=False)
    op.create_index(
        "ix_cases_modified", "cases", ["project_id", "server_modified_on", "id"], unique=False
    )
    op.create_index(
        "ix_cases_open",
        "cases",
        ["project_id", "type", "id"],
        unique=False,
        sqlite_where=sa.text("NOT closed AND NOT deleted"),
        postgresql_where=sa.text("NOT closed AND NOT deleted"),
    )
    op.create_index("ix_cases_owner", "cases", ["project_id", "owner_id", "id"], unique=False)

    op.create_table(
        "form_type",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.String(length=255), nullable=False),
        sa.Column("xmlns", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_form_type_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "app_id", "xmlns", name=op.f("pk_form_type")),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=31), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "running",
                "finished",
                "stopped",
                "failed",
                name="jobstate",
                native_enum=False,
            ),
            nullable=False,
        ),
        sa.Column("params", OBJECT, nullable=False),
        sa.Column("actor_id", sa.String(length=255), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("processed", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("skipped", OBJECT, nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("stop_asked", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("queued_on", sa.BigInteger(), nullable=False),
        sa.Column("started_on", sa.BigInteger(), nullable=True),
        sa.Column("heartbeat_on", sa.BigInteger(), nullable=True),
        sa.Column("finished_on", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_job_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_job_project_id_id")),
    )
    op.create_index("ix_job_recent", "job", ["project_id", "queued_on"], unique=False)
    op.create_index(
        "ix_job_unfinished",
        "job",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )

    op.create_table(
        "mobile_worker",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("username", sa.String(length=80), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("user_data", sa.JSON(), nullable=False),
        sa.Column("created_on", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_mobile_worker_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mobile_worker")),
        sa.UniqueConstraint(
            "project_id", "user_id", name=op.f("uq_mobile_worker_project_id_user_id")
        ),
        sa.UniqueConstraint(
            "project_id", "username", name=op.f("uq_mobile_worker_project_id_username")
        ),
    )
    op.create_table(
        "role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_role_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_role_project_id_id")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_role_project_id_name")),
    )
    op.create_table(
        "stored_view",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("view_id", sa.String(length=32), nullable=False),
        sa.Column("screen", sa.String(length=31), nullable=False),
        sa.Column("filters", OBJECT, nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("created_on", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_stored_view_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "view_id", name=op.f("pk_stored_view")),
    )
    op.create_table(
        "submission",
        sa.Column("id", KEY, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=255), nullable=False),
        sa.Column("asked_id", sa.String(length=255), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "normal",
                "archived",
                "error",
                "duplicate",
                "deprecated",
                "unparsed",
                name="state",
                native_enum=False,
            ),
            nullable=False,
        ),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("of", sa.BigInteger(), nullable=True),
        sa.Column("xmlns", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("app_id", sa.String(length=255), nullable=False),
        sa.Column("app_version", sa.String(length=255), nullable=True),
        sa.Column("device_id", sa.String(length=255), nullable=True),
        sa.Column("time_start", sa.BigInteger(), nullable=True),
        sa.Column("time_end", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column(
            "user_kind",
            sa.Enum(
                "mobile", "web", "admin", "system", "unknown", name="userkind", native_enum=False
            ),
            nullable=False,
        ),
        sa.Column("sent_by", sa.String(length=255), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("received_on", sa.BigInteger(), nullable=False),
        sa.Column("edited_on", sa.BigInteger(), nullable=True),
        sa.Column("indexed_on", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "of"],
            ["submission.project_id", "submission.id"],
            name=op.f("fk_submission_project_id_of"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_submission_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_submission_project_id_id")),
        sa.UniqueConstraint(
            "project_id", "indexed_on", name=op.f("uq_submission_project_id_indexed_on")
        ),
        sa.UniqueConstraint(
            "project_id", "received_on", name=op.f("uq_submission_project_id_received_on")
        ),
        sa.UniqueConstraint(
            "project_id", "submission_id", name=op.f("uq_submission_project_id_submission_id")
        ),
    )
    op.create_index(
        "ix_submission_app", "submission", ["project_id", "app_id", "received_on"], unique=False
    )
    op.create_index("ix_submission_asked", "submission", ["project_id", "asked_id"], unique=False)
    op.create_index(
        "ix_submission_kind", "submission", ["project_id", "user_kind", "received_on"], unique=False
    )
    op.create_index("ix_submission_of", "submission", ["project_id", "of"], unique=False)
    op.create_index(
        "ix_submission_state", "submission", ["project_id", "state", "received_on"], unique=False
    )
    op.create_index(
        "ix_submission_user", "submission", ["project_id", "user_id", "received_on"], unique=False
    )
    op.create_index(
        "ix_submission_xmlns", "submission", ["project_id", "xmlns", "received_on"], unique=False
    )

    op.create_table(
        "tick",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_tick_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_tick")),
    )
    op.create_table(
        "attachment",
        sa.Column("id", KEY, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("submission", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("content_type", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "submission"],
            ["submission.project_id", "submission.id"],
            name=op.f("fk_attachment_project_id_submission"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint(
            "project_id",
            "submission",
            "name",
            name=op.f("uq_attachment_project_id_submission_name"),
        ),
    )
    op.create_table(
        "case_index",
        sa.Column("id", KEY, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("case", sa.BigInteger(), nullable=False),
        sa.Column("identifier", sa.String(length=255), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("target_type", sa.String(length=255), nullable=False),
        sa.Column("relationship", sa.String(length=9), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "case"],
            ["cases.project_id", "cases.id"],
            name=op.f("fk_case_index_project_id_case"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "target"],
            ["cases.project_id", "cases.id"],
            name=op.f("fk_case_index_project_id_target"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_index")),
        sa.UniqueConstraint(
            "project_id",
            "case",
            "identifier",
            name=op.f("uq_case_index_project_id_case_identifier"),
        ),
    )
    op.create_index("ix_case_index_target", "case_index", ["project_id", "target"], unique=False)

    op.create_table(
        "case_transaction",
        sa.Column("id", KEY, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("case", sa.BigInteger(), nullable=False),
        sa.Column("submission", sa.BigInteger(), nullable=False),
        sa.Column("change", OBJECT, nullable=False),
        sa.Column("before", OBJECT, nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "case"],
            ["cases.project_id", "cases.id"],
            name=op.f("fk_case_transaction_project_id_case"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "submission"],
            ["submission.project_id", "submission.id"],
            name=op.f("fk_case_transaction_project_id_submission"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_transaction")),
        sa.UniqueConstraint(
            "project_id",
            "submission",
            "case",
            name=op.f("uq_case_transaction_project_id_submission_case"),
        ),
    )
    op.create_index(
        "ix_case_transaction_case",
        "case_transaction",
        ["project_id", "case", "submission"],
        unique=False,
    )

    op.create_table(
        "membership",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("web_user_id", sa.Integer(), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "role_id"],
            ["role.project_id", "role.id"],
            name=op.f("fk_membership_project_id_role_id"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_membership_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["web_user_id"], ["web_user.id"], name=op.f("fk_membership_web_user_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "web_user_id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_web_user_id"), "membership", ["web_user_id"], unique=False)

    op.create_table(
        "submission_xml",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("submission", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "submission"],
            ["submission.project_id", "submission.id"],
            name=op.f("fk_submission_xml_project_id_submission"),
        ),
        sa.PrimaryKeyConstraint("project_id", "submission", name=op.f("pk_submission_xml")),
    )

    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_event_no_{verb.lower()} BEFORE {verb} ON audit_event"
                " BEGIN SELECT RAISE(ABORT, 'the audit log can only be appended to'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION audit_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN RAISE EXCEPTION 'the audit log can only be appended to'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE"
            " ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION audit_event_append_only()"
        )


def downgrade() -> None:
    raise NotImplementedError("There is nothing before the first schema.")
