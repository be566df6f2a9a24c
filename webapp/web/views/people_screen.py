"""The screens of people with all their routes, which stand in several files."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _

from webapp.web.views import (
    people_groups,
    people_import,
    people_levels,
    people_location_moves,
    people_locations,
    people_members,
    people_worker,
    people_worker_edit,
)
from webapp.web.views.people_workers import people

__all__ = [
    "people",
    "people_groups",
    "people_import",
    "people_levels",
    "people_location_moves",
    "people_locations",
    "people_members",
    "people_worker",
    "people_worker_edit",
]


@people.app_context_processor
def parts() -> dict[str, object]:
    """Let templates ask `people_parts()`: the key, the words and the address of each part."""
    return {"people_parts": people_parts}


def people_parts() -> list[tuple[str, str, str]]:
    """The parts of *People*, in the order of their tabs."""
    return [
        ("workers", _("Mobile workers"), url_for("people.workers")),
        ("groups", _("Groups"), url_for("people.groups")),
        ("locations", _("Locations"), url_for("people.locations")),
        ("sharing", _("Sharing check"), url_for("sharing.check")),
        ("members", _("Web users"), url_for("people.members")),
    ]
