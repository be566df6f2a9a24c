"""What a rule may say, but may not be meant (SPEC R31): to be shown before it acts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.dictionary.models import CaseType
from webapp.dictionary.queries import names_of
from webapp.errors import TooSlow
from webapp.people.location_owners import workers_within
from webapp.people.owners import OwnerIs, Standing, owners_of
from webapp.rules.compile import of_type
from webapp.rules.definition import Copy, Definition, LocationIs, Set
from webapp.rules.family import Family
from webapp.rules.likely import LikelyNames
from webapp.rules.models import Rule
from webapp.rules.references import OWNER, Reference
from webapp.rules.view import Path, load
from webapp.sharing.new_owner import doubts_about
from webapp.time_limit import TimeLimit, time_limit

#: Looking for properties may take this long, in seconds. What is not found out is not said.
LIMIT_S = 1.5
#: So many of the oldest and of the newest open cases are looked at first, and their names are those
#: that may have been meant.
SAMPLE = 100
#: So many of them, at most.
NAMES = 1000


def warnings_about(
    session: Session, project_id: int, definition: Definition, *, rule_id: str = ""
) -> list[str]:
    """What is allowed but may be a mistake, as sentences; `rule_id` is the rule itself.

    A name that another rule has, a case type that no form has used, locations that are archived or
    that nobody is assigned to, a new owner through whom no phone gets the cases, and properties
    that no open case has. A few queries, and one more for each property that seems to be missing:
    that one looks at all open cases of the type, within `LIMIT_S`. Not for a transaction that
    writes.
    """
    found = []
    twins = session.scalar(
        select(func.count()).where(
            Rule.project_id == project_id,
            Rule.name == definition.name,
            Rule.deleted_on.is_(None),
            Rule.rule_id != rule_id,
        )
    )
    if twins:
        found.append(_("Another rule is called “%(name)s” too.", name=definition.name))
    known = session.get(CaseType, (project_id, definition.case_type))
    if known is None:
        found.append(_("No form has used the case type “%(type)s” yet.", type=definition.case_type))
    found += _about_locations(session, project_id, definition)
    found += _about_owners(session, project_id, definition)
    try:
        with time_limit(session, LIMIT_S, "") as limit:
            found += _about_properties(session, project_id, definition, limit)
    except TooSlow:
        pass
    return found


def _about_locations(session: Session, project_id: int, definition: Definition) -> Iterator[str]:
    """Three queries at most for each location that is named."""
    named = [one for one in definition.criteria if isinstance(one, LocationIs)]
    for location_id, below in dict.fromkeys((one.location, one.below) for one in named):
        found = owners_of(session, project_id, [location_id]).get(location_id)
        if found is None or found.kind is not OwnerIs.LOCATION:
            yield _("No location has the id “%(id)s”.", id=location_id)
            continue
        if found.standing is Standing.ARCHIVED:
            yield _("The location “%(name)s” is archived.", name=found.name)
        workers = workers_within(project_id, location_id, below=below)
        if session.scalar(workers.limit(1)) is not None:
            continue
        if below:
            yield _(
                "No worker is assigned to the location “%(name)s” or one below it: only cases match"
                " that belong to a location itself.",
                name=found.name,
            )
        else:
            yield _(
                "No worker is assigned to the location “%(name)s”: only cases match that belong to"
                " the location itself.",
                name=found.name,
            )


def _about_owners(session: Session, project_id: int, definition: Definition) -> Iterator[str]:
    """Two queries, where the rule gives cases to somebody."""
    given = [
        one.value
        for one in definition.updates
        if isinstance(one, Set) and one.property.attribute == OWNER
    ]
    known = owners_of(session, project_id, given)
    doubts = doubts_about(session, project_id, known.values())
    for owner_id in dict.fromkeys(given):
        owner = known.get(owner_id)
        if owner is None:
            yield _(
                "No user, group or location has the id “%(id)s”: cases of this owner are on no"
                " phone.",
                id=owner_id,
            )
        elif owner_id in doubts:
            yield doubts[owner_id]


def _about_properties(
    session: Session, project_id: int, definition: Definition, limit: TimeLimit
) -> Iterator[str]:
    read = _read(definition)
    sample = _sample(session, project_id, definition.case_type) if read else []
    if not sample:
        return
    names = _names(session, project_id, sample, {one.path for one in read})
    meant = _Meant(session, project_id, definition.case_type, names)
    for reference in read:
        limit.renew()
        if reference.name not in names[reference.path] and not _is_there(
            session, project_id, definition.case_type, reference
        ):
            yield _sentence(definition.case_type, reference, meant.likely(reference))


def _read(definition: Definition) -> list[Reference]:
    """The properties that a rule reads, but for those that it writes itself: these come to be."""
    written = {action.property for action in definition.updates}
    read = [getattr(criterion, "property", None) for criterion in definition.criteria]
    read += [action.source for action in definition.updates if isinstance(action, Copy)]
    return [
        one
        for one in dict.fromkeys(read)
        if one is not None and one.attribute is None and one not in written
    ]


def _sample(session: Session, project_id: int, case_type: str) -> Sequence[Row[Any]]:
    """Keys and properties of the oldest and the newest open cases of a type. Two queries."""
    rows = of_type(Family(project_id).select(Case.id, Case.properties), case_type)
    return [
        row
        for order in (Case.id, Case.id.desc())
        for row in session.execute(rows.order_by(order).limit(SAMPLE))
    ]


def _names(
    session: Session,
    project_id: int,
    sample: Sequence[Row[Any]],
    paths: set[Path],
) -> dict[Path, Counter[str]]:
    """The properties of cases, and of those that paths lead to from them: how often there is which.
    Two queries for each step of the longest path."""
    of_others = paths - {()}
    found = {path: Counter[str]() for path in paths}
    keys = {row.id for row in sample}
    cases = load(session, project_id, keys, of_others) if of_others else None
    for row in sample:
        if () in found:
            found[()].update(row.properties.keys())
        for path in of_others:
            other = None if cases is None else cases.follow(row.id, path)
            if cases is not None and other is not None:
                found[path].update(cases.known[other].state.properties.keys())
    return found


def _is_there(session: Session, project_id: int, case_type: str, reference: Reference) -> bool:
    """Whether any open case has a property, or leads to one that has. One query, which ends at the
    first that has, and looks at all where none has."""
    family = Family(project_id)
    some = family.select(Case.id).where(family.text(reference).is_not(None)).limit(1)
    return session.scalar(of_type(some, case_type)) is not None


class _Meant:
    """Names that may have been meant: what the sample has, and, where the case itself is read, what
    the dictionary has for the type. One query, where one is missing."""

    def __init__(
        self, session: Session, project_id: int, case_type: str, there: Mapping[Path, Counter[str]]
    ) -> None:
        self._session, self._project_id, self._case_type = session, project_id, case_type
        self._there = there
        self._made: dict[Path, LikelyNames] = {}

    def likely(self, reference: Reference) -> Reference | None:
        """What was probably meant by a property that is not there."""
        path = reference.path
        if path not in self._made:
            seen = [name for name, _count in self._there[path].most_common(NAMES)]
            learned = [] if path else names_of(self._session, self._project_id, self._case_type)
            self._made[path] = LikelyNames([*seen, *learned])
        name = self._made[path].likely(reference.name)
        return Reference(path, name) if name else None


def _sentence(case_type: str, reference: Reference, likely: Reference | None) -> str:
    words = {"type": case_type, "name": str(reference), "likely": str(likely)}
    if reference.path and likely:
        return _(
            "No open case of type “%(type)s” leads to a case with a property “%(name)s”. Did you"
            " mean “%(likely)s”?",
            **words,
        )
    if reference.path:
        return _(
            "No open case of type “%(type)s” leads to a case with a property “%(name)s”.", **words
        )
    if likely:
        return _(
            "No open case of type “%(type)s” has a property “%(name)s”. Did you mean “%(likely)s”?",
            **words,
        )
    return _("No open case of type “%(type)s” has a property “%(name)s”.", **words)
