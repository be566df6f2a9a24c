"""Whose phones carry a case, and why (SPEC P8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseIndex
from webapp.cases.store import batches
from webapp.people.models import MobileWorker
from webapp.people.owner_sets import sharing_owners
from webapp.sharing.reasons import OWNED, Because, Reason, indices_of, links
from webapp.sharing.scope import available

#: So many cases are gone through on the way to owners.
FOLLOWED = 2000


class NoPhone(StrEnum):
    """Why a case is on no phone."""

    #: No form of it counts any more.
    DELETED = "deleted"
    #: And no case on a phone is linked to it.
    CLOSED = "closed"
    #: It is an extension of nothing but cases that are closed, or extensions of such.
    CLOSED_HOST = "closed_host"
    #: No active worker has its owner, nor that of a case that would bring it along.
    NOBODY = "nobody"


class _Worker(NamedTuple):
    id: int
    user_id: str
    username: str


@dataclass(frozen=True, slots=True)
class Phone:
    """A mobile worker whose phone carries a case: as the owner themselves, or through the group or
    location of this name. `reason` is the shortest way from a case that this owner has."""

    worker: int
    user_id: str
    username: str
    owner_id: str
    #: Empty where the worker is the owner.
    shared_by: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Phones:
    """The phones that carry a case, by the worker's name; not `complete` where more cases are
    related to it than were followed, so that there may be more. `why_none` says why there is none,
    and is None where there are some."""

    rows: tuple[Phone, ...]
    complete: bool
    why_none: NoPhone | None = None

    def __bool__(self) -> bool:
        return bool(self.rows)


def phones_with(session: Session, project_id: int, key: int) -> Phones:
    """The phones of active workers that carry the case with this key, and why.

    Walks from the case to all that would bring it along, up to `FOLLOWED`: four queries for each
    step away from it, and two for the workers; two more where there are none.
    """
    owners, complete = carrying_owners(session, project_id, key)
    found: dict[int, Phone] = {}
    # The nearest owner comes first, and one way to each phone is enough.
    for some in batches(list(owners)):
        for worker, owner_id, shared_by in _workers(session, project_id, some):
            phone = Phone(
                worker.id, worker.user_id, worker.username, owner_id, shared_by, owners[owner_id]
            )
            found.setdefault(worker.id, phone)
    if not found:
        return Phones((), complete, _why_none(session, project_id, key))
    return Phones(tuple(sorted(found.values(), key=lambda phone: phone.username)), complete)


def _why_none(session: Session, project_id: int, key: int) -> NoPhone:
    closed = _states(session, project_id, {key}).get(key)
    if closed is None:
        return NoPhone.DELETED
    if closed:
        return NoPhone.CLOSED
    return NoPhone.NOBODY if available(session, project_id, [key]) else NoPhone.CLOSED_HOST


def carrying_owners(session: Session, project_id: int, key: int) -> tuple[dict[str, Reason], bool]:
    """The owner ids in whose scope a case is, nearest first, each with its reason; and whether that
    is all of them."""
    owners: dict[str, Reason] = {}
    case = session.execute(
        select(Case.id, Case.closed, Case.deleted).where(
            Case.project_id == project_id, Case.id == key
        )
    ).one_or_none()
    if case is None or case.deleted:
        return owners, True
    reasons: dict[int, Reason] = {key: OWNED}
    reached = {key}
    cut = False
    while reached:
        for some in batches(sorted(reached)):
            for near, owner_id in _owned(session, project_id, some):
                owners.setdefault(owner_id, reasons[near])
        if cut:
            break
        step: set[int] = set()
        for some in batches(sorted(reached)):
            bringing, more = _bringing(session, project_id, some)
            cut = cut or more or len(reasons) > FOLLOWED
            for near, other, because in bringing:
                if other not in reasons:
                    first = reasons[near]
                    reasons[other] = Reason(because, other) if near == key else first
                    step.add(other)
        reached = step
    return owners, not cut


def _owned(session: Session, project_id: int, keys: Sequence[int]) -> Sequence[Row[int, str]]:
    """The available ones with their owners."""
    return session.execute(
        select(Case.id, Case.owner_id)
        .where(Case.project_id == project_id, Case.id.in_(available(session, project_id, keys)))
        .order_by(Case.id + 0)
    ).all()


def _bringing(
    session: Session, project_id: int, keys: Sequence[int]
) -> tuple[list[tuple[int, int, Because]], bool]:
    """The cases that would bring these along: each of these, the other, and why it would. And
    whether there are more of them than are followed."""
    pointing = session.execute(
        select(CaseIndex.case, CaseIndex.target, CaseIndex.relationship)
        .where(CaseIndex.project_id == project_id, CaseIndex.target.in_(keys))
        .order_by(CaseIndex.case + 0)
        .limit(FOLLOWED + 1)
    ).all()
    found = [(target, case, because) for (case, target), because in links(pointing).items()]
    found += [
        (case, target, Because.EXTENSION)
        for (case, target), because in links(indices_of(session, project_id, keys)).items()
        if because is Because.HOST
    ]
    states = _states(session, project_id, {key for one in found for key in one[:2]})
    bringing = [
        (near, other, because)
        for near, other, because in found
        if other in states and (because is not Because.EXTENSION or not states[near])
    ]
    return bringing, len(pointing) > FOLLOWED


def _states(session: Session, project_id: int, keys: set[int]) -> dict[int, bool]:
    """Of those that are not deleted, whether they are closed."""
    return {
        row.id: row.closed
        for some in batches(sorted(keys))
        for row in session.execute(
            select(Case.id, Case.closed).where(
                Case.project_id == project_id, Case.id.in_(some), ~Case.deleted
            )
        )
    }


def _workers(
    session: Session, project_id: int, owner_ids: Sequence[str]
) -> list[tuple[_Worker, str, str]]:
    """Active workers who have one of these in their owner set, with it and its name; in the order
    of the owners, and themselves first."""
    columns = (MobileWorker.id, MobileWorker.user_id, MobileWorker.username)
    mine = (MobileWorker.project_id == project_id, MobileWorker.active)
    rows: list[tuple[_Worker, str, str]] = [
        (_Worker(*worker), worker.user_id, "")
        for worker in session.execute(
            select(*columns).where(*mine, MobileWorker.user_id.in_(owner_ids))
        )
    ]
    shared = sharing_owners(project_id)
    rows += [
        (_Worker(key, user_id, username), owner_id, name)
        for key, user_id, username, owner_id, name in session.execute(
            select(*columns, shared.c.owner_id, shared.c.name)
            .join(shared, shared.c.worker == MobileWorker.id)
            .where(*mine, shared.c.owner_id.in_(owner_ids))
            .order_by(MobileWorker.id, shared.c.name, shared.c.owner_id)
        )
    ]
    place = {owner_id: number for number, owner_id in enumerate(owner_ids)}
    return sorted(rows, key=lambda row: place[row[1]])
