"""THE table of operators (SPEC R4): what each is called, what it needs, and what it means in SQL
and in Python. Both must say the same of any text, however dirty; `tests/rules/test_parity.py`
compares them.

A value is a text; None is a property that was never set (R5).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from sqlalchemy import ColumnElement, Text, and_, bindparam, func, literal, or_

from webapp.columns import JsonObject
from webapp.rules.definition import PropertyIs
from webapp.rules.sql import BLANKS, Binary, IsOneOf, Position, Trimmed

Column = ColumnElement[Any]
Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class PropertyOperator:
    """A comparison of texts. `needs` is what a person gives: "", `value` or `values`. `sql` and
    `python` are about a case that is there; `without_case` is the truth for one that is not."""

    label: LazyString
    needs: str
    sql: Callable[[Column, PropertyIs], Condition]
    python: Callable[[str | None, PropertyIs], bool]
    without_case: bool = False


def _bound(text: str) -> Column:
    return bindparam(None, text, Text())


#: Nearly all texts come after this, and so have a value: to trim one takes ten times as long.
_WHITE = " ~"


def lacks_value(value: Column) -> Condition:
    """Whether a value is missing, empty or only white space; never NULL."""
    return or_(value.is_(None), and_(Binary(value) <= _WHITE, Trimmed(value) == ""))


def has_value(value: Column) -> Condition:
    """The contrary; never NULL."""
    there = or_(Binary(value) > _WHITE, Trimmed(value) != "")
    return and_(value.is_not(None), there)


def is_blank(value: str | None) -> bool:
    """Whether a value is missing, empty or only white space as R4 has it."""
    return value is None or not value.strip(BLANKS)


#: Texts: equality is of whole texts, with case, without trimming or meaning.
PROPERTY: Mapping[str, PropertyOperator] = MappingProxyType(
    {
        "equals": PropertyOperator(
            _("equals"),
            "value",
            lambda value, wanted: value == _bound(wanted.value),
            lambda value, wanted: value == wanted.value,
        ),
        "not_equals": PropertyOperator(
            _("is not equal to"),
            "value",
            # A missing property is not equal to anything; that of a missing case is nothing (R5).
            lambda value, wanted: or_(value.is_(None), value != _bound(wanted.value)),
            lambda value, wanted: value != wanted.value,
        ),
        "has_value": PropertyOperator(
            _("has a value"),
            "",
            lambda value, _wanted: has_value(value),
            lambda value, _wanted: not is_blank(value),
        ),
        "has_no_value": PropertyOperator(
            _("has no value"),
            "",
            lambda value, _wanted: lacks_value(value),
            lambda value, _wanted: is_blank(value),
            without_case=True,
        ),
        "one_of": PropertyOperator(
            _("is one of"),
            "values",
            lambda value, wanted: IsOneOf(value, literal(list(wanted.values), JsonObject)),
            lambda value, wanted: value in wanted.values,
        ),
        "contains": PropertyOperator(
            _("contains"),
            "value",
            lambda value, wanted: Position(value, _bound(wanted.value)) > 0,
            lambda value, wanted: value is not None and wanted.value in value,
        ),
        "starts_with": PropertyOperator(
            _("starts with"),
            "value",
            lambda value, wanted: (
                func.substr(value, 1, len(wanted.value), type_=Text()) == _bound(wanted.value)
            ),
            lambda value, wanted: value is not None and value.startswith(wanted.value),
        ),
    }
)


@dataclass(frozen=True, slots=True)
class NumberOperator:
    """A comparison of a text that is a number with a number."""

    label: LazyString
    sign: str
    python: Callable[[Decimal, Decimal], bool]


NUMBER: Mapping[str, NumberOperator] = MappingProxyType(
    {
        "less_than": NumberOperator(_("is less than"), "<", operator.lt),
        "at_most": NumberOperator(_("is at most"), "<=", operator.le),
        "greater_than": NumberOperator(_("is greater than"), ">", operator.gt),
        "at_least": NumberOperator(_("is at least"), ">=", operator.ge),
    }
)

_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")


def number_of(text: str | None) -> Decimal | None:
    """The number that a text is, None where it is none (R4)."""
    if text is None:
        return None
    plain = text.strip(BLANKS)
    return Decimal(plain) if _PLAIN_NUMBER.fullmatch(plain) else None


@dataclass(frozen=True, slots=True)
class DateOperator:
    """Today compared with a date. `dates` gives the first and the last day number of the dates for
    which it is true, from the day number that today less the shift is."""

    label: LazyString
    dates: Callable[[int], tuple[int, int]]


_FIRST_DAY = date.min.toordinal()
_LAST_DAY = date.max.toordinal()
_NEVER = -(10**9)
_EVER = 10**9

#: Today is the subject: "today is before the date" (R4).
DATE: Mapping[str, DateOperator] = MappingProxyType(
    {
        "before": DateOperator(_("is before"), lambda day: (day + 1, _EVER)),
        "on_or_before": DateOperator(_("is on or before"), lambda day: (day, _EVER)),
        "after": DateOperator(_("is after"), lambda day: (_NEVER, day - 1)),
        "on_or_after": DateOperator(_("is on or after"), lambda day: (_NEVER, day)),
    }
)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def date_of(text: str | None) -> date | None:
    """The date that a text begins with, None where it is none (R6)."""
    if text is None or not _DAY.match(text) or text[10:11] not in ("", "T", " "):
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def dates_for(key: str, days: int, today: date) -> tuple[date, date] | None:
    """The first and the last date for which an operator is true with a shift of `days`, None for
    none at all. A date that is shifted out of the calendar is not among them (R6)."""
    first, last = DATE[key].dates(today.toordinal() - days)
    first = max(first, _FIRST_DAY, _FIRST_DAY - days)
    last = min(last, _LAST_DAY, _LAST_DAY - days)
    return (date.fromordinal(first), date.fromordinal(last)) if first <= last else None
