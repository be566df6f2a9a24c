"""Site codes: what people's own tools call locations (SPEC C7)."""

from __future__ import annotations

import re
import unicodedata

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import InvalidEntry
from webapp.people.names import LONGEST
from webapp.people.sharing_models import Location

_CODE = re.compile(rf"[a-z0-9_-]{{1,{LONGEST}}}", re.ASCII)
#: Room that a made code leaves for the number behind it.
_ROOM = 10


def checked_code(
    session: Session, project_id: int, code: str, *, but: Location | None = None
) -> str:
    """A code that a person gave, in lower case. Raises `InvalidEntry` for one that cannot be, or is
    another location's. The caller holds the tree."""
    code = code.strip().lower()
    if not _CODE.fullmatch(code):
        raise InvalidEntry(
            "site_code",
            _(
                "A site code has letters from a to z, digits, “_” and “-”, %(most)s at most.",
                most=LONGEST,
            ),
        )
    taken = select(Location).where(Location.project_id == project_id, Location.site_code == code)
    other = session.scalar(taken)
    if other is not None and other is not but:
        raise InvalidEntry(
            "site_code",
            _(
                "The site code “%(code)s” is that of “%(name)s” already.",
                code=code,
                name=other.name,
            ),
        )
    return code


def made_code(session: Session, project_id: int, name: str) -> str:
    """A code like the name that no location of the project has: letters lose their marks, all else
    becomes “_”, and a number follows where it is taken. The caller holds the tree."""
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    code = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[: LONGEST - _ROOM] or "location"
    taken = set(
        session.scalars(
            select(Location.site_code).where(
                Location.project_id == project_id,
                Location.site_code.startswith(code, autoescape=True),
            )
        )
    )
    number, free = 1, code
    while free in taken:
        number += 1
        free = f"{code}_{number}"
    return free
