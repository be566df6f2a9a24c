"""Which version of a rule another one is compared with."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import Form, SelectField
from wtforms.fields import SelectChoice


class CompareForm(Form):
    """All versions up to `last`, newest first, `but` the one that is looked at. What is not offered
    counts as not chosen: that is the one before."""

    other = SelectField(_("Compare with"), name="with", validate_choice=False)

    def __init__(self, asked: MultiDict[str, str], *, last: int, but: int) -> None:
        super().__init__(asked)
        others = [str(number) for number in range(last, 0, -1) if number != but]
        self.other.choices = [
            SelectChoice(one, str(_("Version %(number)s", number=one))) for one in others
        ]
        if self.other.data not in others:
            before = str(but - 1)
            self.other.data = before if before in others else next(iter(others), None)
        self.wanted = None if self.other.data is None else int(self.other.data)
