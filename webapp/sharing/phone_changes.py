"""Whose phones get other cases when something changes (SPEC P8, R25, C5–C7): how many each loses,
and receives.

Counted are the open cases by their owners: those of an owner are on the phone of each active worker
who has that owner in their set. What comes along with them (parents, hosts, extensions) is not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.cases.store import batches
from webapp.errors import TooSlow
from webapp.people.models import MobileWorker
from webapp.people.owner_sets import sharing_owners
from webapp.time_limit import TimeLimit, time_limit

#: A page may count cases so long, in seconds.
LIMIT_S = 5.0

#: The owner sets of workers, by their names.
OwnerSets = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class PhoneChange:
    """What becomes of one worker's phone at its next sync."""

    username: str
    loses: int
    receives: int


@dataclass(frozen=True, slots=True)
class PhoneChanges:
    """The phones that change, those that lose most first. Without `counted`, that the cases could
    not be counted in time: then it is known whose phones may change, and their numbers are 0."""

    phones: tuple[PhoneChange, ...] = ()
    counted: bool = True

    def __bool__(self) -> bool:
        return bool(self.phones)

    @property
    def losing(self) -> tuple[PhoneChange, ...]:
        """Those that lose cases, most first."""
        return tuple(one for one in self.phones if one.loses)

    @property
    def receiving(self) -> tuple[PhoneChange, ...]:
        """Those that receive cases, most first."""
        found = [one for one in self.phones if one.receives]
        return tuple(sorted(found, key=lambda one: (-one.receives, one.username)))


def owner_sets(session: Session, project_id: int) -> dict[str, frozenset[str]]:
    """The owner set of each active worker of a project, by username. Two queries, over all that
    workers are in."""
    workers = session.execute(
        select(MobileWorker.id, MobileWorker.username, MobileWorker.user_id).where(
            MobileWorker.project_id == project_id, MobileWorker.active
        )
    ).all()
    shared = sharing_owners(project_id)
    sets: dict[int, set[str]] = defaultdict(set)
    for worker, owner_id in session.execute(select(shared.c.worker, shared.c.owner_id)):
        sets[worker].add(owner_id)
    return {one.username: frozenset({one.user_id, *sets[one.id]}) for one in workers}


def sets_around(
    session: Session, project_id: int, change: Callable[[], object]
) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """The owner sets before and after a change of groups, locations or workers: `change` makes it
    in this session, and it is taken back. For a transaction that writes, and is over before
    `by_sets` counts; whatever `change` raises is raised."""
    before = owner_sets(session, project_id)
    savepoint = session.begin_nested()
    try:
        change()
        session.flush()  # else it is not there to be read
        return before, owner_sets(session, project_id)
    finally:
        savepoint.rollback()


def by_sets(
    session: Session,
    project_id: int,
    before: OwnerSets,
    after: OwnerSets,
    *,
    limit_s: float = LIMIT_S,
) -> PhoneChanges:
    """What phones lose and receive where owner sets become others and cases stay as they are. Who
    is in one of them only has no phone in the other. One query a thousand owners, which reads their
    cases; given up after `limit_s` seconds, so not for a transaction that writes."""
    none: frozenset[str] = frozenset()
    names = [
        name
        for name in before.keys() | after.keys()
        if before.get(name, none) != after.get(name, none)
    ]
    gone = {name: before.get(name, none) - after.get(name, none) for name in names}
    come = {name: after.get(name, none) - before.get(name, none) for name in names}
    owners: set[str] = set().union(*gone.values(), *come.values())
    try:
        with time_limit(session, limit_s, "") as limit:
            cases = open_cases_of(session, project_id, owners, limit)
    except TooSlow:
        return PhoneChanges(tuple(PhoneChange(name, 0, 0) for name in sorted(names)), False)
    return _sorted(
        PhoneChange(name, _sum(cases, gone[name]), _sum(cases, come[name])) for name in names
    )


def by_moves(
    session: Session, project_id: int, moves: Mapping[tuple[str, str | None], int]
) -> PhoneChanges:
    """What phones lose and receive where so many open cases go from one owner to another, or are
    closed (None), and owner sets stay as they are. Two queries."""
    ends = {end for move in moves for end in move if end}
    if not ends:
        return PhoneChanges()
    found = []
    for name, owners in owner_sets(session, project_id).items():
        if owners.isdisjoint(ends):
            continue
        loses = sum(n for (was, now), n in moves.items() if was in owners and now not in owners)
        gets = sum(n for (was, now), n in moves.items() if now in owners and was not in owners)
        found.append(PhoneChange(name, loses, gets))
    return _sorted(found)


def open_cases_of(
    session: Session, project_id: int, owners: Collection[str], limit: TimeLimit
) -> Counter[str]:
    """How many open cases each of these owners has. One query a thousand owners, which reads all
    their cases. Raises `TooSlow`."""
    found: Counter[str] = Counter()
    for some in batches(sorted(owners)):
        limit.renew()
        rows = session.execute(
            select(Case.owner_id, func.count())
            .where(
                Case.project_id == project_id,
                Case.owner_id.in_(some),
                ~Case.closed,
                ~Case.deleted,
            )
            .group_by(Case.owner_id)
        )
        found.update(dict(rows.all()))
    return found


def _sum(cases: Mapping[str, int], owners: Iterable[str]) -> int:
    return sum(cases.get(one, 0) for one in owners)


def _sorted(found: Iterable[PhoneChange]) -> PhoneChanges:
    changed = [one for one in found if one.loses or one.receives]
    return PhoneChanges(
        tuple(sorted(changed, key=lambda one: (-one.loses, -one.receives, one.username)))
    )
