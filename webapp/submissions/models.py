"""Tables: `submission`, `submission_xml`, `attachment`."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.clock import Micros
from webapp.columns import BigKey, word
from webapp.extensions import Base
from webapp.people.kinds import UserKind


class State(StrEnum):
    """What a submission is now (SPEC U6). Only `normal` ones are live: cases equal their replay."""

    NORMAL = "normal"
    ARCHIVED = "archived"
    ERROR = "error"
    DUPLICATE = "duplicate"
    DEPRECATED = "deprecated"
    UNPARSED = "unparsed"


class Submission(Base):
    """One form that was received. On screen: "form" (SPEC §1)."""

    __tablename__ = "submission"
    __table_args__ = (
        UniqueConstraint("project_id", "submission_id"),
        UniqueConstraint("project_id", "received_on"),
        UniqueConstraint("project_id", "indexed_on"),
        UniqueConstraint("project_id", "id"),
        ForeignKeyConstraint(["project_id", "of"], ["submission.project_id", "submission.id"]),
        Index("ix_submission_xmlns", "project_id", "xmlns", "received_on"),
        Index("ix_submission_app", "project_id", "app_id", "received_on"),
        Index("ix_submission_user", "project_id", "user_id", "received_on"),
        Index("ix_submission_kind", "project_id", "user_kind", "received_on"),
        Index("ix_submission_state", "project_id", "state", "received_on"),
        Index("ix_submission_completed", "project_id", "time_end"),
        Index(
            "ix_submission_asked",
            "project_id",
            "asked_id",
            sqlite_where=text('"asked_id" IS NOT NULL'),
            postgresql_where=text('"asked_id" IS NOT NULL'),
        ),
        Index(
            "ix_submission_of",
            "project_id",
            "of",
            sqlite_where=text('"of" IS NOT NULL'),
            postgresql_where=text('"of" IS NOT NULL'),
        ),
        Index(
            "ix_submission_sync_log",
            "project_id",
            "sync_log",
            sqlite_where=text("sync_log IS NOT NULL"),
            postgresql_where=text("sync_log IS NOT NULL"),
        ),
        # Of the forms that rules wrote. A case of a run's plan leads to one form for each case
        # that it changes: whatever dies and begins again, never to two.
        Index(
            "ix_submission_part",
            "project_id",
            "run_id",
            "run_place",
            "run_part",
            unique=True,
            sqlite_where=text("run_id IS NOT NULL"),
            postgresql_where=text("run_id IS NOT NULL"),
        ),
        Index(
            "ix_submission_run",
            "project_id",
            "run_id",
            "received_on",
            sqlite_where=text("run_id IS NOT NULL"),
            postgresql_where=text("run_id IS NOT NULL"),
        ),
        # Those that are archived: few of many, but all of a run that is undone.
        Index(
            "ix_submission_gone",
            "project_id",
            "run_id",
            "archived_by",
            sqlite_where=text("state = 'archived' AND run_id IS NOT NULL"),
            postgresql_where=text("state = 'archived' AND run_id IS NOT NULL"),
        ),
        Index(
            "ix_submission_rule",
            "project_id",
            "rule_key",
            "received_on",
            sqlite_where=text("rule_key IS NOT NULL"),
            postgresql_where=text("rule_key IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    submission_id: Mapped[str] = mapped_column(String(255))
    #: The id that the form asked for, where it was given another one (SPEC S6).
    asked_id: Mapped[str | None] = mapped_column(String(255))
    state: Mapped[State] = mapped_column(word(State))
    #: The job that archived it, if it is archived and that was not done by hand: what takes the job
    #: back restores only what it archived (SPEC A6).
    archived_by: Mapped[int | None]
    #: The job that restored it last, if it counts for that reason: likewise.
    restored_by: Mapped[int | None]
    #: Why it is `error` or `unparsed`: a sentence.
    problem: Mapped[str | None] = mapped_column(Text)
    #: The submission that this one is a duplicate of, or that replaced it (key of `submission`).
    of: Mapped[int | None] = mapped_column(BigInteger)

    #: "" where it could not be parsed.
    xmlns: Mapped[str] = mapped_column(String(255), default="")
    name: Mapped[str] = mapped_column(String(255), default="")
    #: "" when the form came without an application.
    app_id: Mapped[str] = mapped_column(String(255), default="")
    app_version: Mapped[str | None] = mapped_column(String(255))
    device_id: Mapped[str | None] = mapped_column(String(255))
    time_start: Mapped[Micros | None] = mapped_column(BigInteger)
    time_end: Mapped[Micros | None] = mapped_column(BigInteger)

    #: Whose the form is (SPEC S2) and, beside it, the account that sent it ("" when anonymous).
    user_id: Mapped[str] = mapped_column(String(255), default="")
    username: Mapped[str] = mapped_column(String(255), default="")
    user_kind: Mapped[UserKind] = mapped_column(word(UserKind))
    sent_by: Mapped[str] = mapped_column(String(255), default="")
    #: Written by the server itself (a rule, an API, a screen): cannot be edited from outside.
    own: Mapped[bool] = mapped_column(default=False)
    #: Of a form that a rule wrote: the run, the key of the rule, the place of the matched case in
    #: the run's plan, and 0 for the form about that case, 1, 2, … for those about related ones.
    run_id: Mapped[int | None]
    rule_key: Mapped[int | None]
    run_place: Mapped[int | None]
    run_part: Mapped[int | None] = mapped_column(SmallInteger)

    #: Of a form from a phone: the document that the phone had last received (key of `sync_log`,
    #: whose row may be gone), as the phone says. It has what its own forms did (SPEC P4).
    sync_log: Mapped[int | None] = mapped_column(BigInteger)

    #: The tick that is its place in the order of replay (SPEC S3).
    received_on: Mapped[Micros] = mapped_column(BigInteger)
    #: When the version that is in force came, if it is an edit.
    edited_on: Mapped[Micros | None] = mapped_column(BigInteger)
    #: Moves at every change of this row (SPEC I3).
    indexed_on: Mapped[Micros] = mapped_column(BigInteger)

    @property
    def arrived_on(self) -> Micros:
        """When the version that is in force came."""
        return self.received_on if self.edited_on is None else self.edited_on

    @property
    def live(self) -> bool:
        """Whether its changes count."""
        return self.state == State.NORMAL


class SubmissionXml(Base):
    """A submission's bytes as they came, apart from its row so that lists stay small."""

    __tablename__ = "submission_xml"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "submission"], ["submission.project_id", "submission.id"]
        ),
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    submission: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    #: SHA-256 of `content` in hexadecimal: tells an exact duplicate.
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Attachment(Base):
    """A file that came with a form; its content lies in the attachment store under its hash."""

    __tablename__ = "attachment"
    __table_args__ = (
        UniqueConstraint("project_id", "submission", "name"),
        ForeignKeyConstraint(
            ["project_id", "submission"], ["submission.project_id", "submission.id"]
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int]
    submission: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
