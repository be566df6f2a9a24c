"""Tables: `stored_view`, `selection`, `selected_form`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.clock import Micros
from webapp.columns import JsonObject
from webapp.extensions import Base


class StoredView(Base):
    """What people typed about persons, kept out of URLs under an opaque id (SPEC U7)."""

    __tablename__ = "stored_view"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    view_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    #: The screen it belongs to: `cases` or `submissions`.
    screen: Mapped[str] = mapped_column(String(31))
    filters: Mapped[dict[str, Any]] = mapped_column(JsonObject)
    created_by: Mapped[str] = mapped_column(String(255))
    created_on: Mapped[Micros] = mapped_column(BigInteger)


class Selection(Base):
    """Forms that a person has selected in Submit History, frozen (SPEC U8). It is that person's
    alone, and is let go when its job has its list, or when it was not used for a day."""

    __tablename__ = "selection"
    __table_args__ = (UniqueConstraint("project_id", "selection_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    selection_id: Mapped[str] = mapped_column(String(32))
    created_by: Mapped[str] = mapped_column(String(255))
    created_on: Mapped[Micros] = mapped_column(BigInteger)
    #: The canonical query of the list in which they were selected; NULL for those of a job.
    query: Mapped[str | None] = mapped_column(Text)
    #: The last tick of the state in which they were found: what came later is not among them.
    up_to: Mapped[Micros] = mapped_column(BigInteger)
    count: Mapped[int]
    #: The job that is to be taken back: these are the forms that are still as it left them.
    of_job: Mapped[int | None]
    #: The job that was started with it.
    job_id: Mapped[int | None]
    #: From when on it may be let go; NULL while its job waits to begin.
    expires_on: Mapped[Micros | None] = mapped_column(BigInteger)


class SelectedForm(Base):
    """A form of a selection: keys of `selection` and `submission`.

    Without foreign keys: 100,000 are written at once, and forms are never removed.
    """

    __tablename__ = "selected_form"
    __table_args__ = ({"sqlite_with_rowid": False},)

    project_id: Mapped[int] = mapped_column(primary_key=True)
    selection: Mapped[int] = mapped_column(primary_key=True)
    submission: Mapped[int] = mapped_column(BigInteger, primary_key=True)
