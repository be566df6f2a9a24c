"""What a request to a JSON API asks for: its body, its parameters, the page of a list (SPEC I7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, jsonify, request
from werkzeug.exceptions import UnsupportedMediaType

from webapp.api.routes import InvalidFields
from webapp.clock import Micros
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.rules.moment import parse_as_of
from webapp.strict_json import read_json

Word = TypeVar("Word", bound=StrEnum)

#: The largest body in bytes: a rule with 50,000 values is a tenth of it.
LARGEST = 5_000_000

#: A text that is no part of a rule.
LONGEST = 1000

#: Objects in a list, if the request says nothing, and at most.
USUAL, MOST = 20, 1000


def json_body() -> object:
    """The JSON in the body; None when there is no body. Raises `UnsupportedMediaType` when it says
    that it is something else, `RequestEntityTooLarge`, and `Invalid`."""
    request.max_content_length = LARGEST
    db.session.rollback()  # nothing is open while it comes
    raw = request.get_data(cache=False, parse_form_data=False)
    if not raw.strip():
        return None
    if not request.is_json:
        # Not guessed: a page of another site can make a browser send anything but this type.
        raise UnsupportedMediaType("Send JSON, with the header Content-Type: application/json.")
    return read_json(raw)


def json_object() -> dict[str, Any]:
    """The object in the body, which must be there. Raises as `json_body`."""
    body = json_body()
    if not isinstance(body, dict):
        raise Invalid("Send a JSON object.")
    return body


def texts_in_body(*names: str) -> dict[str, str]:
    """The texts that the body gives under these names; none when there is no body. Raises
    `Invalid` for other names, because one that is misspelled would be a default unawares."""
    body = json_body()
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise Invalid("Send a JSON object.")
    refuse_unknown(body, names)
    given = {name: value for name, value in body.items() if value is not None}
    wrong = {name: _NO_TEXT for name, value in given.items() if not _is_text(value)}
    if wrong:
        raise InvalidFields(wrong)
    return given


_NO_TEXT = f"Must be a text of at most {LONGEST} characters."


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and "\0" not in value


@dataclass(frozen=True, slots=True)
class RunAsked:
    """What the body of a request for a run says."""

    as_of: str | None
    confirm_changes: int | None


def run_asked() -> RunAsked:
    """Read the body of a request for a run, which may be none. Raises `Invalid`."""
    body = json_body()
    if body is None:
        return RunAsked(None, None)
    if not isinstance(body, dict):
        raise Invalid("Send a JSON object.")
    refuse_unknown(body, ("as_of", "confirm_changes"))
    as_of, number = body.get("as_of"), body.get("confirm_changes")
    wrong = {}
    if as_of is not None and not _is_text(as_of):
        wrong["as_of"] = _NO_TEXT
    if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
        wrong["confirm_changes"] = "Must be a whole number."
    if wrong:
        raise InvalidFields(wrong)
    return RunAsked(as_of, number)


def parameters(*names: str) -> dict[str, str]:
    """The parameters of the address; empty ones count as not given. Raises `Invalid` for names
    that the route does not know, and for one that is given twice."""
    refuse_unknown(request.args, (*names, "format"))  # many tools add format=json
    twice = [name for name in request.args if len(request.args.getlist(name)) > 1]
    if twice:
        raise InvalidFields(dict.fromkeys(twice, "Give it once."))
    return {name: value for name, value in request.args.items() if value and name in names}


def one_of(kind: type[Word], name: str, given: Mapping[str, str]) -> Word | None:
    """A parameter that is one word of a closed list; None when it is not given. Raises
    `Invalid`."""
    if name not in given:
        return None
    try:
        return kind(given[name])
    except ValueError as error:
        words = ", ".join(each.value for each in kind)
        raise InvalidFields({name: f"Must be one of {words}."}) from error


def as_of(project: Project, *given: str | None) -> Micros | None:
    """The instant that stands in for now (SPEC R8), from the places where it may be given; None
    when it is in none of them. Raises `Invalid`."""
    texts = {text for text in given if text}
    if not texts:
        return None
    if len(texts) > 1:
        raise InvalidFields({"as_of": "It is given twice, and not the same."})
    # In an address a plus sign that is not encoded is a space: 2026-01-31T18:00:00+03:00.
    text = texts.pop().strip()
    if "T" in text:
        text = text.replace(" ", "+")
    try:
        return parse_as_of(text, project.timezone)
    except Invalid as error:
        raise InvalidFields({"as_of": error.message}) from error


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for."""

    limit: int
    offset: int

    def answer(self, total: int, objects: Sequence[dict[str, Any]]) -> Response:
        """The part, in the shape that people's tools know from the other lists (SPEC I2)."""
        before = max(0, self.offset - self.limit)
        behind = self.offset + self.limit
        return jsonify(
            meta={
                "limit": self.limit,
                "offset": self.offset,
                "total_count": total,
                "next": self._address(behind) if behind < total else None,
                "previous": self._address(before) if self.offset else None,
            },
            objects=list(objects),
        )

    def _address(self, offset: int) -> str:
        asked = {name: value for name, value in request.args.items() if value}
        return "?" + urlencode(asked | {"limit": str(self.limit), "offset": str(offset)})


def window(given: dict[str, str]) -> Window:
    """`limit` and `offset` of the request's `parameters`; a limit of 0 means as many as there may
    be. Raises `Invalid`."""
    numbers = {"limit": USUAL, "offset": 0}
    wrong = {}
    for name in numbers:
        text = given.get(name, "")
        if not text:
            continue
        if text.isascii() and text.isdigit() and len(text) <= 9:
            numbers[name] = int(text)
        else:
            wrong[name] = "Must be a whole number, 0 or more."
    if wrong:
        raise InvalidFields(wrong)
    return Window(min(numbers["limit"] or MOST, MOST), numbers["offset"])


def refuse_unknown(given: Any, known: Sequence[str]) -> None:
    """Raises `Invalid` for names that are not among the known ones."""
    wrong = {
        name: f"It is not known here: {_listed(known)}." for name in given if name not in known
    }
    if wrong:
        raise InvalidFields(wrong)


def _listed(known: Sequence[str]) -> str:
    shown = [name for name in known if name != "format"]
    return f"use {', '.join(shown)}" if shown else "there is nothing to give"
