"""lighter writes: less to keep for each form, and for each row of a job's list

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

#: Indexes of columns that few forms have.
RARE = {"ix_submission_asked": "asked_id", "ix_submission_of": "of"}
#: Foreign keys of lists that are written from the rows that they name.
LISTS = (
    ("run_case", "fk_run_case_project_id_case", "cases", ["project_id", "case"]),
    ("run_case", "fk_run_case_project_id_run", "run", ["project_id", "run"]),
    ("job_item", "fk_job_item_project_id_job_id", "job", ["project_id", "job_id"]),
)


def upgrade() -> None:
    for name, column in RARE.items():
        op.drop_index(name, "submission")
        there = sa.text(f'"{column}" IS NOT NULL')
        op.create_index(
            name, "submission", ["project_id", column], sqlite_where=there, postgresql_where=there
        )
    for table, name, _target, _columns in LISTS:
        with op.batch_alter_table(table) as rows:
            rows.drop_constraint(op.f(name), type_="foreignkey")


def downgrade() -> None:
    for table, name, target, columns in LISTS:
        with op.batch_alter_table(table) as rows:
            rows.create_foreign_key(op.f(name), target, columns, ["project_id", "id"])
    for name, column in RARE.items():
        op.drop_index(name, "submission")
        op.create_index(name, "submission", ["project_id", column])
