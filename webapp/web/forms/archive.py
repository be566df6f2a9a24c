"""The form that asks why a submission is to be archived."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length


class ArchiveForm(FlaskForm):
    """A reason, for whoever reads the history later."""

    reason = TextAreaField(
        _("Why is it archived?"),
        [
            InputRequired(_("Enter a reason, so that others can understand it later")),
            Length(max=1000, message=_("A reason has at most 1,000 characters")),
        ],
        description=_("It stays in the history of the form. Do not write names of clients."),
    )
