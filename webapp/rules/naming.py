"""What owners and locations are called in sentences about rules.

Rules name them by their ids; what people call them is, like the language, a matter of where a
sentence is said. So the edge says once, around all that it does, who knows the names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.people.owners import Owner, owners_of
from webapp.rules.definition import LocationIs
from webapp.rules.explain import Verdict
from webapp.rules.references import OWNER


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

    def learn(self, ids: Iterable[str]) -> None:
        """Ask for several at once. One query for those that are not known yet."""
        wanted = {one for one in ids if one} - self._known.keys()
        found = owners_of(self._session, self._project_id, wanted)
        self._known |= {one: found.get(one) for one in wanted}


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


def owned(name: str, value: str | None) -> str | None:
    """The value of a property as it is shown: that of an owner with who it is."""
    if not value or name.rpartition("/")[2] != OWNER:
        return value
    return with_name(value, value)


def found_words(verdict: Verdict) -> str | None:
    """What a condition found, as it is shown."""
    one = verdict.criterion
    name = OWNER if isinstance(one, LocationIs) else str(getattr(one, "property", ""))
    return owned(name, verdict.found)


def learn_owners(values: Iterable[tuple[str, str | None]]) -> None:
    """Ask for the owners among values that are shown next, given with the names of their
    properties. One query where there are some."""
    names = _names.get()
    owners = {value for name, value in values if value and name.rpartition("/")[2] == OWNER}
    if names and owners:
        names.learn(owners)


def location_name(location_id: str) -> str:
    """What a location is called; its id where nobody knows."""
    names = _names.get()
    found = names.owner(location_id) if names else None
    return found.name if found else location_id
