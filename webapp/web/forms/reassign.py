"""The form *Reassign cases*."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, StringField


class ReassignForm(FlaskForm):
    """Whom cases are given to. `mark` tells which cases the person saw, and `told` for which new
    owner they heard what that means."""

    owner = StringField(
        _("New owner"),
        description=_(
            "A mobile worker, a group that shares cases, a location or a web user by name, or an id"
            " as forms have it."
        ),
    )
    mark = HiddenField()
    told = HiddenField()
    anyway = BooleanField(_("Reassign them all the same"))
