"""Tables: `cases`, `case_index`, `case_transaction`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.clock import Micros
from webapp.columns import BigKey, JsonObject
from webapp.extensions import Base


class Case(Base):
    """A thing followed over time. What stands here always equals the replay of its live
    submissions (SPEC A1); only `webapp.cases.store` writes it."""

    __tablename__ = "cases"
    __table_args__ = (
        UniqueConstraint("project_id", "case_id"),
        UniqueConstraint("project_id", "id"),
        # Partial, though it leaves nothing out that counts: a column of any other unique index is
        # part of a key for PostgreSQL, so that each change of a case would wait for whoever
        # refers to it, as a run does to thousands while it is planned.
        Index(
            "uq_cases_project_id_indexed_on",
            "project_id",
            "indexed_on",
            unique=True,
            postgresql_where=text("indexed_on IS NOT NULL"),
        ),
        # Without the modified date in it: bulk closing was two to three times slower with it.
        Index(
            "ix_cases_open",
            "project_id",
            "type",
            "id",
            sqlite_where=text("NOT closed AND NOT deleted"),
            postgresql_where=text("NOT closed AND NOT deleted"),
        ),
        Index("ix_cases_modified", "project_id", "server_modified_on", "id"),
        Index("ix_cases_owner", "project_id", "owner_id", "id"),
        Index("ix_cases_external", "project_id", "external_id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    case_id: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(255), default="")
    name: Mapped[str] = mapped_column(String(255), default="")
    owner_id: Mapped[str] = mapped_column(String(255), default="")
    external_id: Mapped[str] = mapped_column(String(255), default="")
    opened_on: Mapped[Micros | None] = mapped_column(BigInteger)
    opened_by: Mapped[str] = mapped_column(String(255), default="")
    modified_on: Mapped[Micros | None] = mapped_column(BigInteger)
    modified_by: Mapped[str] = mapped_column(String(255), default="")
    closed: Mapped[bool] = mapped_column(default=False)
    closed_on: Mapped[Micros | None] = mapped_column(BigInteger)
    closed_by: Mapped[str] = mapped_column(String(255), default="")
    #: No live submission is left; a later form brings the case back (SPEC S9f).
    deleted: Mapped[bool] = mapped_column(default=True)
    #: Arrival of the last live submission that touched it (SPEC S9c).
    server_modified_on: Mapped[Micros | None] = mapped_column(BigInteger)
    #: Moves at every change, whatever its cause (SPEC I3). NULL only inside the transaction that
    #: makes the row, before it takes its tick.
    indexed_on: Mapped[Micros | None] = mapped_column(BigInteger)
    properties: Mapped[dict[str, str]] = mapped_column(JsonObject, default=dict)


#: Which cases are open, in the words of `ix_cases_open`: SQLAlchemy says `closed = 0` on SQLite,
#: and that index is not taken then.
OPEN = (text("NOT cases.closed"), text("NOT cases.deleted"))


class CaseIndex(Base):
    """A link from a case to another, by identifier (SPEC §1, S9e)."""

    __tablename__ = "case_index"
    __table_args__ = (
        UniqueConstraint("project_id", "case", "identifier"),
        ForeignKeyConstraint(["project_id", "case"], ["cases.project_id", "cases.id"]),
        ForeignKeyConstraint(["project_id", "target"], ["cases.project_id", "cases.id"]),
        Index("ix_case_index_target", "project_id", "target"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int]
    #: Keys of `cases`: who points, and at whom.
    case: Mapped[int] = mapped_column(BigInteger)
    identifier: Mapped[str] = mapped_column(String(255))
    target: Mapped[int] = mapped_column(BigInteger)
    #: The target's type as the form named it.
    target_type: Mapped[str] = mapped_column(String(255), default="")
    relationship: Mapped[str] = mapped_column(String(9))


class CaseTransaction(Base):
    """The fact that one submission touched one case: what it asked for as resolved on arrival
    (`change`, see `webapp.cases.apply.Change`) and what was there before (`before`)."""

    __tablename__ = "case_transaction"
    __table_args__ = (
        UniqueConstraint("project_id", "submission", "case"),
        ForeignKeyConstraint(["project_id", "case"], ["cases.project_id", "cases.id"]),
        ForeignKeyConstraint(
            ["project_id", "submission"], ["submission.project_id", "submission.id"]
        ),
        Index("ix_case_transaction_case", "project_id", "case", "submission"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int]
    #: Keys of `cases` and `submission`.
    case: Mapped[int] = mapped_column(BigInteger)
    submission: Mapped[int] = mapped_column(BigInteger)
    change: Mapped[dict[str, Any]] = mapped_column(JsonObject)
    #: What `change` overwrote when it was last applied; NULL as long as it never was. Out of date
    #: while the submission is not live.
    before: Mapped[dict[str, Any] | None] = mapped_column(JsonObject)
