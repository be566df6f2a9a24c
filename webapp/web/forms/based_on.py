"""Forms that write only what was changed in them, so that nobody undoes what another person said
meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask_wtf import FlaskForm
from wtforms import HiddenField

from webapp.errors import Invalid
from webapp.strict_json import read_json


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
