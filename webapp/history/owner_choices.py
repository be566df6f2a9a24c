"""Whose cases can be looked for, and whom cases can be given to (SPEC U5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.people.owners import (
    Owner,
    OwnerIs,
    groups_by_name,
    locations_like,
    offered_owners,
    owners_of,
)

#: So many of each kind are offered at most, for the page to stay small.
OFFERED = 500


@dataclass(frozen=True, slots=True)
class OwnerChoices:
    """Users, groups that share cases, and locations that own some, each kind by name."""

    workers: Sequence[Owner] = ()
    web_users: Sequence[Owner] = ()
    groups: Sequence[Owner] = ()
    locations: Sequence[Owner] = ()

    def __iter__(self) -> Iterator[Owner]:
        return iter((*self.groups, *self.locations, *self.workers, *self.web_users))

    @property
    def typed(self) -> list[tuple[str, Owner]]:
        """What a person types for each: its name, or where several have it the site code or id."""
        names = Counter(one.name.lower() for one in self)
        return [
            (one.name if names[one.name.lower()] == 1 else one.code or one.owner_id, one)
            for one in self
        ]


def owner_choices(session: Session, project_id: int, *, chosen: str = "") -> OwnerChoices:
    """At most `OFFERED` of each kind, and the one who is chosen also where it is not among them.
    Four queries; one more for such a one."""
    found = {kind: offered_owners(session, project_id, kind, OFFERED) for kind in OwnerIs}
    if chosen and all(one.owner_id != chosen for those in found.values() for one in those):
        for one in owners_of(session, project_id, [chosen]).values():
            found[one.kind].append(one)
    return OwnerChoices(
        workers=found[OwnerIs.WORKER],
        web_users=found[OwnerIs.WEB_USER],
        groups=found[OwnerIs.GROUP],
        locations=found[OwnerIs.LOCATION],
    )


def location_choices(session: Session, project_id: int, *, chosen: str = "") -> list[Owner]:
    """At most `OFFERED` locations, whether they own cases or not, and the one that is chosen. One
    query, or two."""
    found = locations_like(session, project_id, "", OFFERED)
    if chosen and all(one.owner_id != chosen for one in found):
        known = owners_of(session, project_id, [chosen]).values()
        found += [one for one in known if one.kind is OwnerIs.LOCATION]
    return found


def group_choices(session: Session, project_id: int, *, chosen: str = "") -> list[Owner]:
    """At most `OFFERED` groups, for lists of what their members did, and the one that is chosen.
    One query, or two."""
    found = groups_by_name(session, project_id, OFFERED)
    if chosen and all(one.owner_id != chosen for one in found):
        known = owners_of(session, project_id, [chosen]).values()
        found += [one for one in known if one.kind is OwnerIs.GROUP]
    return found
