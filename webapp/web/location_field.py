"""Locations and owners in fields for their names: what stands there, and who is meant (SPEC U3)."""

from __future__ import annotations

from collections.abc import Sequence

from flask import g

from webapp.extensions import db
from webapp.people.owners import Owner, find_locations, find_owners, locations_like, owners_of

#: So many are offered for what is typed.
OFFERED = 50


def location_text(location_id: str) -> str:
    """What stands in the field for a location: name and site code; the id of none that is known.
    One query."""
    found = owners_of(db.session(), g.project.id, [location_id]).get(location_id)
    return location_id if found is None or not found.code else named(found)


def location_id_of(text: str) -> str:
    """The id of the location that is meant, by name, site code or id; the text itself where it
    means none, or several. Two queries at most."""
    text = text.strip()
    code = text[:-1].rpartition("(")[2] if text.endswith(")") else ""
    found: Sequence[Owner] = []
    for one in (code, text):
        found = found or (find_locations(db.session(), g.project.id, one) if one else [])
    return found[0].owner_id if len(found) == 1 else text


def owner_id_of(text: str) -> str:
    """The id of the owner who is called so; the text itself where none is, or several. Two queries
    at most."""
    found = find_owners(db.session(), g.project.id, text.strip()) if text.strip() else []
    return found[0].owner_id if len(found) == 1 else text


def offered_locations(text: str) -> list[str]:
    """What may be meant by what is typed, by name. One query."""
    part = text.strip().rpartition("(")[0].strip() or text.strip()
    return [named(one) for one in locations_like(db.session(), g.project.id, part, OFFERED)]


def named(one: Owner) -> str:
    """A location by name and site code, for names repeat."""
    return f"{one.name} ({one.code})"
