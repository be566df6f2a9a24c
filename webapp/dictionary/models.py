"""Tables: `case_type`, `form_type`. Rows are learned from what is submitted."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base


class CaseType(Base):
    """A case type that some submission of the project has used."""

    __tablename__ = "case_type"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)


class FormType(Base):
    """A form (xmlns) of an application that has been received; `app_id` is "" without one."""

    __tablename__ = "form_type"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    app_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    xmlns: Mapped[str] = mapped_column(String(255), primary_key=True)
    #: The form's own name when it was first received; "" when it had none.
    name: Mapped[str] = mapped_column(String(255), default="")
