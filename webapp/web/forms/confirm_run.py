"""The form that asks for the number of changes before a run that is over its brake."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import Length


class ConfirmForm(FlaskForm):
    """How many cases the person expects to change, and why they want it."""

    confirm_changes = StringField(
        _("How many cases may change?"),
        description=_("Type the number that you see above."),
    )
    reason = TextAreaField(
        _("Why is it run all the same?"),
        [Length(max=1000, message=_("A reason has at most 1,000 characters"))],
        description=_("It stays in the log. Do not write names of clients."),
    )

    @property
    def number(self) -> int | None:
        """What was typed, as a number; None for anything else."""
        return number_of(self.confirm_changes.data)

    @property
    def why(self) -> str:
        """The reason, if one was given."""
        return (self.reason.data or "").strip()


def number_of(typed: str | None) -> int | None:
    """A whole number that somebody typed, with or without separators; None for anything else."""
    text = "".join((typed or "").split()).replace(",", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
