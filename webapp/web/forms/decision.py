"""The forms with which somebody decides about a held run."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import Length, ValidationError

from webapp.web.formatting import number
from webapp.web.forms.confirm_run import number_of

_STAYS = _("It stays with the run and in the log. Do not write names of clients.")
_LENGTH = Length(max=1000, message=_("A reason has at most 1,000 characters"))


class RejectForm(FlaskForm):
    """Why it is rejected, if a reason is given."""

    reason = TextAreaField(_("Why is it rejected?"), [_LENGTH], description=_STAYS)

    @property
    def why(self) -> str:
        """The reason, if one was given."""
        return (self.reason.data or "").strip()


class ApproveForm(FlaskForm):
    """The number of cases that change, as whoever approves it has read it, and why."""

    changes = StringField(
        _("How many cases may change?"), description=_("Type the number that you see above.")
    )
    why_approved = TextAreaField(_("Why is it right?"), [_LENGTH], description=_STAYS)

    def __init__(self, expected: int | None = None, **how: Any) -> None:
        super().__init__(**how)
        self._expected = expected

    def validate_changes(self, field: StringField) -> None:
        """The number that stands on the page."""
        if number_of(field.data) != self._expected:
            raise ValidationError(
                gettext("Type %(number)s, the number of cases", number=number(self._expected or 0))
            )

    @property
    def why(self) -> str:
        """The reason, if one was given."""
        return (self.why_approved.data or "").strip()
