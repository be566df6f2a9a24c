"""Tables: `worker_group`, `group_member`, `location_level`, `location`, `worker_location`: what a
mobile worker belongs to, and so whose cases their phone carries (SPEC §5)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.clock import Micros
from webapp.extensions import Base


class Group(Base):
    """A set of mobile workers (SPEC §1). One that is deleted counts nowhere; its row stays, for
    cases and forms still carry its id."""

    __tablename__ = "worker_group"
    __table_args__ = (
        UniqueConstraint("project_id", "group_id"),
        UniqueConstraint("project_id", "id"),
        # A name is free again once its group is deleted.
        Index(
            "uq_worker_group_name",
            "project_id",
            "name",
            unique=True,
            sqlite_where=text("NOT deleted"),
            postgresql_where=text("NOT deleted"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    #: The id that cases carry as their owner: 32 hexadecimal digits.
    group_id: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(255))
    #: Its members share the cases that it owns (SPEC C1).
    case_sharing: Mapped[bool] = mapped_column(default=False)
    #: It is offered where lists are filtered by groups.
    reporting: Mapped[bool] = mapped_column(default=True)
    deleted: Mapped[bool] = mapped_column(default=False)
    created_on: Mapped[Micros] = mapped_column(BigInteger)


class GroupMember(Base):
    """That a mobile worker is in a group. Keys of `worker_group` and `mobile_worker`."""

    __tablename__ = "group_member"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "group"], ["worker_group.project_id", "worker_group.id"]
        ),
        ForeignKeyConstraint(
            ["project_id", "worker"], ["mobile_worker.project_id", "mobile_worker.id"]
        ),
        Index("ix_group_member_worker", "project_id", "worker"),
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    group: Mapped[int] = mapped_column(primary_key=True)
    worker: Mapped[int] = mapped_column(primary_key=True)


class Level(Base):
    """A kind of location, as "district" or "clinic" (SPEC C7)."""

    __tablename__ = "location_level"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        UniqueConstraint("project_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str] = mapped_column(String(255))
    #: Its locations own cases, which all workers assigned to them share.
    owns_cases: Mapped[bool] = mapped_column(default=False)
    #: Workers assigned to its locations also have the cases of all locations below.
    views_child_data: Mapped[bool] = mapped_column(default=False)


class Location(Base):
    """A node of the organization tree (SPEC §1, C7). One that is archived counts nowhere."""

    __tablename__ = "location"
    __table_args__ = (
        UniqueConstraint("project_id", "location_id"),
        UniqueConstraint("project_id", "site_code"),
        UniqueConstraint("project_id", "id"),
        ForeignKeyConstraint(
            ["project_id", "level_id"], ["location_level.project_id", "location_level.id"]
        ),
        ForeignKeyConstraint(["project_id", "parent_id"], ["location.project_id", "location.id"]),
        Index("ix_location_parent", "project_id", "parent_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    #: The id that cases carry as their owner: 32 hexadecimal digits.
    location_id: Mapped[str] = mapped_column(String(32))
    #: What people's own tools call it: lower case letters, digits, `_`, `-`.
    site_code: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    level_id: Mapped[int]
    #: NULL at the top of the tree.
    parent_id: Mapped[int | None]
    archived: Mapped[bool] = mapped_column(default=False)
    #: When that was; those that were archived in one go have the same, and come back together.
    archived_on: Mapped[Micros | None] = mapped_column(BigInteger)
    created_on: Mapped[Micros] = mapped_column(BigInteger)

    level: Mapped[Level] = relationship(
        viewonly=True,
        primaryjoin="and_(Location.level_id == Level.id, Location.project_id == Level.project_id)",
        foreign_keys="Location.level_id",
    )


class Assignment(Base):
    """That a mobile worker is assigned to a location. Keys of `mobile_worker` and `location`."""

    __tablename__ = "worker_location"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "worker"], ["mobile_worker.project_id", "mobile_worker.id"]
        ),
        ForeignKeyConstraint(["project_id", "location"], ["location.project_id", "location.id"]),
        Index("ix_worker_location_location", "project_id", "location"),
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    worker: Mapped[int] = mapped_column(primary_key=True)
    location: Mapped[int] = mapped_column(primary_key=True)
