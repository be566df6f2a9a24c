"""Forms that write only what was changed in them, so that nobody undoes what another person said
meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_wtf import FlaskForm
from wtforms import HiddenField

from webapp.errors import Invalid
from webapp.strict_json import read_json


class ContestedError(Exception):
    """What was changed in a form was changed meanwhile by somebody else, to something else."""


class BasedOnForm(FlaskForm):
    """`based_on` is what the form was filled with, as JSON."""

    based_on = HiddenField(default="{}")

    def fill(self, values: Mapping[str, Any]) -> None:
        """Show values."""
        for name, value in values.items():
            self[name].data = value

    def begin(self, values: Mapping[str, Any]) -> None:
        """Fill the form with what is said now."""
        self.fill(values)
        self.based_on.data = json.dumps(values)

    def seen(self) -> dict[str, Any]:
        """What the form was filled with; a field is missing where nobody can know."""
        try:
            found = read_json((self.based_on.data or "{}").encode(errors="replace"))
        except Invalid:
            return {}
        return found if isinstance(found, dict) else {}

    def changed_of(self, *names: str) -> dict[str, Any]:
        """The values of those fields that differ from what they were filled with."""
        seen = self.seen()
        return {
            name: self[name].data
            for name in names
            if name not in seen or self[name].data != seen[name]
        }

    def uncontested(self, now: Mapping[str, Any]) -> dict[str, Any]:
        """As `changed_of` the fields that are `now` so. Raises `ContestedError` where somebody else
        changed one of these meanwhile: its field says so then, those that were not changed here
        show what is now, and who sends the form again has seen it."""
        seen, typed = self.seen(), self.changed_of(*now)
        both = [
            name
            for name, value in typed.items()
            if name in seen and now[name] != seen[name] and now[name] != value
        ]
        if not both:
            return typed
        self.fill(dict(now) | typed)
        self.based_on.data = json.dumps(now)
        for name in both:
            self[name].errors = [
                gettext(
                    "Somebody else changed “%(field)s” meanwhile: it is “%(now)s” now. Save again"
                    " to put what you typed in its place.",
                    field=str(self[name].label.text),
                    now=now[name],
                )
            ]
        raise ContestedError
