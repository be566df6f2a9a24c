"""Which events of the audit log a person wants to see, and its canonical address (SPEC X3, U7).

People stand in an address by their opaque ids; names of theirs never do.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, String, cast, select, tuple_
from sqlalchemy.orm import Session

from webapp.audit.models import AuditEvent
from webapp.audit.tags import Tag
from webapp.errors import Invalid
from webapp.history.calendar import ANY_TIME, Calendar, Days
from webapp.history.filters import Unreadable, Values
from webapp.people.models import Membership, WebUser
from webapp.people.sharing_models import Group, Level, Location
from webapp.rules.models import Rule

#: Stands for whoever has a shell on the server, whose events carry no user id.
COMMAND_LINE = "command-line"
#: So many people are offered, and so many events are read at once for a file.
OFFERED, BATCH = 500, 1000

#: What an address may name: things, and no persons.
_ABOUT = re.compile(
    r"(rule|run|job|submission|night|project|letter|demo|group|level|location):\S{1,255}"
)
_PERSON = re.compile(r"[0-9a-f]{32}|system|" + COMMAND_LINE)


@dataclass(frozen=True)
class AuditFilter:
    """What to show. An empty field does not narrow. `by` is a user id, `system`, or
    `COMMAND_LINE`; `about` the subject of events, `rule:<id>`."""

    days: Days = ANY_TIME
    by: str = ""
    tag: Tag | None = None
    about: str = ""

    @property
    def narrowing(self) -> tuple[str, ...]:
        """The fields that leave something out."""
        names = (one.name for one in fields(self))
        return tuple(name for name in names if getattr(self, name) != getattr(_EVERYTHING, name))

    def without(self, name: str) -> AuditFilter:
        """The same, but with this field not narrowing."""
        return replace(self, **{name: getattr(_EVERYTHING, name)})


_EVERYTHING = AuditFilter()


def parse(given: Mapping[str, Sequence[str]]) -> AuditFilter:
    """Read the parameters of an address; of several of a name the last counts, unknown names are
    ignored. Raises `Unreadable` with what is wrong with each."""
    values = Values(given)
    found = AuditFilter(
        days=values.days("from", "to"),
        by=values.one("by", _person, ""),
        tag=values.one("tag", _tag, None),
        about=values.one("about", _about, ""),
    )
    if values.problems:
        raise Unreadable(values.problems)
    return found


def unparse(wanted: AuditFilter) -> dict[str, str]:
    """The parameters of a filter, defaults dropped: `parse` reads them."""
    pairs = {
        "about": wanted.about,
        "by": wanted.by,
        "from": wanted.days.first and wanted.days.first.isoformat(),
        "tag": wanted.tag and wanted.tag.value,
        "to": wanted.days.last and wanted.days.last.isoformat(),
    }
    return {name: value for name, value in pairs.items() if value}


def query_string(wanted: AuditFilter, **cursor: str | None) -> str:
    """The canonical query of a filter and a place in its pages: names sorted."""
    places = {name: text for name, text in cursor.items() if text}
    return urlencode(sorted((unparse(wanted) | places).items()))


def matching(project_id: int, wanted: AuditFilter, calendar: Calendar) -> Select[AuditEvent]:
    """The events that a filter leaves, in no order; by `at` and id in pages. Each field by itself
    narrows by an index in that order."""
    conditions: list[ColumnElement[bool]] = [AuditEvent.project_id == project_id]
    if wanted.days.first is not None:
        conditions.append(AuditEvent.at >= calendar.starts(wanted.days.first))
    if wanted.days.last is not None:
        conditions.append(AuditEvent.at < calendar.ends(wanted.days.last))
    if wanted.by:
        conditions.append(AuditEvent.actor_id == ("" if wanted.by == COMMAND_LINE else wanted.by))
    if wanted.tag is not None:
        conditions.append(AuditEvent.tag == wanted.tag.value)
    if wanted.about:
        conditions.append(AuditEvent.subject == wanted.about)
    return select(AuditEvent).where(*conditions)


def in_batches(session: Session, statement: Select[AuditEvent]) -> Iterator[Sequence[AuditEvent]]:
    """All events of a statement, oldest first, by key: no list of them is held, and no transaction
    between two batches. The session is for nothing else meanwhile."""
    key = tuple_(AuditEvent.at, AuditEvent.id)
    in_order = statement.order_by(AuditEvent.at, AuditEvent.id).limit(BATCH)
    events = session.scalars(in_order).all()
    while events:
        last = (events[-1].at, events[-1].id)
        yield events
        session.expunge_all()
        session.rollback()
        events = session.scalars(in_order.where(key > last)).all()


def people(session: Session, project_id: int) -> dict[str, str]:
    """The members of a project: address by user id, in the order of the addresses. One query."""
    rows = session.execute(
        select(WebUser.user_id, WebUser.email)
        .join(Membership, Membership.web_user_id == WebUser.id)
        .where(Membership.project_id == project_id)
        .order_by(WebUser.email)
        .limit(OFFERED)
    )
    return dict(iter(rows))


#: Things whose events carry an id that tells people nothing: project, id and name of each.
_NAMED: dict[str, tuple[Any, Any, Any]] = {
    "rule": (Rule.project_id, Rule.rule_id, Rule.name),
    "group": (Group.project_id, Group.group_id, Group.name),
    "level": (Level.project_id, cast(Level.id, String), Level.name),
    "location": (Location.project_id, Location.location_id, Location.name),
}


def subject_names(
    session: Session, project_id: int, events: Sequence[AuditEvent]
) -> dict[str, str]:
    """How the rules, groups, levels and locations that events are about are called now, by the
    events' subjects. One query for each of these four that there are events of."""
    ids = defaultdict[str, set[str]](set)
    for event in events:
        noun, _colon, public_id = event.subject.partition(":")
        ids[noun].add(public_id)
    names: dict[str, str] = {}
    for noun in _NAMED.keys() & ids.keys():
        in_project, key, name = _NAMED[noun]
        rows = session.execute(
            select(key, name).where(in_project == project_id, key.in_(ids[noun]))
        )
        names.update({f"{noun}:{public_id}": name for public_id, name in rows})
    return names


def _person(text: str) -> str:
    if not _PERSON.fullmatch(text):
        raise Invalid(_("Choose one of the people that are offered."))
    return text


def _tag(text: str) -> Tag:
    try:
        return Tag(text)
    except ValueError as error:
        raise Invalid(_("Choose one of those that are offered.")) from error


def _about(text: str) -> str:
    if not _ABOUT.fullmatch(text):
        raise Invalid(_("Nothing in the log has such a name."))
    return text
