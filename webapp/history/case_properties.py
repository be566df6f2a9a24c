"""The properties of a case as the data dictionary groups and calls them (SPEC U5, U10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.dictionary.models import Property
from webapp.dictionary.queries import properties_of

#: So many properties of a case are shown at once: forms may set any number, and no page is right
#: for all of them.
MOST = 500


@dataclass(frozen=True, slots=True)
class Described:
    """A property by its name, as people describe it, and the case's value: None where it has none.
    `label` and `group` are "" where nobody has said."""

    name: str
    value: str | None
    label: str = ""
    group: str = ""
    description: str = ""
    deprecated: bool = False


def described(session: Session, case: Case, names: Collection[str]) -> list[Described]:
    """Some properties of a case: group by group in the order of the dictionary; then those in no
    group, and those that it does not know, by name. One query."""
    return _in_order(case, _known(session, case), set(names))


def first_described(
    session: Session,
    case: Case,
    *,
    find: str = "",
    also_unset: int = 0,
    most: int = MOST,
    most_text: int | None = None,
) -> tuple[list[Described], int]:
    """The first properties of a case in that order, `most` of them with `most_text` characters in
    all, and how many more there are. With `find`, of those alone whose name, label or group has
    this text; with `also_unset`, among them so many that the case does not have and the dictionary
    offers. One query."""
    known = _known(session, case)
    offered = [name for name, one in known.items() if not one.deprecated]
    names = {*case.properties, *[n for n in offered if n not in case.properties][:also_unset]}
    wanted = find.casefold()
    if wanted:
        names = {name for name in names if wanted in _searched(name, known.get(name))}
    found: list[Described] = []
    left = most_text
    for one in _in_order(case, known, names, most):
        if left is not None:
            left -= len(one.value or "")
            if left < 0:
                break
        found.append(one)
    return found, len(names) - len(found)


def by_group(properties: Sequence[Described]) -> list[tuple[str, list[Described]]]:
    """The same as groups; that of those without one, "", comes last."""
    groups: dict[str, list[Described]] = {}
    for one in properties:
        groups.setdefault(one.group, []).append(one)
    return list(groups.items())


def _known(session: Session, case: Case) -> dict[str, Property]:
    return {one.name: one for one in properties_of(session, case.project_id, case.type)}


def _in_order(
    case: Case, known: Mapping[str, Property], names: set[str], most: int | None = None
) -> list[Described]:
    has: Mapping[str, str] = case.properties
    found = [_described(known[name], has.get(name)) for name in known if name in names][:most]
    others = names - known.keys()
    first = sorted(others) if most is None else nsmallest(most - len(found), others)
    return found + [Described(name, has.get(name)) for name in first]


def _searched(name: str, one: Property | None) -> str:
    return (name if one is None else f"{name}\n{one.label}\n{one.group}").casefold()


def _described(one: Property, value: str | None) -> Described:
    return Described(one.name, value, one.label, one.group, one.description, one.deprecated)
