"""What owners and locations are called in sentences about rules.

Rules name them by their ids; what people call them is, like the language, a matter of where a
sentence is said. So the edge says once, around all that it does, who knows the names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.people.owners import Owner, owners_of


class Names:
    """The owners of a project, each asked for once: one query for each that is named."""

    def __init__(self, session: Session, project_id: int) -> None:
        self._session, self._project_id = session, project_id
        self._known: dict[str, Owner | None] = {}

    def owner(self, owner_id: str) -> Owner | None:
        """Whose id it is."""
        if owner_id not in self._known:
            found = owners_of(self._session, self._project_id, [owner_id])
            self._known[owner_id] = found.get(owner_id)
        return self._known[owner_id]


_names: ContextVar[Names | None] = ContextVar("names", default=None)


@contextmanager
def owners_named(session: Session, project_id: int) -> Iterator[None]:
    """Inside, sentences say the names of this project's owners."""
    token = _names.set(Names(session, project_id))
    try:
        yield
    finally:
        _names.reset(token)


def with_name(owner_id: str, shown: str) -> str:
    """An id as it is `shown` in a sentence, and who has it, if that is known."""
    names = _names.get()
    found = names.owner(owner_id) if names else None
    if found is None:
        return shown
    return _("%(id)s (%(name)s)", id=shown, name=found.name)


def location_name(location_id: str) -> str:
    """What a location is called; its id where nobody knows."""
    names = _names.get()
    found = names.owner(location_id) if names else None
    return found.name if found else location_id
