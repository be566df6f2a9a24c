"""What a change of groups, locations or workers does to owner sets (SPEC C5, C7)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.people.models import MobileWorker
from webapp.people.owner_sets import OwnerKind, OwnerSet, SharingOwner, sharing_owners


@dataclass(frozen=True, slots=True)
class Phone:
    """An active worker's, with the owner set that counts for it."""

    worker: int
    username: str
    owners: OwnerSet


def phones_of(session: Session, project_id: int) -> dict[int, Phone]:
    """The phones of a project's active workers, by the workers' keys. Two queries; costs what all
    workers are in."""
    found = sharing_owners(project_id)
    sharing: dict[int, list[SharingOwner]] = defaultdict(list)
    for worker, owner_id, name, kind in session.execute(
        select(found.c.worker, found.c.owner_id, found.c.name, found.c.kind).order_by(
            found.c.kind, found.c.name, found.c.owner_id
        )
    ):
        sharing[worker].append(SharingOwner(owner_id, name, OwnerKind(kind)))
    workers = session.execute(
        select(MobileWorker.id, MobileWorker.username, MobileWorker.user_id).where(
            MobileWorker.project_id == project_id, MobileWorker.active
        )
    )
    return {
        key: Phone(key, username, OwnerSet(user_id, tuple(sharing[key])))
        for key, username, user_id in workers
    }


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """What becomes of one phone. `before` is None for a worker who was not active, `after` for one
    who no longer is."""

    worker: int
    username: str
    before: OwnerSet | None
    after: OwnerSet | None

    @property
    def loses(self) -> list[SharingOwner]:
        """Who no longer shares cases with the worker."""
        return _without(self.before, self.after)

    @property
    def gets(self) -> list[SharingOwner]:
        """Who shares cases with the worker from then on."""
        return _without(self.after, self.before)


@dataclass(frozen=True, slots=True)
class OwnerChanges:
    """All phones of a project whose owner sets change, by username; and the owners whom no phone
    has from then on, and some had."""

    changes: tuple[OwnerChange, ...] = ()
    astray: frozenset[str] = frozenset()

    @property
    def mark(self) -> str:
        """The same for the same changes: a person who has seen them sends it back. By names, for
        what is new has another id each time that it is tried."""
        said = [(one.username, _names(one.before), _names(one.after)) for one in self.changes]
        return hashlib.sha256(repr((said, sorted(self.astray))).encode()).hexdigest()

    @property
    def changed(self) -> list[OwnerChange]:
        """Those of workers who were and stay active."""
        return [one for one in self.changes if one.before and one.after]

    @property
    def stopped(self) -> list[OwnerChange]:
        """Those of workers who are no longer active."""
        return [one for one in self.changes if one.after is None]

    @property
    def begun(self) -> list[OwnerChange]:
        """Those of workers who are new or active again."""
        return [one for one in self.changes if one.before is None]

    @property
    def still_without_one(self) -> list[OwnerChange]:
        """Those that come to have none or several, and were new, not active, or no better before:
        wrong where cases are shared at all."""
        return [
            one
            for one in self.changes
            if one.after and not one.after.one and not (one.before and one.before.one)
        ]

    def but(self, usernames: Collection[str]) -> OwnerChanges:
        """The same without the phones of these workers."""
        left = tuple(one for one in self.changes if one.username not in usernames)
        return OwnerChanges(left, self.astray)

    @property
    def without_one(self) -> list[OwnerChange]:
        """Those that come to have none or several sharing owners, and had exactly one: their app
        refuses to open shared cases then (SPEC C2)."""
        return [
            one
            for one in self.changes
            if one.before and one.after and one.before.one and not one.after.one
        ]


def compare(before: Mapping[int, Phone], after: Mapping[int, Phone]) -> OwnerChanges:
    """What has become of the phones of a project."""
    found = []
    for worker in before.keys() | after.keys():
        phones = [phone for phone in (after.get(worker), before.get(worker)) if phone]
        old = before[worker].owners if worker in before else None
        new = after[worker].owners if worker in after else None
        if old and new and old.ids == new.ids:
            continue
        found.append(OwnerChange(worker, phones[0].username, old, new))
    astray = _reached(before) - _reached(after)
    return OwnerChanges(tuple(sorted(found, key=lambda one: one.username)), astray)


def _reached(phones: Mapping[int, Phone]) -> frozenset[str]:
    """The owners whom at least one phone has."""
    return frozenset().union(*(phone.owners.ids for phone in phones.values()))


def _without(some: OwnerSet | None, others: OwnerSet | None) -> list[SharingOwner]:
    left_out = others.ids if others else frozenset()
    return [one for one in (some.sharing if some else ()) if one.owner_id not in left_out]


def _names(owners: OwnerSet | None) -> list[str] | None:
    return None if owners is None else sorted(f"{one.kind}:{one.name}" for one in owners.sharing)
