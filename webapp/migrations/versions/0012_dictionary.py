"""data dictionary: the properties of case types, as the cases that are there have them; what people
say about types and properties

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

#: As `webapp.dictionary.learn` has them: names of a type, and characters of a name.
MOST, LONGEST = 2000, 255
#: How the names of a case's properties are called, and where they come from.
NAMES = {
    "sqlite": ("found.key", "json_each(cases.properties) AS found"),
    "postgresql": ("found.name", "jsonb_object_keys(cases.properties) AS found(name)"),
}


def upgrade() -> None:
    for name, kind in (("label", sa.String(length=255)), ("description", sa.Text())):
        op.add_column("case_type", sa.Column(name, kind, server_default="", nullable=False))
    op.create_table(
        "case_property",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("case_type", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("group", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("data_type", sa.String(length=7), nullable=True),
        sa.Column("deprecated", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "case_type"],
            ["case_type.project_id", "case_type.name"],
            name=op.f("fk_case_property_project_id_case_type"),
        ),
        sa.PrimaryKeyConstraint("project_id", "case_type", "name", name=op.f("pk_case_property")),
    )
    learn()


def learn() -> None:
    """What forms would have taught, had they been asked: set by set, for there may be millions of
    cases. Of a type with too many names the commonest are taken."""
    name, names = NAMES[op.get_bind().dialect.name]
    op.execute(
        "INSERT INTO case_type (project_id, name, label, description)"
        " SELECT DISTINCT project_id, type, '', '' FROM cases WHERE type <> ''"
        " ON CONFLICT DO NOTHING"
    )
    op.execute(
        f"""
        INSERT INTO case_property
            (project_id, case_type, name, label, "group", description, deprecated)
        SELECT project_id, type, name, '', '', '', false
        FROM (
            SELECT project_id, type, name, row_number()
                OVER (PARTITION BY project_id, type ORDER BY cases DESC, name) AS nth
            FROM (
                SELECT cases.project_id, cases.type, {name} AS name, count(*) AS cases
                FROM cases, {names}
                WHERE cases.type <> '' AND length({name}) BETWEEN 1 AND {LONGEST}
                GROUP BY cases.project_id, cases.type, {name}
            ) AS counted
        ) AS numbered
        WHERE nth <= {MOST}
        """  # no text from outside is in it
    )


def downgrade() -> None:
    op.drop_table("case_property")
    op.drop_column("case_type", "description")
    op.drop_column("case_type", "label")
