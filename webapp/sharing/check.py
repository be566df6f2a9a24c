"""What is wrong with who shares cases with whom (SPEC C5): workers whose phones cannot open shared
cases, open cases whose owner has no phone, groups without members."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from webapp.cases.models import Case, CaseIndex
from webapp.cases.store import batches
from webapp.dictionary.models import CaseType, Sharing
from webapp.errors import TooSlow
from webapp.people.models import MobileWorker
from webapp.people.owner_sets import (
    OwnerKind,
    SharingOwner,
    owners_on_phones,
    sharing_owners,
)
from webapp.people.owners import Owner, OwnerIs, Standing, owners_of
from webapp.people.sharing_models import Group, GroupMember, Level, Location
from webapp.sharing.document import NOBODY
from webapp.sharing.phone_changes import open_cases_of
from webapp.time_limit import TimeLimit, time_limit

#: A page may look for owners so long, in seconds.
LIMIT_S = 10.0
#: What stands for the owner of a case that has none.
NO_OWNER = ("", NOBODY)


class Why(StrEnum):
    """Why the cases of an owner are on no phone."""

    #: The cases have no owner at all, and no open host brings them along.
    NO_OWNER = "no_owner"
    #: Nobody has the id.
    NOBODY = "nobody"
    DEACTIVATED = "deactivated"
    #: A web user who is no member of the project any more.
    LEFT = "left"
    DELETED = "deleted"
    ARCHIVED = "archived"
    NOT_SHARING = "not_sharing"
    #: A group or location that shares cases, but with no active worker.
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class WrongWorker:
    """An active worker who has not exactly one sharing owner: these."""

    user_id: str
    username: str
    owners: tuple[SharingOwner, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """Open cases that are on no phone for their owner's sake. `owner` is None where the id is
    nobody's."""

    owner_id: str
    owner: Owner | None
    why: Why
    cases: int


@dataclass(frozen=True, slots=True)
class SharingCheck:
    """What was found. `shared_types` are the case types that are always shared (C4); `workers` are
    by name, `lost` those with most cases first, None where that took too long to find out; `groups`
    share cases and have no active member."""

    used: bool
    shared_types: tuple[str, ...]
    workers: tuple[WrongWorker, ...]
    lost: tuple[Lost, ...] | None
    groups: tuple[Owner, ...]

    @property
    def clean(self) -> bool:
        """Whether there is nothing to mend."""
        return not (self.workers or self.lost or self.groups) and self.lost is not None

    @property
    def lost_cases(self) -> int:
        """How many open cases are on no phone for their owner's sake."""
        return sum(one.cases for one in self.lost or ())


def sharing_check(
    session: Session, project_id: int, *, limit_s: float | None = LIMIT_S
) -> SharingCheck:
    """Look at a whole project. Where it shares nothing, its workers are not wrong, but its cases
    may still be lost. Some ten queries; the owners of cases are found by as many steps along an
    index as there are owners, and only the cases of lost ones are read. `limit_s` is for these
    (None: what it takes)."""
    used = uses_sharing(session, project_id)
    workers = wrong_workers(session, project_id) if used else ()
    types = session.scalars(
        select(CaseType.name)
        .where(CaseType.project_id == project_id, CaseType.sharing == Sharing.SHARED)
        .order_by(CaseType.name)
    )
    empty = session.scalars(_empty_groups(project_id))
    groups = owners_of(session, project_id, list(empty)).values()
    found = SharingCheck(
        used,
        tuple(types),
        workers,
        None,
        tuple(sorted(groups, key=lambda one: (one.name, one.owner_id))),
    )
    try:
        with time_limit(session, limit_s, "") as limit:
            lost = _lost(session, project_id, limit)
    except TooSlow:
        return found
    return SharingCheck(found.used, found.shared_types, found.workers, lost, found.groups)


def uses_sharing(session: Session, project_id: int) -> bool:
    """Whether a project shares cases at all: by a group, a location, or a case type. One query."""
    ways = (
        exists().where(Group.project_id == project_id, Group.case_sharing, ~Group.deleted),
        exists().where(
            Location.project_id == project_id,
            ~Location.archived,
            Level.project_id == project_id,
            Level.id == Location.level_id,
            Level.owns_cases,
        ),
        exists().where(CaseType.project_id == project_id, CaseType.sharing == Sharing.SHARED),
    )
    return bool(session.scalar(select(or_(*ways))))


def count_wrong_workers(session: Session, project_id: int) -> int:
    """How many active workers have not exactly one sharing owner; 0 in a project that shares no
    cases. Two queries."""
    if not uses_sharing(session, project_id):
        return 0
    wrong = _wrong(project_id).subquery()
    return session.scalar(select(func.count()).select_from(wrong)) or 0


