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
    # What was undone before there was this mark, and is archived still.
    op.execute(
        """
        UPDATE submission SET archived_by = undone.job_id
        FROM (
            SELECT job_item.project_id, job_item.item, max(job.id) AS job_id
            FROM job
            JOIN job_item ON job_item.project_id = job.project_id AND job_item.job_id = job.id
            WHERE job.kind = 'undo_run'
            AND job_item.place < job.processed AND job_item.reason IS NULL
            GROUP BY job_item.project_id, job_item.item
        ) AS undone
        WHERE submission.project_id = undone.project_id
        AND submission.submission_id = undone.item
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
