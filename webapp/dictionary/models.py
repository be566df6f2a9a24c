"""Tables: `case_type`, `case_property`, `form_type`. Rows are learned from what is submitted, and
people add what they know about them (SPEC U10)."""

from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from sqlalchemy import ForeignKey, ForeignKeyConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.columns import word
from webapp.extensions import Base


class DataType(StrEnum):
    """What a property's values are meant to be: a closed table. It binds nobody: a form may bring
    any text, and is taken."""

    TEXT = "text"
    DATE = "date"
    NUMBER = "number"
    CHOICE = "choice"
    PHONE = "phone"
    PLACE = "place"
    BARCODE = "barcode"

    @property
    def label(self) -> LazyString:
        """The type on screen."""
        return _LABELS[self]


_LABELS = {
    DataType.TEXT: _("Text"),
    DataType.DATE: _("Date"),
    DataType.NUMBER: _("Number"),
    DataType.CHOICE: _("Choice"),
    DataType.PHONE: _("Phone number"),
    DataType.PLACE: _("Place (GPS)"),
    DataType.BARCODE: _("Barcode"),
}


class Sharing(StrEnum):
    """Who owns a case of a type that is opened without an owner, or with one that an app sets by
    itself: a closed table (SPEC C4)."""

    AS_FORM = "as-form"
    SHARED = "shared"
    PRIVATE = "private"

    @property
    def label(self) -> LazyString:
        """Whose new cases are, on screen."""
        return _SHARING[self]


_SHARING = {
    Sharing.AS_FORM: _("New cases belong to whom the form says"),
    Sharing.SHARED: _("New cases are shared with the worker's group or location"),
    Sharing.PRIVATE: _("New cases are the worker's own"),
}


class CaseType(Base):
    """A case type that some submission of the project has used, or that a person has added."""

    __tablename__ = "case_type"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    #: As people call it; "" where nobody has said.
    label: Mapped[str] = mapped_column(String(255), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    sharing: Mapped[Sharing] = mapped_column(word(Sharing), default=Sharing.AS_FORM)


class Property(Base):
    """A property that some case of a type was given, or that a person has added. Where forms bring
    very many names, not all of them are here (`webapp.dictionary.learn.MOST`)."""

    __tablename__ = "case_property"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "case_type"], ["case_type.project_id", "case_type.name"]
        ),
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    case_type: Mapped[str] = mapped_column(String(255), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    label: Mapped[str] = mapped_column(String(255), default="")
    #: Properties of the same group stand together; "" is none.
    group: Mapped[str] = mapped_column(String(255), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    data_type: Mapped[DataType | None] = mapped_column(word(DataType))
    #: No longer to be used: not offered any more, but still accepted everywhere.
    deprecated: Mapped[bool] = mapped_column(default=False)
    #: The place that people gave it among the others of its type; those without one come after,
    #: by name.
    place: Mapped[int | None]


class FormType(Base):
    """A form (xmlns) of an application that has been received; `app_id` is "" without one."""

    __tablename__ = "form_type"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    app_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    xmlns: Mapped[str] = mapped_column(String(255), primary_key=True)
    #: The form's own name when it was first received; "" when it had none.
    name: Mapped[str] = mapped_column(String(255), default="")