def wrong_workers(session: Session, project_id: int) -> tuple[WrongWorker, ...]:
    """Those workers, with what they have. Two queries."""
    workers = session.execute(_wrong(project_id).order_by(MobileWorker.username)).all()
    keys = {one.id for one in workers}
    shared = sharing_owners(project_id)
    rows = session.execute(
        select(shared.c.worker, shared.c.owner_id, shared.c.name, shared.c.kind).order_by(
            shared.c.kind, shared.c.name, shared.c.owner_id
        )
    )
    has: dict[int, list[SharingOwner]] = defaultdict(list)
    for worker, owner_id, name, kind in rows:
        if worker in keys:
            has[worker].append(SharingOwner(owner_id, name, OwnerKind(kind)))
    return tuple(WrongWorker(one.user_id, one.username, tuple(has[one.id])) for one in workers)


def _wrong(project_id: int) -> Select[int, str, str]:
    shared = sharing_owners(project_id)
    return (
        select(MobileWorker.id, MobileWorker.user_id, MobileWorker.username)
        .outerjoin(shared, shared.c.worker == MobileWorker.id)
        .where(MobileWorker.project_id == project_id, MobileWorker.active)
        .group_by(MobileWorker.id, MobileWorker.user_id, MobileWorker.username)
        .having(func.count(shared.c.owner_id) != 1)
    )


def _empty_groups(project_id: int) -> Select[str]:
    member = (
        exists()
        .where(
            GroupMember.project_id == project_id,
            GroupMember.group == Group.id,
            MobileWorker.project_id == project_id,
            MobileWorker.id == GroupMember.worker,
            MobileWorker.active,
        )
        .correlate(Group)
    )
    return select(Group.group_id).where(
        Group.project_id == project_id, Group.case_sharing, ~Group.deleted, ~member
    )


def _lost(session: Session, project_id: int, limit: TimeLimit) -> tuple[Lost, ...]:
    limit.renew()
    owners = session.scalars(_owners_of_cases(project_id)).all()
    limit.renew()
    reached = set(session.scalars(owners_on_phones(project_id)))
    astray = [one for one in owners if one not in reached]
    known: dict[str, Owner] = {}
    for some in batches(astray):
        limit.renew()
        known |= owners_of(session, project_id, some)
    # Web users have no phones, and see cases all the same.
    astray = [one for one in astray if not _is_on_the_web(known.get(one))]
    cases = open_cases_of(session, project_id, astray, limit)
    limit.renew()
    cases -= _brought_along(session, project_id)
    found = [
        Lost(one, known.get(one), _why(one, known.get(one)), cases[one])
        for one in astray
        if cases[one]
    ]
    return tuple(sorted(found, key=lambda one: (-one.cases, one.owner_id)))


def _brought_along(session: Session, project_id: int) -> Counter[str]:
    """How many open cases without an owner come along with an open host, by what stands for the
    owner: that is how apps say that an extension goes where its host goes. Where the host reaches
    nobody, it is found itself. One query, over the open cases without an owner."""
    host, beside = aliased(Case), aliased(CaseIndex)
    is_child = exists().where(
        beside.project_id == project_id,
        beside.case == CaseIndex.case,
        beside.target == CaseIndex.target,
        beside.relationship == "child",
    )
    extends = (
        select(CaseIndex.case)
        .join(host, (host.project_id == project_id) & (host.id == CaseIndex.target))
        .where(
            CaseIndex.project_id == project_id,
            CaseIndex.case == Case.id,
            CaseIndex.relationship == "extension",
            ~host.closed,
            ~host.deleted,
            ~is_child,
        )
    )
    rows = session.execute(
        select(Case.owner_id, func.count())
        .where(
            Case.project_id == project_id,
            Case.owner_id.in_(NO_OWNER),
            ~Case.closed,
            ~Case.deleted,
            extends.exists(),
        )
        .group_by(Case.owner_id)
    )
    return Counter(dict(rows.all()))


def _owners_of_cases(project_id: int) -> Select[str]:
    """The owner ids of all cases, each once: from one to the next along `ix_cases_owner`, however
    many cases each has."""
    first = select(func.min(Case.owner_id).label("owner_id")).where(Case.project_id == project_id)
    each = first.cte("each_owner", recursive=True)
    case = aliased(Case)
    after = (
        select(func.min(case.owner_id))
        .where(case.project_id == project_id, case.owner_id > each.c.owner_id)
        .scalar_subquery()
    )
    whole = each.union_all(select(after).where(each.c.owner_id.is_not(None)))
    return select(whole.c.owner_id).where(whole.c.owner_id.is_not(None))


def _is_on_the_web(owner: Owner | None) -> bool:
    return owner is not None and owner.kind is OwnerIs.WEB_USER and owner.active


def _why(owner_id: str, owner: Owner | None) -> Why:
    if owner_id in NO_OWNER:
        return Why.NO_OWNER
    if owner is None:
        return Why.NOBODY
    return Why.EMPTY if owner.standing is Standing.ACTIVE else Why(owner.standing.value)
