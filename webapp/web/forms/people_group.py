"""The forms about groups of workers."""

from __future__ import annotations

import re

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField, TextAreaField

from webapp.web.forms.based_on import BasedOnForm

#: What stands between usernames.
_BETWEEN = re.compile(r"[\s,;]+")
#: So many usernames are read at once.
MOST_NAMES = 2_000


class GroupForm(BasedOnForm):
    """What is said of a group."""

    name = StringField(_("Name"))
    case_sharing = BooleanField(
        _("Case sharing"),
        description=_("Its members have each other's cases: those that the group owns."),
    )
    reporting = BooleanField(
        _("Reporting"), description=_("It is offered where lists are filtered by groups.")
    )


class MembersForm(FlaskForm):
    """Who is put into a group."""

    usernames = TextAreaField(
        _("Usernames"), description=_("With spaces, commas or new lines between them.")
    )

    def names(self) -> list[str]:
        """The usernames that were typed, each once."""
        found = _BETWEEN.split((self.usernames.data or "").lower())
        return list(dict.fromkeys(name for name in found if name))[:MOST_NAMES]
