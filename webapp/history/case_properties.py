"""The properties of a case as the data dictionary groups and calls them (SPEC U5, U10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.dictionary.models import Property
from webapp.dictionary.queries import properties_of


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


def described(
    session: Session, case: Case, *, also_unset: int = 0, also: Collection[str] = ()
) -> list[Described]:
    """The properties of a case, group by group in the order of the dictionary; then those in no
    group, and those that it does not know, by name. With `also_unset`, among them so many that the
    case does not have and the dictionary offers; `also` are further names. One query."""
    known = {one.name: one for one in properties_of(session, case.project_id, case.type)}
    has: Mapping[str, str] = case.properties
    offered = [name for name, one in known.items() if name not in has and not one.deprecated]
    wanted = {*has, *offered[:also_unset], *also}
    found = [_described(known[name], has.get(name)) for name in known if name in wanted]
    found += [Described(name, has.get(name)) for name in sorted(wanted - known.keys())]
    return found


def by_group(properties: Sequence[Described]) -> list[tuple[str, list[Described]]]:
    """The same as groups; that of those without one, "", comes last."""
    groups: dict[str, list[Described]] = {}
    for one in properties:
        groups.setdefault(one.group, []).append(one)
    return list(groups.items())


def _described(one: Property, value: str | None) -> Described:
    return Described(one.name, value, one.label, one.group, one.description, one.deprecated)
