"""Criteria as JSON: reading one row, and writing it (SPEC R4, §4.9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _

from webapp.rules.checks import Checked
from webapp.rules.definition import (
    Criterion,
    DateIs,
    LocationIs,
    NotModifiedSince,
    NumberIs,
    ParentClosed,
    PropertyIs,
)
from webapp.rules.operators import DATE, NUMBER, PROPERTY, number_of
from webapp.rules.references import Reference, parse_reference
from webapp.submissions.blocks import MAX_COLUMN

#: Limits of R4.
MOST_VALUES = 1000
MOST_DAYS = 36_500
#: More than any reference has: five steps and a name.
_LONGEST_REFERENCE = 2000
_LOCATION_ID = re.compile(r"[0-9a-f]{32}")


def read_criterion(one: Checked) -> Criterion | None:
    """The criterion that a row says; None where it says none, and its problems are noted."""
    kind = one.word("kind", _KINDS, required=_("Choose what the condition is about."))
    return None if kind is None else kind(one)


def write_criterion(one: Criterion) -> dict[str, Any]:
    """The inverse of `read_criterion`."""
    row: dict[str, Any] = {"kind": one.kind}
    if isinstance(one, NotModifiedSince):
        return row | {"days": one.days}
    if isinstance(one, ParentClosed):
        return row
    if isinstance(one, LocationIs):
        return row | {"location": one.location, "include_descendants": one.below}
    row |= {"property": str(one.property), "operator": one.operator}
    if isinstance(one, DateIs):
        return row | {"days": one.days}
    if isinstance(one, NumberIs):
        return row | {"value": one.value}
    needs = PROPERTY[one.operator].needs
    if needs == "values":
        return row | {"values": list(one.values)}
    return row | {"value": one.value} if needs else row


def read_reference(one: Checked, name: str) -> Reference | None:
    """The reference under a key; None, and its problem is noted, where it is none (R7)."""
    text = one.text(name, required=_("Enter the name of a property."), longest=_LONGEST_REFERENCE)
    if not text or one.is_wrong(name):
        return None
    try:
        return parse_reference(text)
    except ValueError as error:
        one.wrong(name, str(error))
        return None


def _not_modified(one: Checked) -> Criterion:
    one.only("kind", "days")
    return NotModifiedSince(one.whole("days", 0, MOST_DAYS, required=_no_days()))


def _property(one: Checked) -> Criterion | None:
    one.only("kind", "property", "operator", "value", "values")
    reference = read_reference(one, "property")
    operator = one.word(
        "operator", {key: key for key in PROPERTY}, required=_("Choose a comparison.")
    )
    if operator is None:
        return None
    needs = PROPERTY[operator].needs
    for name in {"value", "values"} - {needs}:
        if one.has(name):
            one.wrong(name, _("This comparison takes no such value."))
    value = ""
    values: tuple[str, ...] = ()
    if needs == "value":
        value = one.value("value", required=_("Enter a value to compare with."))
    elif needs == "values":
        values = one.values("values", most=MOST_VALUES)
    return None if reference is None else PropertyIs(reference, operator, value, values)


def _number(one: Checked) -> Criterion | None:
    one.only("kind", "property", "operator", "value")
    reference = read_reference(one, "property")
    operator = one.word(
        "operator", {key: key for key in NUMBER}, required=_("Choose a comparison.")
    )
    value = one.number_text("value")
    if number_of(value) is None:
        one.wrong(
            "value",
            _("Enter a number like 11.5: at most 15 digits before the point and 15 after it."),
        )
    if reference is None or operator is None:
        return None
    return NumberIs(reference, operator, value)


def _date(one: Checked) -> Criterion | None:
    one.only("kind", "property", "operator", "days")
    reference = read_reference(one, "property")
    operator = one.word("operator", {key: key for key in DATE}, required=_("Choose a comparison."))
    days = one.whole("days", -MOST_DAYS, MOST_DAYS, default=0, required=_no_days())
    if reference is None or operator is None:
        return None
    return DateIs(reference, operator, days)


def _no_days() -> str:
    return str(_("Enter a number of days, like 60."))


def _parent_closed(one: Checked) -> Criterion:
    one.only("kind")
    return ParentClosed()


def _location(one: Checked) -> Criterion | None:
    one.only("kind", "location", "include_descendants")
    below = one.flag("include_descendants")
    name = one.text("location", required=_("Choose a location."), longest=MAX_COLUMN)
    if not name or one.is_wrong("location"):
        return None
    if not _LOCATION_ID.fullmatch(name):
        one.wrong("location", _("No location is called so. Choose one of those that are offered."))
        return None
    return LocationIs(name, below)


_KINDS: dict[str, Callable[[Checked], Criterion | None]] = {
    "not_modified_since": _not_modified,
    "property": _property,
    "number": _number,
    "date": _date,
    "parent_closed": _parent_closed,
    "location": _location,
}
