"""The forms of the data dictionary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, FileField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice

from webapp.dictionary.models import CaseType, DataType, Property, Sharing
from webapp.exchange.sheets import LARGEST, decoded
from webapp.web.forms.based_on import BasedOnForm
from webapp.web.forms.upload import content_of
from webapp.web.forms.whole import whole

#: Of a longer value only the beginning is shown in a question.
SHORT = 300


class SeenForm(BasedOnForm):
    """What people say of something in the dictionary."""

    def begin_with(self, row: CaseType | Property) -> None:
        """Fill the form from the dictionary."""
        self.begin({name: getattr(row, name) for name in self.said()})

    def said(self) -> dict[str, Any]:
        """The values as operations take them."""
        raise NotImplementedError

    def changed(self) -> dict[str, Any]:
        """Those values that differ from what the form was filled with."""
        seen = self.seen()
        return {
            name: value
            for name, value in self.said().items()
            if name not in seen or value != _as_typed(name, seen[name])
        }

    def ask(self, row: CaseType | Property, now: Mapping[str, Any]) -> None:
        """Show what came meanwhile: at the fields that were changed here too (`now`) as a question,
        in those that were not as their value. Who saves again has seen it."""
        typed = self.changed()
        values = {name: getattr(row, name) for name in self.said()}
        self.fill({name: value for name, value in values.items() if name not in typed})
        self.based_on.data = json.dumps(values)
        for name, value in now.items():
            words, field = said_words(value), str(self[name].label.text)
            self[name].errors = [
                gettext(
                    "Somebody else changed “%(field)s” meanwhile: it is “%(now)s” now. Save again"
                    " to put what you typed in its place.",
                    field=field,
                    now=words if len(words) <= SHORT else words[:SHORT] + "…",
                )
                if words
                else gettext(
                    "Somebody else emptied “%(field)s” meanwhile. Save again to put what you typed"
                    " there.",
                    field=field,
                )
            ]


class CaseTypeForm(SeenForm):
    """What people say of a case type. `name` counts only for one that is added."""

    name = StringField(_("Case type"), default="", description=_("As forms name it."))
    label = StringField(_("Label"), default="", description=_("As people call it."))
    description = TextAreaField(_("Description"), default="")
    sharing = SelectField(
        _("Sharing"),
        choices=[SelectChoice(one.value, one.label) for one in Sharing],
        default=Sharing.AS_FORM.value,
        validate_choice=False,
        description=_(
            "It counts when a case is opened, where an app names no owner of its own. Where new"
            " cases are shared, the form of a worker without exactly one group or location to"
            " share with is kept as an error. Cases that are there keep their owners."
        ),
    )

    def said(self) -> dict[str, Any]:
        """The values as operations take them."""
        kind = self.sharing.data or ""
        return {
            "label": _line(self.label.data),
            "description": _text(self.description.data),
            "sharing": Sharing(kind) if kind in set(Sharing) else kind,
        }


class PropertyForm(SeenForm):
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

    def fill(self, values: Mapping[str, Any]) -> None:
        """Show values of the dictionary."""
        place = {"place": str(values["place"] or "")} if "place" in values else {}
        kind = {"data_type": values["data_type"] or ""} if "data_type" in values else {}
        super().fill({**values, **place, **kind})

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
        return decoded(content_of(self.file, LARGEST))


def show_problems(form: FlaskForm, problems: Mapping[str, str]) -> None:
    """Say at the fields what is wrong with them."""
    for name, sentence in problems.items():
        form[name].errors = [sentence]


def said_words(value: object) -> str:
    """A value of the dictionary as a person reads it."""
    if isinstance(value, DataType | Sharing):
        return str(value.label)
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return "" if value is None else str(value)


def _as_typed(name: str, value: object) -> object:
    """A value as a form gives it back that nobody has touched."""
    if not isinstance(value, str):
        return value
    return _text(value) if name == "description" else _line(value)


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _text(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").replace("\r", "\n").strip()
