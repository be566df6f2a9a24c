"""What both databases must do alike with dirty text, each in its own words.

Nothing here casts a text that is not checked, and nothing fails on any value (DESIGN "The engine").
Each element compiles to one expression; its parts are columns, literals and bound values.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Text, bindparam, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webapp.columns import JsonObject

#: Microseconds of a second and of a day.
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND

#: White space is space, tab, LF and CR, nothing else (R4).
BLANKS = " \t\n\r"

#: A real calendar day, alone or followed by T or a space (R6). Not in Python's words but in
#: PostgreSQL's, which has no date check that cannot fail. First the days that each month has: this
#: takes half the time, and is enough for nearly all.
_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_PLAIN_DATE = rf"\A{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])(?:[T ]|\Z)"
_DATE = (
    rf"\A(?:{_YEAR}-"
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])"
    r"|(?:0[48]|[2468][048]|[13579][26])00)-02-29"
    r")(?:[T ]|\Z)"
)
_NUMBER = r"\A[ \t\n\r]*-?[0-9]{1,15}(?:\.[0-9]{1,15})?[ \t\n\r]*\Z"


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]


class PropertyText(FunctionElement[str]):
    """The text of a property, NULL where it was never set: `PropertyText(column, quoted(name))`.

    The path is a literal and no bound value, because only then is it matched to an index.
    """

    type = Text()
    inherit_cache = True
    name = "property_text"


def quoted(name: str) -> ColumnElement[str]:
    """A property's name as a literal. Names of references hold no quotes (`parse_reference`)."""
    if "'" in name or '"' in name or "\\" in name:
        raise ValueError(f"{name!r} is no name of a reference")
    return literal_column(f"'{name}'", Text())


