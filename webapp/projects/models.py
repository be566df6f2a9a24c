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
