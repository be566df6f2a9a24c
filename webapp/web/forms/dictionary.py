"""The forms of the data dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, FileField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice

from webapp.dictionary.models import DataType, Property
from webapp.dictionary.table import LARGEST, decoded
from webapp.web.forms.whole import whole


class CaseTypeForm(FlaskForm):
    """What people say of a case type. `name` counts only for one that is added."""

    name = StringField(_("Case type"), default="", description=_("As forms name it."))
    label = StringField(_("Label"), default="", description=_("As people call it."))
    description = TextAreaField(_("Description"), default="")

    def said(self) -> dict[str, Any]:
        """The values as operations take them."""
        return {"label": _line(self.label.data), "description": _text(self.description.data)}


class PropertyForm(FlaskForm):
    """What people say of a property. `name` counts only for one that is added."""

    name = StringField(_("Property"), default="", description=_("As forms name it."))
    label = StringField(_("Label"), default="", description=_("As people call it."))
    group = StringField(
        _("Group"), default="", description=_("Properties of a group stand together.")
    )
    place = StringField(
        _("Order"),
        default="",
        description=_("A whole number; smaller ones come first, those without one last."),
    )
    data_type = SelectField(
        _("Type"),
        choices=[
            SelectChoice("", _("not set")),
            *(SelectChoice(one.value, one.label) for one in DataType),
        ],
        default="",
        validate_choice=False,
        description=_("What the values are meant to be. It refuses no form."),
    )
    description = TextAreaField(_("Description"), default="")
    deprecated = BooleanField(
        _("Deprecated"),
        description=_("It is not offered any more, and still accepted everywhere."),
    )

    @classmethod
    def of(cls, row: Property) -> PropertyForm:
        """The form as the dictionary has it."""
        return cls(
            formdata=None,
            data={
                "label": row.label,
                "group": row.group,
                "place": "" if row.place is None else str(row.place),
                "data_type": row.data_type.value if row.data_type else "",
                "description": row.description,
                "deprecated": row.deprecated,
            },
        )

    def said(self) -> dict[str, Any]:
        """The values as operations take them. An order that is no number is one that they
        refuse."""
        kind = self.data_type.data or ""
        place = whole(self.place.data) if (self.place.data or "").strip() else None
        return {
            "label": _line(self.label.data),
            "group": _line(self.group.data),
            "description": _text(self.description.data),
            "data_type": DataType(kind) if kind in set(DataType) else None,
            "deprecated": bool(self.deprecated.data),
            "place": 0 if isinstance(place, str) else place,
        }


class ImportForm(FlaskForm):
    """A file with a dictionary; `text` is what was in it, when somebody has seen what it would
    change."""

    file = FileField(
        _("File"), description=_("CSV as “Export as CSV” makes it, in UTF-8. At most 4 MB.")
    )
    text = TextAreaField(default="")

    def read(self) -> str:
        """The text of the file. Raises `Invalid`."""
        return decoded(self.file.data.read(LARGEST + 1) if self.file.data else b"")


def show_problems(form: FlaskForm, problems: Mapping[str, str]) -> None:
    """Say at the fields what is wrong with them."""
    for name, sentence in problems.items():
        form[name].errors = [sentence]


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _text(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").replace("\r", "\n").strip()
