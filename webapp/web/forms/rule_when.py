"""When a rule runs by itself, and when it stops to ask: the part of its form that has no rows (SPEC
R17, R22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import Form, RadioField, SelectMultipleField, StringField
from wtforms.fields import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.rules.schedule import WEEKDAYS, Every
from webapp.web.forms.whole import whole

_DAYS = (
    _("Monday"),
    _("Tuesday"),
    _("Wednesday"),
    _("Thursday"),
    _("Friday"),
    _("Saturday"),
    _("Sunday"),
)


class WhenForm(Form):
    """A schedule, and a brake: the project's, one of the rule's own, or none. Fields that are not
    needed for what was chosen are kept, so that changing one's mind loses nothing."""

    every = RadioField(
        _("When it runs by itself"),
        choices=[
            SelectChoice(Every.DAY.value, _("Every day")),
            SelectChoice(Every.WEEK.value, _("On chosen days of the week")),
            SelectChoice(Every.MONTH.value, _("On a day of the month")),
            SelectChoice(Every.HAND.value, _("Only by hand")),
        ],
        default=Every.DAY.value,
        validate_choice=False,
    )
    on = SelectMultipleField(
        _("Days of the week"),
        choices=[SelectChoice(key, label) for key, label in zip(WEEKDAYS, _DAYS, strict=True)],
        validate_choice=False,
        widget=ListWidget(),
        option_widget=CheckboxInput(),
    )
    day = StringField(
        _("Day of the month"), default="", description=_("1 to 28, which every month has.")
    )
    brake = RadioField(
        _("Brake"),
        choices=[
            SelectChoice("project", _("As in the project's settings")),
            SelectChoice("own", _("Stricter for this rule")),
            SelectChoice("none", _("None: it never stops to ask")),
        ],
        default="project",
        validate_choice=False,
    )
    brake_cases = StringField(_("Cases"), default="")
    brake_percent = StringField(_("Per cent of the open cases"), default="")


def when_of(form: WhenForm) -> dict[str, Any]:
    """What was chosen as the keys `schedule` and `brake` of SPEC §4.9, wrong values as they are."""
    schedule: dict[str, Any] = {"every": form.every.data or ""}
    if form.every.data == Every.WEEK.value:
        schedule["on"] = list(form.on.data or [])
    elif form.every.data == Every.MONTH.value:
        schedule["day"] = whole(form.day.data)
    if form.brake.data == "own":
        own = {"cases": whole(form.brake_cases.data), "percent": whole(form.brake_percent.data)}
        return {"schedule": schedule, "brake": own}
    if form.brake.data == "project":
        return {"schedule": schedule}
    return {"schedule": schedule, "brake": None if form.brake.data == "none" else form.brake.data}


def when_data(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a rule in the JSON of §4.9."""
    schedule = rule.get("schedule") or {}
    brake = rule.get("brake")
    own = brake or {}
    return {
        "every": schedule.get("every", Every.DAY.value),
        "on": list(schedule.get("on", [])),
        "day": str(schedule.get("day", "")),
        "brake": "own" if brake else "none" if "brake" in rule else "project",
        "brake_cases": str(own.get("cases", "")),
        "brake_percent": str(own.get("percent", "")),
    }