@compiles(PropertyText, "sqlite")
def _property_text_sqlite(element: PropertyText, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    return f"json_extract({column}, '$.\"{name[1:-1]}\"')"


@compiles(PropertyText, "postgresql")
def _property_text_postgresql(element: PropertyText, compiler: SQLCompiler, **kw: Any) -> str:
    column, name = _parts(element, compiler, **kw)
    return f"({column} ->> {name})"


class InstantText(FunctionElement[str]):
    """An instant as `YYYY-MM-DDTHH:MM:SS.ffffffZ` (R7), NULL for none."""

    type = Text()
    inherit_cache = True
    name = "instant_text"


@compiles(InstantText, "sqlite")
def _instant_text_sqlite(element: InstantText, compiler: SQLCompiler, **kw: Any) -> str:
    (at,) = _parts(element, compiler, **kw)
    rest = f"((({at} % {_SECOND}) + {_SECOND}) % {_SECOND})"  # % has the sign of its left side
    seconds = f"(({at} - {rest}) / {_SECOND})"
    return (
        f"(strftime('%Y-%m-%dT%H:%M:%S', {seconds}, 'unixepoch')"
        f" || '.' || substr('00000' || {rest}, -6) || 'Z')"
    )


@compiles(InstantText, "postgresql")
def _instant_text_postgresql(element: InstantText, compiler: SQLCompiler, **kw: Any) -> str:
    (at,) = _parts(element, compiler, **kw)
    # An interval is multiplied as a float: whole days and the rest apart stay exact.
    day = f"(({at} / {_DAY}) * interval '1 day' + ({at} %% {_DAY}) * interval '1 microsecond')"
    return f"to_char(timestamp 'epoch' + {day}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


class Trimmed(FunctionElement[str]):
    """A text without white space at its ends. The functions named `trim` differ in three ways."""

    type = Text()
    inherit_cache = True
    name = "trimmed"


@compiles(Trimmed, "sqlite")
def _trimmed_sqlite(element: Trimmed, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _parts(element, compiler, **kw)
    return f"trim({text}, char(32, 9, 10, 13))"


@compiles(Trimmed, "postgresql")
def _trimmed_postgresql(element: Trimmed, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _parts(element, compiler, **kw)
    return rf"btrim({text}, E' \t\n\r')"


class Position(FunctionElement[int]):
    """Where a text contains another, 0 where it does not: `Position(text, part)`. Never LIKE, which
    ignores case on SQLite."""

    type = BigInteger()
    inherit_cache = True
    name = "position_of"


@compiles(Position, "sqlite")
def _position_sqlite(element: Position, compiler: SQLCompiler, **kw: Any) -> str:
    text, part = _parts(element, compiler, **kw)
    return f"instr({text}, {part})"


@compiles(Position, "postgresql")
def _position_postgresql(element: Position, compiler: SQLCompiler, **kw: Any) -> str:
    text, part = _parts(element, compiler, **kw)
    return f"strpos({text}, {part})"


class IsOneOf(FunctionElement[bool]):
    """Whether a text is in a JSON list: `IsOneOf(text, bound list)`. One bound value, for SQLite
    takes 32,766 of them and a rule may name 50,000."""

    type = Boolean()
    inherit_cache = True
    name = "is_one_of"


@compiles(IsOneOf, "sqlite")
def _is_one_of_sqlite(element: IsOneOf, compiler: SQLCompiler, **kw: Any) -> str:
    text, values = _parts(element, compiler, **kw)
    return f"({text} IN (SELECT value FROM json_each({values})))"  # noqa: S608  # compiled SQL


@compiles(IsOneOf, "postgresql")
def _is_one_of_postgresql(element: IsOneOf, compiler: SQLCompiler, **kw: Any) -> str:
    text, values = _parts(element, compiler, **kw)
    return f"({text} IN (SELECT jsonb_array_elements_text({values}::jsonb)))"


class IsDate(FunctionElement[bool]):
    """Whether a text is a date (R6), NULL for none."""

    type = Boolean()
    inherit_cache = True
    name = "is_date"


def _day(text: str) -> str:
    return f"substr({text}, 1, 10)"


def _plain(text: str) -> str:
    """Whether a text of SQLite is a date and nothing else. `date` reads much else (`now`, Julian
    days), and year 0; what it gives back shows it."""
    return f"(date({text}, '+0 days') IS {text} AND {text} >= '0001')"


def _with_time(text: str) -> str:
    day = _day(text)
    return (
        f"({day} >= '0001' AND date({day}, '+0 days') IS {day}"
        f" AND substr({text}, 11, 1) IN ('', 'T', ' '))"
    )


def _is_date(text: str) -> str:
    return f"({text} ~ '{_PLAIN_DATE}' OR {text} ~ '{_DATE}')"


@compiles(IsDate, "sqlite")
def _is_date_sqlite(element: IsDate, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _parts(element, compiler, **kw)
    # Nearly all are nothing but a date: that takes less than half the time to see.
    return f"(CASE WHEN {_plain(text)} THEN 1 ELSE {_with_time(text)} END)"


@compiles(IsDate, "postgresql")
def _is_date_postgresql(element: IsDate, compiler: SQLCompiler, **kw: Any) -> str:
    return _is_date(*_parts(element, compiler, **kw))


class DayOf(FunctionElement[str]):
    """The first ten characters of a text that is a date (R6), NULL for any other."""

    type = Text()
    inherit_cache = True
    name = "day_of"


@compiles(DayOf, "sqlite")
def _day_of_sqlite(element: DayOf, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _parts(element, compiler, **kw)
    # Nearly all are nothing but a date, and so their own day.
    return f"(CASE WHEN {_plain(text)} THEN {text} WHEN {_with_time(text)} THEN {_day(text)} END)"


@compiles(DayOf, "postgresql")
def _day_of_postgresql(element: DayOf, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _parts(element, compiler, **kw)
    return f"(CASE WHEN {_is_date(text)} THEN substr({text}, 1, 10) END)"


class IsNumber(FunctionElement[bool]):
    """Whether a text is a plain decimal number (R4), NULL for none."""

    type = Boolean()
    inherit_cache = True
    name = "is_number"


def _digits(text: str) -> tuple[str, str, str]:
    """Of a text in SQLite: what follows a minus, its whole part, and its fraction."""
    trimmed = f"trim({text}, char(32, 9, 10, 13))"
    plain = f"substr({trimmed}, 1 + (substr({trimmed}, 1, 1) = '-'))"
    dot = f"instr({plain} || '.', '.')"
    return plain, f"substr({plain}, 1, {dot} - 1)", f"substr({plain}, {dot} + 1)"


def _is_number(text: str) -> str:
    plain, whole, fraction = _digits(text)
    return (
        f"(({plain} GLOB '[0-9]*[0-9]' OR {plain} GLOB '[0-9]')"
        f" AND length({whole}) <= 15 AND {whole} NOT GLOB '*[^0-9]*'"
        f" AND length({fraction}) <= 15 AND {fraction} NOT GLOB '*[^0-9]*')"
    )


@compiles(IsNumber, "sqlite")
def _is_number_sqlite(element: IsNumber, compiler: SQLCompiler, **kw: Any) -> str:
    return _is_number(*_parts(element, compiler, **kw))


@compiles(IsNumber, "postgresql")
def _is_number_postgresql(element: IsNumber, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _parts(element, compiler, **kw)
    return f"({text} ~ '{_NUMBER}')"


class NumberCompares(FunctionElement[bool]):
    """Whether a text is a number that is less, … than another: exact, NULL for none. Made by
    `number_compares`."""

    type = Boolean()
    inherit_cache = True
    name = "number_compares"


#: What is left of a comparison when both sides change their sign.
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ZEROS = "0" * 15


def number_compares(text: ColumnElement[Any], sign: str, number: Decimal) -> NumberCompares:
    """`text` `sign` `number`, where the number keeps to the limits of R4. `sign` is <, <=, > or
    >=."""
    # Not `abs`, which rounds to 28 digits.
    whole, _dot, fraction = f"{number.copy_abs():f}".partition(".")
    return NumberCompares(
        text,
        literal_column(sign),
        literal_column("true" if number < 0 else "false"),
        bindparam(None, f"{number:f}", Text()),
        # The absolute value as 30 digits, which compare as texts.
        bindparam(None, whole.rjust(15, "0") + fraction.ljust(15, "0"), Text()),
    )


@compiles(NumberCompares, "sqlite")
def _number_compares_sqlite(element: NumberCompares, compiler: SQLCompiler, **kw: Any) -> str:
    text, sign, below_zero, _number, digits = element.clauses
    value = compiler.process(text, **kw)
    _plain, whole, fraction = _digits(value)
    of_value = f"(substr('{_ZEROS}' || {whole}, -15) || substr({fraction} || '{_ZEROS}', 1, 15))"
    wanted = compiler.process(digits, **kw)
    minus = f"substr(trim({value}, char(32, 9, 10, 13)), 1, 1) = '-'"
    symbol = compiler.process(sign, **kw)
    if compiler.process(below_zero, **kw) == "true":
        otherwise = "1" if symbol[0] == ">" else "0"
        compared = f"WHEN {minus} THEN {of_value} {_MIRRORED[symbol]} {wanted} ELSE {otherwise}"
    else:
        negative = f"{minus} AND {of_value} > '{_ZEROS * 2}'"
        then = "1" if symbol[0] == "<" else "0"
        compared = f"WHEN {negative} THEN {then} ELSE {of_value} {symbol} {wanted}"
    return f"({_is_number(value)} AND CASE {compared} END)"


@compiles(NumberCompares, "postgresql")
def _number_compares_postgresql(element: NumberCompares, compiler: SQLCompiler, **kw: Any) -> str:
    text, sign, _below_zero, number, _digits = element.clauses
    value, symbol = compiler.process(text, **kw), compiler.process(sign, **kw)
    # Conditions are not evaluated in the order in which they are written, but CASE is.
    cast = f"CASE WHEN {value} ~ '{_NUMBER}' THEN btrim({value}, E' \\t\\n\\r')::numeric END"
    return f"({cast} {symbol} {compiler.process(number, **kw)}::numeric)"


class NotTrue(FunctionElement[bool]):
    """Whether a condition is false or NULL: in these words both databases stop at once."""

    type = Boolean()
    inherit_cache = True
    name = "not_true"


@compiles(NotTrue)
def _not_true(element: NotTrue, compiler: SQLCompiler, **kw: Any) -> str:
    (condition,) = _parts(element, compiler, **kw)
    return f"(({condition}) IS NOT TRUE)"


class JsonList(FunctionElement[Any]):
    """A JSON list of texts, null where one is NULL."""

    type = JsonObject
    inherit_cache = True
    name = "json_list"


@compiles(JsonList, "sqlite")
def _json_list_sqlite(element: JsonList, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array({', '.join(_parts(element, compiler, **kw))})"


@compiles(JsonList, "postgresql")
def _json_list_postgresql(element: JsonList, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_build_array({', '.join(_parts(element, compiler, **kw))})"


class Binary(FunctionElement[str]):
    """A text that is compared and sorted by its code points, on both databases."""

    type = Text()
    inherit_cache = True
    name = "binary_text"


@compiles(Binary, "sqlite")
def _binary_sqlite(element: Binary, compiler: SQLCompiler, **kw: Any) -> str:
    return _parts(element, compiler, **kw)[0]


@compiles(Binary, "postgresql")
def _binary_postgresql(element: Binary, compiler: SQLCompiler, **kw: Any) -> str:
    return f'({_parts(element, compiler, **kw)[0]} COLLATE "C")'
