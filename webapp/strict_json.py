"""JSON from outside, read strictly: what two programs could read differently is refused (SPEC X5).

The standard library takes NaN, names that stand twice (the last wins), half a character and any
depth; each of them would be another way to a 500, or to a rule that is not what its author read.
"""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any, NoReturn

from webapp.errors import Invalid

#: Lists and objects in each other; a rule has five.
DEEPEST = 30


def read_json(raw: bytes) -> object:
    """The value that a document says. Numbers with a point or an exponent are
    `Decimal`, with the digits as they were written.

    Raises `Invalid` with a sentence for what is no UTF-8 or no JSON, NaN and infinities, numbers of
    thousands of digits, a name that stands twice in an object, half a character (a surrogate
    alone), and more than `DEEPEST` levels. Takes time and memory in proportion to the document,
    which the caller has limited.
    """
    try:
        text = raw.decode("utf-8-sig")  # editors on Windows put a mark in front
    except UnicodeDecodeError as error:
        raise Invalid(f"This is no UTF-8: byte {error.start + 1} cannot be read.") from error
    try:
        value: object = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_exact
        )
    except json.JSONDecodeError as error:
        raise Invalid(f"This is no JSON: {error}.") from error
    except RecursionError as error:
        raise Invalid(_too_deep()) from error
    except ValueError as error:  # Python reads no integer of more than 4,300 digits
        raise Invalid("A number in the JSON has too many digits.") from error
    _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = Counter(name for name, _value in pairs).most_common(1)[0][0]
        raise Invalid(f"“{_shown(twice)}” stands twice in an object of the JSON.")
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise Invalid(f"{name} is no number of JSON.")


def _exact(digits: str) -> Decimal:
    try:
        number = Decimal(digits)
    except ArithmeticError as error:  # an exponent of twenty digits
        raise Invalid("A number in the JSON is too large.") from error
    if not number.is_finite():
        raise Invalid("A number in the JSON is too large.")
    return number


def _check(value: object) -> None:
    """Level by level, without recursion."""
    level, depth = [value], 0
    while level:
        below: list[object] = []
        for one in level:
            if isinstance(one, str):
                _refuse_half_a_character(one)
            elif isinstance(one, dict | list):
                if depth == DEEPEST:
                    raise Invalid(_too_deep())
                below.extend(one)
                if isinstance(one, dict):
                    below.extend(one.values())
        level, depth = below, depth + 1


def _refuse_half_a_character(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Invalid(f"“{_shown(text)}” has half a character in it.") from error


def _shown(text: str) -> str:
    return text[:100].encode("utf-8", "replace").decode()


def _too_deep() -> str:
    return f"The JSON has more than {DEEPEST} levels of lists and objects in each other."
