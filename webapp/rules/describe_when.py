"""In words: when a rule runs by itself, and when it stops to ask (SPEC R17, R22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from webapp.rules.portable import RuleData
from webapp.rules.schedule import Every


def schedule_words(schedule: Mapping[str, Any]) -> str:
    """A schedule as in the JSON, as a phrase: “every day”."""
    every = Every(schedule["every"])
    if every is Every.WEEK:
        days = ", ".join(_weekday(day) for day in schedule["on"])
        return _("every week on %(days)s", days=days)
    if every is Every.MONTH:
        return _("every month on day %(day)s", day=schedule["day"])
    return _("only by hand") if every is Every.HAND else _("every day")


def brake_words(data: RuleData) -> str:
    """When a scheduled run of the rule waits for a person, as a phrase."""
    if not data.has_brake:
        return _("as in the project's settings")
    if data.brake is None:
        return _("none, so it never stops to ask")
    return _(
        "it stops to ask when more than %(cases)s cases and more than %(percent)s %% of the open"
        " cases of the type would change",
        cases=f"{data.brake['cases']:,}",
        percent=data.brake["percent"],
    )


def _weekday(day: str) -> str:
    return {
        "mon": _("Monday"),
        "tue": _("Tuesday"),
        "wed": _("Wednesday"),
        "thu": _("Thursday"),
        "fri": _("Friday"),
        "sat": _("Saturday"),
        "sun": _("Sunday"),
    }[day]
