"""Choosing groups and locations: few as boxes; of many those that are chosen, and more by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask_wtf import FlaskForm
from wtforms import FieldList, SelectMultipleField, StringField

from webapp.errors import Invalid, NotFound

T = TypeVar("T")

#: So many are offered as boxes; of more, only those that are chosen.
AS_BOXES = 12
#: Fields for more of them, and the most boxes that are read: each is looked up.
MORE, MOST = 2, 500


class ChoiceForm(FlaskForm):
    """Groups and locations by their ids, and more of them by names."""

    groups = SelectMultipleField(choices=[], validate_choice=False)
    more_groups = FieldList(StringField(), min_entries=MORE, max_entries=MORE)
    locations = SelectMultipleField(choices=[], validate_choice=False)
    more_locations = FieldList(StringField(), min_entries=MORE, max_entries=MORE)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Why what was chosen does not count, a sentence for each.
        self.gone: list[str] = []

    def chosen(self, name: str, find: Callable[[str], T]) -> list[T]:
        """The `groups` or `locations` that are chosen, as `find` finds them by id or name. Where a
        name that was typed finds none, its field says so; an id that is gone is passed over, and
        `gone` says so."""
        found: list[T] = []
        for public_id in (self[name].data or [])[:MOST]:
            try:
                found.append(find(public_id[:300]))
            except (NotFound, Invalid) as error:
                self.gone.append(error.message)
        for entry in self[f"more_{name}"]:
            text = (entry.data or "").strip()
            if not text:
                continue
            try:
                found.append(find(text[:300]))
            except (NotFound, Invalid) as error:
                entry.errors = [error.message]
        return found
