"""Table: `stored_view`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String
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
