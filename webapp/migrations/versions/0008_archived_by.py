"""forms: which job archived them, so that taking it back concerns what it did and nothing else

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

GONE = "state = 'archived' AND run_id IS NOT NULL"


def upgrade() -> None:
    op.add_column("submission", sa.Column("archived_by", sa.Integer(), nullable=True))
    # What was undone before there was this mark, and is archived still. The audit log knows who
    # archived a form last; the list of a job does not, for somebody may have done so by hand since.
    op.execute(
        """
        UPDATE submission SET archived_by = last.job_id
        FROM (
            SELECT project_id, subject,
                CASE WHEN source LIKE 'job %' THEN CAST(substr(source, 5) AS INTEGER) END AS job_id,
                row_number() OVER (PARTITION BY project_id, subject ORDER BY id DESC) AS nth
            FROM audit_event WHERE tag = 'submission.archive'
        ) AS last
        JOIN job ON job.project_id = last.project_id AND job.id = last.job_id
            AND job.kind = 'undo_run'
        WHERE last.nth = 1
        AND submission.project_id = last.project_id
        AND last.subject = 'submission:' || submission.submission_id
        AND submission.state = 'archived'
        """
    )
    op.create_index(
        "ix_submission_gone",
        "submission",
        ["project_id", "run_id", "archived_by"],
        sqlite_where=sa.text(GONE),
        postgresql_where=sa.text(GONE),
    )


def downgrade() -> None:
    op.drop_index("ix_submission_gone", "submission")
    op.drop_column("submission", "archived_by")
