"""Tables: `rule`, `rule_version`, `night`, `run`, `run_case`, `daily_use`."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.clock import MINUTE, Micros
from webapp.columns import JsonObject, word
from webapp.extensions import Base

#: A run that is queued so long after its slot was missed in it.
MADE_UP_AFTER: Micros = 10 * MINUTE


class RuleState(StrEnum):
    """What a rule does in its slots (R30)."""

    DRAFT = "draft"
    WATCHING = "watching"
    ACTIVE = "active"
    INACTIVE = "inactive"


class RunState(StrEnum):
    """Where a run stands (R19)."""

    QUEUED = "queued"
    PLANNING = "planning"
    #: Over the brake: planned, nothing written, and a person decides (R22).
    HELD = "held"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Trigger(StrEnum):
    """What started a run."""

    SCHEDULE = "schedule"
    PERSON = "person"
    API = "api"
    COMMAND_LINE = "command_line"


class Rule(Base):
    """Criteria and actions for one case type. What it says stands in its versions; `name` and
    `case_type` repeat the newest, for lists."""

    __tablename__ = "rule"
    __table_args__ = (
        UniqueConstraint("project_id", "rule_id"),
        UniqueConstraint("project_id", "id"),
        Index("ix_rule_order", "project_id", "position"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    #: The public id: 32 hexadecimal digits; the `deviceID` of its forms (R14).
    rule_id: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(126))
    case_type: Mapped[str] = mapped_column(String(255))
    state: Mapped[RuleState] = mapped_column(word(RuleState))
    #: The number of the version in force.
    version: Mapped[int] = mapped_column(default=1)
    #: The order in which due rules run (R18), smallest first.
    position: Mapped[int]
    created_on: Mapped[Micros] = mapped_column(BigInteger)
    #: Since when it is active with its present schedule: only later slots are its (R17).
    armed_on: Mapped[Micros | None] = mapped_column(BigInteger)
    #: The last slot for which a run was queued.
    last_slot: Mapped[Micros | None] = mapped_column(BigInteger)
    #: A deleted rule is hidden and never runs; its runs and forms stay.
    deleted_on: Mapped[Micros | None] = mapped_column(BigInteger)


class RuleVersion(Base):
    """The immutable definition that a rule had at one time (R29)."""

    __tablename__ = "rule_version"
    __table_args__ = (
        UniqueConstraint("project_id", "rule", "number"),
        UniqueConstraint("project_id", "id"),
        ForeignKeyConstraint(["project_id", "rule"], ["rule.project_id", "rule.id"]),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    #: Key of `rule`.
    rule: Mapped[int]
    number: Mapped[int]
    #: As `webapp.rules.portable.to_json` writes it: SPEC §4.9 without the state.
    definition: Mapped[dict[str, Any]] = mapped_column(JsonObject)
    created_on: Mapped[Micros] = mapped_column(BigInteger)
    #: Who saved it, as in `audit_event`.
    actor_id: Mapped[str] = mapped_column(String(255))
    actor: Mapped[str] = mapped_column(String(255))


class Night(Base):
    """A slot of a project that has come, whose due rules were queued (R17): one, however many
    look at the clock."""

    __tablename__ = "night"
    __table_args__ = (
        UniqueConstraint("project_id", "slot"),
        UniqueConstraint("project_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    #: The calendar day of the slot in the project's time zone, as ISO date, and its instant.
    day: Mapped[str] = mapped_column(String(10))
    slot: Mapped[Micros] = mapped_column(BigInteger)
    #: When its runs were queued: later than the slot where the server was down.
    begun_on: Mapped[Micros] = mapped_column(BigInteger)


class Run(Base):
    """One execution of one rule version (R19)."""

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        ForeignKeyConstraint(["project_id", "rule"], ["rule.project_id", "rule.id"]),
        ForeignKeyConstraint(
            ["project_id", "version"], ["rule_version.project_id", "rule_version.id"]
        ),
        ForeignKeyConstraint(["project_id", "job_id"], ["job.project_id", "job.id"]),
        ForeignKeyConstraint(["project_id", "undo_id"], ["job.project_id", "job.id"]),
        ForeignKeyConstraint(["project_id", "night_id"], ["night.project_id", "night.id"]),
        Index("ix_run_recent", "project_id", "queued_on"),
        Index("ix_run_rule", "project_id", "rule", "queued_on"),
        # No slot runs twice for a rule, whatever else goes wrong.
        Index(
            "ix_run_slot",
            "project_id",
            "rule",
            "slot",
            unique=True,
            sqlite_where=text("slot IS NOT NULL"),
            postgresql_where=text("slot IS NOT NULL"),
        ),
        # What waits for a person, and what is to be dropped: few of many.
        Index(
            "ix_run_held",
            "project_id",
            sqlite_where=text("state = 'held'"),
            postgresql_where=text("state = 'held'"),
        ),
        Index(
            "ix_run_obsolete",
            "project_id",
            sqlite_where=text("obsolete_plan"),
            postgresql_where=text("obsolete_plan"),
        ),
        Index("ix_run_night", "project_id", "night_id"),
    )

    #: Also the public number of the run.
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    #: Keys of `rule` and `rule_version`, and the rule's name and version number at that time.
    rule: Mapped[int]
    version: Mapped[int]
    rule_name: Mapped[str] = mapped_column(String(126))
    rule_version: Mapped[int]
    trigger: Mapped[Trigger] = mapped_column(word(Trigger))
    #: Who asked, as in `audit_event`.
    actor_id: Mapped[str] = mapped_column(String(255))
    actor: Mapped[str] = mapped_column(String(255))
    state: Mapped[RunState] = mapped_column(word(RunState), default=RunState.QUEUED)
    #: The job that works on it (its progress, stop flag, attempts and heartbeat).
    job_id: Mapped[int | None]
    #: Of a scheduled run: its night, and the slot that it is for, which may be of an earlier day
    #: when the server was down.
    night_id: Mapped[int | None]
    slot: Mapped[Micros | None] = mapped_column(BigInteger)
    #: Whether it only looks (R28).
    watching: Mapped[bool] = mapped_column(default=False)
    #: Of a run by hand that is over the brake: the number of changes that the person confirmed.
    confirmed: Mapped[int | None]
    #: The last job that undid it, or took that back (R27).
    undo_id: Mapped[int | None]

    #: The instant that stands in for `now` in matching, if one was given (R8).
    as_of: Mapped[Micros | None] = mapped_column(BigInteger)
    #: The tick of its planning: whatever has a later one was changed since.
    planned_on: Mapped[Micros | None] = mapped_column(BigInteger)
    #: `now` and today in matching: `as_of`, or the real ones when it was planned. As ISO date.
    matched_at: Mapped[Micros | None] = mapped_column(BigInteger)
    today: Mapped[str | None] = mapped_column(String(10))

    open_cases: Mapped[int] = mapped_column(default=0)
    matched: Mapped[int] = mapped_column(default=0)
    #: Cases that matched and led to a form; closed; forms about other cases; all forms.
    changed: Mapped[int] = mapped_column(default=0)
    closed: Mapped[int] = mapped_column(default=0)
    related_updates: Mapped[int] = mapped_column(default=0)
    submissions: Mapped[int] = mapped_column(default=0)
    #: Cases that matched and were as wanted already; that no longer matched at their turn; at
    #: fault (R21).
    unchanged: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    errors: Mapped[int] = mapped_column(default=0)
    #: How many rows of the plan are done, and so the place of the next one.
    processed: Mapped[int] = mapped_column(default=0)
    #: What it would do, counted before anything is written: of a run that only looks, and of one
    #: that came near the brake. The names are those of `webapp.rules.rehearse.Totals`.
    would: Mapped[dict[str, int] | None] = mapped_column(JsonObject)
    #: Why it failed or stopped: a sentence.
    problem: Mapped[str | None] = mapped_column(Text)

    queued_on: Mapped[Micros] = mapped_column(BigInteger)
    started_on: Mapped[Micros | None] = mapped_column(BigInteger)
    finished_on: Mapped[Micros | None] = mapped_column(BigInteger)
    #: Since when it works without having been stopped, for the limit of hours (R20).
    working_since: Mapped[Micros | None] = mapped_column(BigInteger)

    #: When the brake held it; who decided, as in `audit_event`, when, and why (R22).
    held_on: Mapped[Micros | None] = mapped_column(BigInteger)
    decided_on: Mapped[Micros | None] = mapped_column(BigInteger)
    decider_id: Mapped[str | None] = mapped_column(String(255))
    decider: Mapped[str | None] = mapped_column(String(255))
    decision: Mapped[str | None] = mapped_column(Text)
    #: The brake of then: more cases, and more percent of the open ones, than these.
    brake_cases: Mapped[int | None]
    brake_percent: Mapped[int | None]
    #: Of one that was stopped or has failed: the number of the later run of its rule that decided
    #: anew which cases match. It does not go on any more.
    superseded_by: Mapped[int | None]
    #: Whether a plan that nobody will use is still to be dropped.
    obsolete_plan: Mapped[bool] = mapped_column(default=False)

    @property
    def made_up(self) -> bool:
        """Whether it is for a slot that had gone by long before: the server was down (R17)."""
        return self.slot is not None and self.queued_on - self.slot > MADE_UP_AFTER

    @property
    def began_on(self) -> Micros:
        """When it began, or as long as it has not, when it was queued: what lists show as its
        time."""
        return self.queued_on if self.started_on is None else self.started_on

    @property
    def would_change(self) -> int | None:
        """How many cases it would change, where that was counted before it wrote."""
        return None if self.would is None else self.would["changed"]

    @property
    def left(self) -> int:
        """How many matched cases are still to come; none of a run that only looks."""
        return 0 if self.watching else self.matched - self.processed

    @property
    def over(self) -> bool:
        """Whether nothing more happens unless a person resumes it."""
        return self.state not in (
            RunState.QUEUED,
            RunState.PLANNING,
            RunState.HELD,
            RunState.RUNNING,
        )


class RunCase(Base):
    """A row of a run's plan: a case that matched when the run began. Dropped when the run is over,
    except those that were skipped or at fault.

    Without foreign keys: a plan is written from the cases themselves while its run is locked, and
    neither is ever removed. Checking both for each row was a tenth of a run on PostgreSQL.
    """

    __tablename__ = "run_case"
    __table_args__ = (UniqueConstraint("project_id", "run", "case"),)

    project_id: Mapped[int] = mapped_column(primary_key=True)
    run: Mapped[int] = mapped_column(primary_key=True)
    #: 0, 1, 2, … oldest `server_modified_on` first, then by key.
    place: Mapped[int] = mapped_column(primary_key=True)
    case: Mapped[int] = mapped_column(BigInteger)
    #: The values of the copies, in the order of the actions; null where there is none (R10).
    #: NULL for a rule that copies nothing.
    copies: Mapped[list[str | None] | None] = mapped_column(JsonObject)
    #: True when it was at fault (counted as an error), False when it was skipped.
    failed: Mapped[bool | None]
    #: Why it was skipped or at fault: a sentence.
    reason: Mapped[str | None] = mapped_column(String(1000))
    #: Of a run that only looks: what it would do, as `webapp.rules.watch` writes it.
    would: Mapped[dict[str, Any] | None] = mapped_column(JsonObject)


class DailyUse(Base):
    """How many forms the runs of a project wrote on one of its calendar days (R20)."""

    __tablename__ = "daily_use"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    #: ISO date, in the project's time zone at that time.
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    submissions: Mapped[int] = mapped_column(default=0)
    #: That zone, and when forms were last counted.
    timezone: Mapped[str] = mapped_column(String(63))
    counted_on: Mapped[Micros] = mapped_column(BigInteger)
