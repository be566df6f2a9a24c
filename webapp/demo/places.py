"""A sub-county: its wards and villages, and where its people go when they are ill."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

SUB_COUNTY = "Gem"
ZONE = "Africa/Nairobi"


@dataclass(frozen=True, slots=True)
class Village:
    """A village: its ward, the facility that its people go to, the number of its register."""

    name: str
    ward: str
    facility: str
    number: int
    #: Latitude and longitude of its middle.
    middle: tuple[float, float]
    #: How its name is also written.
    also: tuple[str, ...] = ()


_WARDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "North Gem": (
        "Sirembe Health Centre",
        ("Sirembe/Sirembi", "Malanga/Malang'a", "Got Regea/Got Regia/Gotregea"),
    ),
    "West Gem": ("Wagai Health Centre", ("Wagai/Wagay", "Ndere/Ndeere", "Dienya/Diénya/Denya")),
    "Central Gem": (
        "Nyawara Health Centre",
        ("Nyawara/Nyuara", "Gongo/Gong'o", "Kagilo/Kajilo"),
    ),
    "Yala Township": (
        "Yala Sub-County Hospital",
        ("Nyamninia/Nyaminia/Nyamnina", "Jina/Gina", "Sauri/Saori"),
    ),
    "East Gem": ("Lihanda Dispensary", ("Lihanda/Lianda", "Marenyo/Merenyo", "Ramula/Ramulla")),
    "South Gem": (
        "Rera Health Centre",
        ("Rera/Rerra", "Kaudha/Kauda", "Onyinyore/Onyinore/Onyiniore"),
    ),
}


def _villages() -> tuple[Village, ...]:
    found: list[Village] = []
    for ward, (facility, names) in _WARDS.items():
        for spellings in names:
            name, *also = spellings.split("/")
            row, column = divmod(len(found), 3)
            middle = (0.02 + 0.017 * row, 34.38 + 0.043 * column + 0.008 * row)
            found.append(Village(name, ward, facility, len(found) + 1, middle, tuple(also)))
    return tuple(found)


VILLAGES = _villages()

#: Each ward with its facility.
FACILITIES = {ward: facility for ward, (facility, _names) in _WARDS.items()}


def place_id(name: str) -> str:
    """The id that cases carry whose owner is the location of that name."""
    return hashlib.blake2b(f"{SUB_COUNTY}/{name}".encode(), digest_size=16).hexdigest()
