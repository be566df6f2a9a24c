"""Which cases a person wants to see, and its canonical address (SPEC U5, U7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TypeVar, cast
from urllib.parse import urlencode

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.cases.models import Case
from webapp.cases.names import among, has, named
from webapp.dictionary.models import CaseType
from webapp.errors import Invalid
from webapp.history.calendar import ANY_TIME, Calendar, Days
from webapp.history.few import of_some
from webapp.history.filters import Unreadable, read_day
from webapp.history.last_names import LAST_NAME
from webapp.people.location_owners import owners_within

T = TypeVar("T")
Key = InstrumentedAttribute[int]

#: So many case types are offered.
OFFERED = 500
#: The longest text that is looked for.
LONGEST = 255


class CaseState(StrEnum):
    """What a case is now, as people choose it."""

    OPEN = "open"
    CLOSED = "closed"
    DELETED = "deleted"
    ANY = "any"


@dataclass(frozen=True)
class CaseFilter:
    """What to show. An empty field does not narrow. `view` is the id of a kept search."""

    type: str = ""
    owner: str = ""
    #: Owned by a location (its public id), one below it, or a worker assigned to one of these.
    location: str = ""
    state: CaseState = CaseState.OPEN
    modified: Days = ANY_TIME
    view: str = ""

    @property
    def narrowing(self) -> tuple[str, ...]:
        """The fields that leave something out."""
        everything = CaseFilter(state=CaseState.ANY)
        names = (one.name for one in fields(self))
        return tuple(name for name in names if getattr(self, name) != getattr(everything, name))

    def without(self, name: str) -> CaseFilter:
        """The same, but with this field not narrowing."""
        return replace(self, **{name: getattr(CaseFilter(state=CaseState.ANY), name)})

    @property
    def with_deleted(self) -> bool:
        """Whether deleted cases are among those shown. No form of them counts, so they have no last
        one: then the change that counts is the last of any cause."""
        return self.state in {CaseState.DELETED, CaseState.ANY}

    @property
    def keys(self) -> tuple[Key, ...]:
        """What the cases are sorted by, newest first, and filtered by as `modified`."""
        # NULL only for deleted cases, and inside the transaction that makes the row.
        if self.with_deleted:
            return (cast(Key, Case.indexed_on),)
        return (cast(Key, Case.server_modified_on), Case.id)


def parse(given: Mapping[str, str]) -> CaseFilter:
    """Read the parameters of an address or a form; unknown names are ignored.

    Raises `Unreadable` with what is wrong with each.
    """
    problems: dict[str, str] = {}

    def one(name: str, reader: Callable[[str], T], default: T) -> T:
        text = given.get(name, "").strip()
        try:
            return reader(text) if text else default
        except Invalid as error:
            problems[name] = error.message
            return default

    modified = Days(one("modified_from", read_day, None), one("modified_to", read_day, None))
    if modified.first and modified.last and modified.first > modified.last:
        problems["modified_to"] = _("The last day is before the first. Change one of them.")
    found = CaseFilter(
        type=one("type", _text, ""),
        owner=one("owner", _text, ""),
        location=one("location", _text, ""),
        state=one("state", _state, CaseState.OPEN),
        modified=modified,
        view=one("view", _text, ""),
    )
    if problems:
        raise Unreadable(problems)
    return found


def query_string(wanted: CaseFilter, **cursor: str | None) -> str:
    """The canonical query of a filter and a place in its pages: defaults dropped, names sorted."""
    pairs = {name: getattr(wanted, name) for name in ("type", "owner", "location", "view")}
    if wanted.state != CaseState.OPEN:
        pairs["state"] = wanted.state.value
    days = {"modified_from": wanted.modified.first, "modified_to": wanted.modified.last}
    pairs |= {name: day.isoformat() for name, day in days.items() if day is not None}
    pairs |= {name: text or "" for name, text in cursor.items()}
    return urlencode(sorted((name, value) for name, value in pairs.items() if value))


def matching(project_id: int, wanted: CaseFilter, text: str, calendar: Calendar) -> Select[Case]:
    """The cases that a filter leaves, in no order; `wanted.keys` are their key in pages.

    `text` is looked for in names, without regard to case and as it stands (no wildcards), and is
    compared with case ids and external ids (`webapp.cases.names`); a deleted case is looked for by
    its last name, which reads the forms of all deleted ones.
    """
    # What a text finds is looked up by its keys: no index of the project's cases must lead there.
    of_project = Case.project_id + 0 if text else Case.project_id
    conditions: list[ColumnElement[bool]] = [of_project == project_id]
    if wanted.type:
        conditions.append(Case.type == wanted.type)
    if wanted.owner:
        conditions.append(Case.owner_id == wanted.owner)
    if wanted.location:
        owners = owners_within(project_id, wanted.location, below=True)
        conditions.append(Case.owner_id.in_(owners))
    if wanted.state == CaseState.DELETED:
        conditions.append(Case.deleted.is_(True))
    elif wanted.state != CaseState.ANY:
        conditions += [~Case.deleted, Case.closed.is_(wanted.state == CaseState.CLOSED)]
    changed = wanted.keys[0]
    if wanted.modified.first is not None:
        conditions.append(changed >= calendar.starts(wanted.modified.first))
    if wanted.modified.last is not None:
        conditions.append(changed < calendar.ends(wanted.modified.last))
    if text:
        conditions.append(among(*_ways(project_id, text, wanted.with_deleted)))
    return select(Case).where(*conditions)


def for_pages(
    session: Session, project_id: int, wanted: CaseFilter, text: str, calendar: Calendar
) -> Select[Case]:
    """The same, for a page of the newest. One query for a location."""
    if not wanted.location:
        return matching(project_id, wanted, text, calendar)
    people = owners_within(project_id, wanted.location, below=True)
    mine = select(Case).where(Case.project_id == project_id)
    condition = of_some(session, mine, Case.id, Case.owner_id, people)
    return matching(project_id, replace(wanted, location=""), text, calendar).where(condition)


def _ways(project_id: int, text: str, with_deleted: bool) -> list[Select[int]]:
    """The keys of the cases that a text finds, in each way that it may."""
    mine = select(Case.id).where(Case.project_id == project_id)
    ways = [named(project_id, text), mine.where(Case.case_id == text)]
    ways.append(mine.where(Case.external_id == text))
    if with_deleted:
        ways.append(mine.where(Case.deleted, has(LAST_NAME, text)))
    return ways


def _state(text: str) -> CaseState:
    try:
        return CaseState(text)
    except ValueError as error:
        raise Invalid(_("Choose one of the states that are offered.")) from error


def _text(text: str) -> str:
    if len(text) > LONGEST:
        raise Invalid(_("This is longer than any that there can be. Choose from the list."))
    return text


def case_types(session: Session, project_id: int) -> list[str]:
    """The types that the project has used, by name. One query."""
    return list(
        session.scalars(
            select(CaseType.name)
            .where(CaseType.project_id == project_id)
            .order_by(CaseType.name)
            .limit(OFFERED)
        )
    )
