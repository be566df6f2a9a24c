"""What a rule may say, but may not be meant (SPEC R31): to be shown before it acts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.dictionary.models import CaseType
from webapp.dictionary.queries import properties_of
from webapp.errors import TooSlow
from webapp.rules.compile import of_type
from webapp.rules.definition import Copy, Definition
from webapp.rules.family import Family
from webapp.rules.models import Rule
from webapp.rules.references import SYSTEM, Reference
from webapp.rules.view import Path, load
from webapp.time_limit import TimeLimit, time_limit

#: Looking for properties may take this long, in seconds. What is not found out is not said.
LIMIT_S = 1.5
#: So many of the oldest and of the newest open cases are looked at first, and their names are those
#: that may have been meant.
SAMPLE = 100
#: Of so many names, and only of one that is so much alike (`difflib`).
NAMES, ALIKE = 1000, 0.65
#: A part of a name with so many characters tells something.
SHORT = 3


def warnings_about(
    session: Session, project_id: int, definition: Definition, *, rule_id: str = ""
) -> list[str]:
    """What is allowed but may be a mistake, as sentences; `rule_id` is the rule itself.

    A name that another rule has, a case type that no form has used, and properties that no open
    case has. A few queries, and one more for each property that seems to be missing: that one
    looks at all open cases of the type, within `LIMIT_S`. Not for a transaction that writes.
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
    try:
        with time_limit(session, LIMIT_S, "") as limit:
            found += _about_properties(session, project_id, definition, limit)
    except TooSlow:
        pass
    return found


def _about_properties(
    session: Session, project_id: int, definition: Definition, limit: TimeLimit
) -> Iterator[str]:
    read = _read(definition)
    sample = _sample(session, project_id, definition.case_type) if read else []
    if not sample:
        return
    names = _names(session, project_id, sample, {one.path for one in read})
    for reference in read:
        limit.renew()
        there = names[reference.path]
        if reference.name not in there and not _is_there(
            session, project_id, definition.case_type, reference
        ):
            known = _learned(session, project_id, definition.case_type, reference)
            yield _sentence(definition.case_type, reference, _likely(reference, there, known))


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


def _learned(session: Session, project_id: int, case_type: str, reference: Reference) -> list[str]:
    """The names that the dictionary has for the type, where the case itself is read. One query."""
    if reference.path:
        return []
    return [one.name for one in properties_of(session, project_id, case_type)]


def _likely(reference: Reference, there: Counter[str], learned: Sequence[str]) -> Reference | None:
    seen = [name for name, _count in there.most_common(NAMES)]
    name = likely_name(reference.name, [*seen, *learned])
    return Reference(reference.path, name) if name else None


def likely_name(typed: str, names: Sequence[str], *, parts: bool = True) -> str | None:
    """The one of some names, commonest first, or of the system's, that was probably meant; with
    `parts` also one that is the beginning or the end of it, or the other way round."""
    names = [*names, *SYSTEM]
    by_lower = {name.lower(): name for name in names}
    lower = typed.lower()
    alike = get_close_matches(typed, names, 1, ALIKE) or [
        by_lower[name] for name in get_close_matches(lower, by_lower, 1, ALIKE)
    ]
    if not alike and parts:
        alike = [
            by_lower[name] for name in by_lower if _is_part(name, lower) or _is_part(lower, name)
        ]
    return alike[0] if alike else None


def _is_part(short: str, long: str) -> bool:
    """Whether a name is the beginning or the end of another, as `edd` is of `edd_date`."""
    return len(short) >= SHORT and (long.startswith(short) or long.endswith(short))


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
