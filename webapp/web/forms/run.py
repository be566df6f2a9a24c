"""The form that asks why a run is undone."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, TextAreaField
from wtforms.validators import Length


class UndoForm(FlaskForm):
    """A reason, if one is given, for whoever reads the history later; and an offer to switch
    the rule off, which is the person's to take up."""

    reason = TextAreaField(
        _("Why is it undone?"),
        [Length(max=1000, message=_("A reason has at most 1,000 characters"))],
        description=_("It stays in the history of each form. Do not write names of clients."),
    )
    deactivate = BooleanField(
        _("Switch the rule off as well"),
        description=_("It is on: the next time it runs, it would match these cases again."),
    )
