"""The small forms of a rule's page: as of when, and which case."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import Form, StringField

from webapp.clock import Micros
from webapp.errors import Invalid
from webapp.rules.moment import parse_as_of


def version_number(text: str | None) -> int | None:
    """The number of a version, as a hidden field sends it; None where it is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None


class RunForm(Form):
    """As of when a rule looks at the cases; nothing means now."""

    as_of = StringField(
        _("As of"),
        default="",
        description=_("A date like 2026-01-31. Leave it empty for now."),
    )

    def read_as_of(self, timezone: str) -> Micros | None:
        """The instant that was asked for; None for now, also where it cannot be read: then the
        field says so."""
        text = (self.as_of.data or "").strip()
        if not text:
            return None
        try:
            return parse_as_of(text, timezone)
        except Invalid as error:
            self.as_of.errors = [error.message]
            return None


class CheckForm(RunForm):
    """Which case is to be checked."""

    case = StringField(_("Case"), default="", description=_("A part of its name, or its whole id."))
