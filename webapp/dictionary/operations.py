"""What people say about case types and properties (SPEC U10)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.database import insert_new
from webapp.dictionary.learn import MOST
from webapp.dictionary.models import CaseType, DataType, Property, Sharing
from webapp.dictionary.names import NEVER_PROPERTIES, is_property_name
from webapp.dictionary.queries import get_case_type, get_property
from webapp.errors import InvalidEntry, Refused

#: What can be said of a property, and of a case type.
OF_PROPERTY = ("label", "group", "description", "data_type", "deprecated", "place")
OF_TYPE = ("label", "description", "sharing")
#: The longest description, in characters, and the largest place.
LONGEST_TEXT, LAST_PLACE = 2000, 1_000_000


class ChangedMeanwhile(Refused):
    """Somebody else said something else of the same fields since they were `seen`; `now` is what
    these are."""

    def __init__(self, now: Mapping[str, Any]) -> None:
        super().__init__(_("Somebody else has changed this meanwhile."))
        self.now = now


def add_case_type(
    session: Session, project_id: int, name: str, *, by: Actor, **said: Any
) -> CaseType:
    """Add a case type that no form has used yet; `said` are keys of `OF_TYPE`. Raises
    `InvalidEntry` for a name or a value that cannot be, `Refused` when it is there already (also
    where a form has just brought it)."""
    check_type_name(name)
    _check(said, OF_TYPE)
    key = {"project_id": project_id, "name": name}
    if not insert_new(session, CaseType, [key], returning=("name",)):
        raise Refused(_("There is a case type “%(name)s” already.", name=name))
    row = get_case_type(session, project_id, name)
    describe(session, row, said, Tag.CASE_TYPE_ADD, by)
    return row


def set_case_type(
    session: Session,
    project_id: int,
    name: str,
    said: Mapping[str, Any],
    *,
    by: Actor,
    seen: Mapping[str, Any] | None = None,
) -> bool:
    """Say something else about a case type; whether anything is different then. Its `sharing` is
    for cases that are opened from now on (SPEC C4): those that are there keep their owners. Raises
    `NotFound`, `InvalidEntry`, and `ChangedMeanwhile` where a field is no longer as it was
    `seen`."""
    row = get_case_type(session, project_id, name, lock=True)
    _check(said, OF_TYPE)
    _check_seen(row, said, seen)
    return describe(session, row, said, Tag.CASE_TYPE_SET, by)


def add_property(
    session: Session, project_id: int, case_type: str, name: str, *, by: Actor, **said: Any
) -> Property:
    """Add a property that no form has brought yet; `said` are keys of `OF_PROPERTY`. Raises
    `NotFound` for an unknown type, `InvalidEntry` for a name or a value that cannot be, `Refused`
    when it is there already (also where a form has just brought it) or the type has `MOST`. Four
    statements."""
    get_case_type(session, project_id, case_type)
    check_name(name)
    _check(said, OF_PROPERTY)
    key = {"project_id": project_id, "case_type": case_type, "name": name}
    if not insert_new(session, Property, [key], returning=("name",)):
        raise Refused(
            _("There is a property “%(name)s” of “%(type)s” already.", name=name, type=case_type)
        )
    there = session.scalar(
        select(func.count()).where(
            Property.project_id == project_id, Property.case_type == case_type
        )
    )
    if (there or 0) > MOST:
        raise Refused(
            _(
                "“%(type)s” has %(most)s properties already, which is the most.",
                type=case_type,
                most=MOST,
            )
        )
    row = get_property(session, project_id, case_type, name)
    describe(session, row, said, Tag.PROPERTY_ADD, by)
    return row


def set_property(
    session: Session,
    project_id: int,
    case_type: str,
    name: str,
    said: Mapping[str, Any],
    *,
    by: Actor,
    seen: Mapping[str, Any] | None = None,
) -> bool:
    """Say something else about a property; whether anything is different then. Raises `NotFound`,
    `InvalidEntry`, and `ChangedMeanwhile` where a field is no longer as it was `seen`."""
    row = get_property(session, project_id, case_type, name, lock=True)
    _check(said, OF_PROPERTY)
    _check_seen(row, said, seen)
    return describe(session, row, said, Tag.PROPERTY_SET, by)


def check_name(name: str) -> None:
    """Raise `InvalidEntry` unless a person may add a property of that name (SPEC R31, S9b)."""
    if name in NEVER_PROPERTIES:
        raise InvalidEntry("name", _("Each case has “%(name)s” by itself.", name=name))
    if not is_property_name(name):
        raise InvalidEntry(
            "name",
            _(
                "A property's name starts with a letter or “_”; then letters, digits, “_”, “-” and"
                " “.” may follow, 255 characters at most."
            ),
        )


def check_type_name(name: str) -> None:
    """Raise `InvalidEntry` unless a case type can be called so."""
    if not 1 <= len(name) <= 255 or name != name.strip() or not name.isprintable():
        raise InvalidEntry("case_type", _("A case type has 1 to 255 characters, on one line."))


def problems_of(said: Mapping[str, Any]) -> dict[str, str]:
    """What cannot be said of a property or a case type: a sentence for each such field."""
    found = {}
    for name, value in said.items():
        if name in {"label", "group"} and not (len(value) <= 255 and _is_line(value)):
            found[name] = _("At most 255 characters, on one line.")
        elif name == "description" and not (len(value) <= LONGEST_TEXT and _is_text(value)):
            found[name] = _(
                "At most %(most)s characters, and none that cannot be shown.", most=LONGEST_TEXT
            )
        elif name == "sharing" and value not in set(Sharing):
            found[name] = _("Choose one of those that are offered.")
        elif name == "place" and value is not None and not 0 < value <= LAST_PLACE:
            found[name] = _("The order is a whole number from 1 to 1,000,000.")
    return found


def _check(said: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    if unknown := said.keys() - set(allowed):
        raise ValueError(f"{', '.join(sorted(unknown))} cannot be said of it")
    for name, sentence in problems_of(said).items():
        raise InvalidEntry(name, sentence)


def _check_seen(
    row: CaseType | Property, said: Mapping[str, Any], seen: Mapping[str, Any] | None
) -> None:
    if seen is None:
        return
    now = {name: getattr(row, name) for name in said}
    other = {
        name: value
        for name, value in now.items()
        if value != said[name] and (name not in seen or value != seen[name])
    }
    if other:
        raise ChangedMeanwhile(other)


def _is_line(text: str) -> bool:
    return text.isprintable() and text == text.strip()


def _is_text(text: str) -> bool:
    return all(char.isprintable() or char in "\n\t" for char in text)


def describe(
    session: Session, row: CaseType | Property, said: Mapping[str, Any], tag: Tag, by: Actor
) -> bool:
    """Write to a row what is said and was checked, with its event. Whether there is one: nothing
    is recorded of a row that was there and stays as it is."""
    is_new = tag in {Tag.CASE_TYPE_ADD, Tag.PROPERTY_ADD}
    before = {} if is_new else {name: getattr(row, name) for name in said}
    after = {n: value for n, value in said.items() if is_new or value != before[n]}
    for name, value in after.items():
        setattr(row, name, value)
    if after or is_new:
        _record(session, row, tag, by, after, {n: before[n] for n in after if n in before})
    return bool(after or is_new)


def _record(  # noqa: PLR0917  # what an event has
    session: Session,
    row: CaseType | Property,
    tag: Tag,
    by: Actor,
    after: Mapping[str, Any],
    before: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    names = [row.name] if isinstance(row, CaseType) else [row.case_type, row.name]
    record(
        session,
        project_id=row.project_id,
        tag=tag,
        # The names may be longer than a subject, so they stand in the event too.
        subject=f"{tag.partition('.')[0]}:{'/'.join(names)}"[:300],
        by=by,
        before=_plain(before),
        after=_plain(after) | {"names": names},
    )


def _plain(said: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON has them."""
    return {
        field: value.value if isinstance(value, DataType | Sharing) else value
        for field, value in said.items()
    }
