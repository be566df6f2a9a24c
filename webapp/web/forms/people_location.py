"""The forms about locations and their levels."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, StringField
from wtforms.fields import SelectChoice

from webapp.people.queries import LevelRow
from webapp.web.forms.based_on import BasedOnForm


class LevelForm(BasedOnForm):
    """What is said of a level."""

    name = StringField(_("Name"), description=_("A kind of place, as “district” or “clinic”."))
    owns_cases = BooleanField(
        _("Owns cases"),
        description=_("Workers assigned to such a location share the cases that it owns."),
    )
    views_child_data = BooleanField(
        _("Sees what is below"),
        description=_(
            "Workers assigned to such a location also have the cases of all locations below it."
        ),
    )


class LocationForm(BasedOnForm):
    """What is said of a location. `parent` counts only for one that is made."""

    name = StringField(_("Name"))
    level = SelectField(_("Level"), choices=[], validate_choice=False)
    parent = StringField(
        _("Lies below"),
        description=_("The site code or name of a location; empty at the top of the tree."),
    )
    site_code = StringField(
        _("Site code"),
        description=_(
            "What other tools call it: small letters, digits, “-”, “_”. Left empty, one is made."
        ),
    )

    def offer(self, levels: Sequence[LevelRow]) -> None:
        """The levels to choose from."""
        self.level.choices = [
            SelectChoice("", gettext("Choose a level")),
            *(SelectChoice(row.level.name, row.level.name) for row in levels),
        ]


class MoveForm(FlaskForm):
    """Where a location is moved to."""

    parent = StringField(
        _("New place, below"),
        description=_("The site code or name of a location; empty for the top of the tree."),
    )
