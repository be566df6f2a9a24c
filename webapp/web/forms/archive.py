"""The forms that ask why submissions are to be archived, or restored."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

_AT_MOST = Length(max=1000, message=_("A reason has at most 1,000 characters"))
_STAYS = _("It stays in the history of each form. Do not write names of clients.")


class ArchiveForm(FlaskForm):
    """A reason, for whoever reads the history later."""

    reason = TextAreaField(
        _("Why is it archived?"),
        [
            InputRequired(_("Enter a reason, so that others can understand it later")),
            _AT_MOST,
        ],
        description=_("It stays in the history of the form. Do not write names of clients."),
    )


class ArchiveManyForm(FlaskForm):
    """The same for many forms."""

    reason = TextAreaField(
        _("Why are they archived?"),
        [
            InputRequired(_("Enter a reason, so that others can understand it later")),
            _AT_MOST,
        ],
        description=_STAYS,
    )


class RestoreManyForm(FlaskForm):
    """Restoring, and taking a job back, may go without a reason."""

    reason = TextAreaField(_("Why?"), [_AT_MOST], description=_STAYS)
