"""Tables: `project`, `role`."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.clock import Micros
from webapp.extensions import Base


class Project(Base):
    """A tenant: nothing is ever visible across projects (SPEC §1)."""

    __tablename__ = "project"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    title: Mapped[str] = mapped_column(String(255))
    created_on: Mapped[Micros] = mapped_column(BigInteger)
    timezone: Mapped[str] = mapped_column(String(63), default="UTC")
    #: The hour of the day, in its time zone, at which its rules run; and when hour or zone were
    #: last changed, for that counts from the next slot on (SPEC R17).
    hour: Mapped[int] = mapped_column(default=0)
    clock_set_on: Mapped[Micros | None] = mapped_column(BigInteger)
    #: Forms that its rules may write on a calendar day (0: no limit), and hours that a run may work
    #: (SPEC R20).
    daily_limit: Mapped[int] = mapped_column(default=10_000)
    run_hours: Mapped[int] = mapped_column(default=24)
    #: A scheduled run that would change more cases than this, and more of the open ones of its
    #: type, asks first (SPEC R22).
    brake_cases: Mapped[int] = mapped_column(default=100)
    brake_percent: Mapped[int] = mapped_column(default=30)
    anonymous_submissions: Mapped[bool] = mapped_column(default=False)
    #: How many anonymous forms one calendar day (UTC) may bring (SPEC S2).
    anonymous_quota: Mapped[int] = mapped_column(default=1000)

    roles: Mapped[list[Role]] = relationship(back_populates="project", order_by="Role.id")


class Role(Base):
    """A named bundle of rights in one project (SPEC X1)."""

    __tablename__ = "role"
    __table_args__ = (UniqueConstraint("project_id", "name"), UniqueConstraint("project_id", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str] = mapped_column(String(63))
    rights: Mapped[list[str]] = mapped_column(JSON)

    project: Mapped[Project] = relationship(back_populates="roles")
