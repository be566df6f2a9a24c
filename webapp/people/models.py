"""Tables: `web_user`, `membership`, `api_key`, `mobile_worker`; what workers belong to is in
`webapp.people.sharing_models`."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, ForeignKey, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.clock import Micros
from webapp.extensions import Base
from webapp.projects.models import Project, Role


class WebUser(Base):
    """Logs in to the web site; has a role in each project (SPEC §1)."""

    __tablename__ = "web_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: The id that forms and cases carry: 32 hexadecimal digits.
    user_id: Mapped[str] = mapped_column(String(32), unique=True)
    #: In lower case.
    email: Mapped[str] = mapped_column(String(255), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    created_on: Mapped[Micros] = mapped_column(BigInteger)

    memberships: Mapped[list[Membership]] = relationship(back_populates="web_user")


class Membership(Base):
    """A web user's role in a project."""

    __tablename__ = "membership"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "role_id"], ["role.project_id", "role.id"]),
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    web_user_id: Mapped[int] = mapped_column(
        ForeignKey("web_user.id"), primary_key=True, index=True
    )
    role_id: Mapped[int]
    #: Whether a letter is sent about runs that wait for a decision or have failed.
    told_of_runs: Mapped[bool] = mapped_column(default=False)

    web_user: Mapped[WebUser] = relationship(back_populates="memberships")
    project: Mapped[Project] = relationship()
    role: Mapped[Role] = relationship(
        viewonly=True,
        primaryjoin="and_(Membership.role_id == Role.id, Membership.project_id == Role.project_id)",
        foreign_keys="Membership.role_id",
    )


class MobileWorker(Base):
    """Owns cases and submits forms from a phone (SPEC §1)."""

    __tablename__ = "mobile_worker"
    __table_args__ = (
        UniqueConstraint("project_id", "username"),
        UniqueConstraint("project_id", "user_id"),
        UniqueConstraint("project_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    #: The id that forms and cases carry: 32 hexadecimal digits.
    user_id: Mapped[str] = mapped_column(String(32))
    #: In lower case, without the project's domain.
    username: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    #: As people call them; "" where nobody has said.
    first_name: Mapped[str] = mapped_column(String(100), default="")
    last_name: Mapped[str] = mapped_column(String(100), default="")
    #: What the phone is told about them beside that: texts by names (`webapp.people.names`).
    user_data: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    created_on: Mapped[Micros] = mapped_column(BigInteger)

    project: Mapped[Project] = relationship()

    @property
    def full_name(self) -> str:
        """First and last name; "" where there is neither."""
        return f"{self.first_name} {self.last_name}".strip()


class ApiKey(Base):
    """Stands for a web user in the APIs; shown once, stored hashed (SPEC I1)."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    web_user_id: Mapped[int] = mapped_column(ForeignKey("web_user.id"), index=True)
    #: SHA-256 of the key in hexadecimal: the key is random, so a fast hash is enough.
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    #: The key's first characters, by which people tell keys apart.
    hint: Mapped[str] = mapped_column(String(8))
    read_only: Mapped[bool] = mapped_column(default=False)
    #: Limited to one project, or none.
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"))
    created_on: Mapped[Micros] = mapped_column(BigInteger)
    revoked_on: Mapped[Micros | None] = mapped_column(BigInteger)

    web_user: Mapped[WebUser] = relationship()
