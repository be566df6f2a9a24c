"""The form with a project's settings."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    ValidationError,
)
from wtforms.fields import SelectChoice
from wtforms.validators import Length
from wtforms.widgets import TextInput

from webapp.people.told import PersonToTell
from webapp.projects.models import Project
from webapp.projects.operations import NUMBERS
from webapp.web.formatting import number

#: Digits, also in groups of three, as our own pages and spreadsheets write them.
_WHOLE = re.compile(r"\d{1,12}|\d{1,3}(?:[,. \u00a0\u202f]\d{3}){1,3}", re.ASCII)


class WholeNumberField(Field):
    """A setting of `NUMBERS`, by its name. `problem` is the sentence for what cannot be, with
    `%(least)s` and `%(most)s`; what was typed stays."""

    widget = TextInput()

    def __init__(self, label: Any, problem: Any, **more: Any) -> None:
        super().__init__(label, render_kw={"inputmode": "numeric", "autocomplete": "off"}, **more)
        self._problem = problem

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else number(self.data or 0)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed. Raises `ValueError` with the sentence."""
        least, most = NUMBERS[self.name]
        text = valuelist[0].strip() if valuelist else ""
        self.data = int(re.sub(r"\D", "", text)) if _WHOLE.fullmatch(text) else -1
        if not least <= self.data <= most:
            raise ValueError(str(self._problem) % {"least": number(least), "most": number(most)})


class SettingsForm(FlaskForm):
    """All settings at once. `based_on` says which ones the person saw."""

    based_on = HiddenField()
    title = StringField(
        _("Title"),
        [Length(1, 255, message=_("Enter a title of at most 255 characters"))],
        filters=[lambda text: " ".join((text or "").split())],
        description=_("How people read the name of the project, on every page."),
    )
    hour = SelectField(_("Rules run at"), coerce=int)
    timezone = StringField(
        _("Time zone"),
        filters=[lambda text: (text or "").strip()],
        description=_(
            "A place like Africa/Nairobi. It also says which day is today, for rules and limits,"
            " and the times on all pages."
        ),
    )
    daily_limit = WholeNumberField(
        _("Most updates a day"),
        _("Enter the most updates a day as a whole number from %(least)s to %(most)s"),
    )
    run_hours = WholeNumberField(
        _("Most hours a run"),
        _("Enter the most hours a run as a whole number from %(least)s to %(most)s"),
        description=_("A run that takes longer is stopped, and can be resumed."),
    )
    brake_cases = WholeNumberField(
        _("More cases than"),
        _("Enter the cases of the brake as a whole number from %(least)s to %(most)s"),
    )
    brake_percent = WholeNumberField(
        _("And more percent of the open cases of their type than"),
        _("Enter the percent of the brake as a whole number from %(least)s to %(most)s"),
    )
    told = SelectMultipleField(_("Who is told by e-mail"), validate_choice=False)
    anonymous_submissions = BooleanField(
        _("Take forms from senders who do not sign in"),
        description=_(
            "Anybody who knows the address can then send forms. They are marked as anonymous."
        ),
    )
    anonymous_quota = WholeNumberField(
        _("Most anonymous forms a day"),
        _("Enter the most anonymous forms a day as a whole number from %(least)s to %(most)s"),
        description=_("Of a day in UTC. More are refused until the next day."),
    )

    def __init__(self, people: list[PersonToTell], *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.hour.choices = [SelectChoice(hour, f"{hour:02}:00") for hour in range(24)]
        self.told.choices = [
            SelectChoice(
                one.id, gettext("%(email)s (role %(role)s)", email=one.email, role=one.role)
            )
            for one in people
        ]

    def validate_timezone(self, field: Any) -> None:
        """Any case, and spaces for the underscores, will do."""
        found = zone_called(field.data)
        if found is None:
            raise ValidationError(gettext("Choose a time zone from the list, like Africa/Nairobi"))
        field.data = found

    def changes_of(self, project: Project) -> dict[str, Any]:
        """The settings that are to be others than they are."""
        wanted = {name: self[name].data for name in SETTINGS}
        return {name: value for name, value in wanted.items() if getattr(project, name) != value}


#: What `set_project` is told of.
SETTINGS = ("title", "timezone", *NUMBERS, "anonymous_submissions")


def settings_form(project: Project, people: list[PersonToTell], based_on: int) -> SettingsForm:
    """The form as the settings are now."""
    values = {name: getattr(project, name) for name in SETTINGS}
    told = [one.id for one in people if one.told]
    return SettingsForm(people, formdata=None, data={**values, "told": told, "based_on": based_on})


def zone_called(text: str) -> str | None:
    """The time zone of a name, in any case and with spaces for its underscores; None if there is
    none."""
    return _zones().get(text.strip().replace(" ", "_").lower())


@cache
def offered_zones() -> list[str]:
    """Those that are offered: places, without the old names and the technical ones."""
    places = (name for name in _zones().values() if name.partition("/")[0] in _REGIONS)
    return ["UTC", *places]


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in sorted(available_timezones())}


_REGIONS = {
    *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe"),
    *("Indian", "Pacific"),
}
