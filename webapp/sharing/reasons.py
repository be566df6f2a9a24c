"""Why a case is on a phone (SPEC P8): whose it is, or to which other case on it it belongs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseIndex
from webapp.cases.store import batches
from webapp.sharing.scope import available, scope
from webapp.time_limit import TimeLimit, time_limit

#: A page may read so long, in seconds.
LIMIT_S = 10.0


class Because(StrEnum):
    """How a case comes to be on a phone."""

    OWNER = "owner"
    #: It is the parent, the host, or an open extension of another that is on the phone.
    PARENT = "parent"
    HOST = "host"
    EXTENSION = "extension"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a case is on a phone; `through` is the key of the other case, but for `OWNER`."""

    because: Because
    through: int | None = None


OWNED = Reason(Because.OWNER)
_Case = Row[int, str, str, str, str, bool]


@dataclass(frozen=True, slots=True)
class Carried:
    """A case on a phone, and why it is there. `through` is the name of the other case, or its id
    where it has no name; `owner_id` the one in the owner set for whose sake it is there: its own
    owner, or that of the case at which the way to it begins."""

    key: int
    case_id: str
    type: str
    name: str
    closed: bool
    owner_id: str
    because: Because
    through_id: str = ""
    through: str = ""


@dataclass(frozen=True, slots=True)
class CarriedPage:
    """Some of the cases on a phone, by type and name, and how many there are in all."""

    rows: tuple[Carried, ...]
    total: int


def carried(
    session: Session,
    project_id: int,
    owner_ids: Collection[str],
    *,
    first: int = 0,
    limit: int = 50,
    limit_s: float = LIMIT_S,
) -> CarriedPage:
    """What the phone with this owner set carries, from the `first` (0) on.

    Two queries, and three for each thousand cases on the phone: 0.1 s at 5,000. Raises `TooSlow`
    where all of them take longer than `limit_s`, for each is needed to tell why another is there.
    """
    says = _("This phone carries so many cases that they cannot be listed here.")
    with time_limit(session, limit_s, says) as clock:
        keys = scope(session, project_id, owner_ids)
        cases: dict[int, _Case] = {}
        for some in batches(keys):
            clock.renew()
            cases.update({row.id: row for row in _cases(session, project_id, some)})
        reasons = _reasons(session, project_id, cases, owner_ids, clock)
    shown = sorted(cases.values(), key=lambda case: (case.type, case.name, case.id))
    return CarriedPage(
        tuple(_carried(case, reasons, cases) for case in shown[first : first + limit]),
        len(cases),
    )


def _carried(case: _Case, reasons: Mapping[int, Reason], cases: Mapping[int, _Case]) -> Carried:
    reason = reasons[case.id]
    begin = case.id
    while (before := reasons[begin].through) is not None:
        begin = before
    through = None if reason.through is None else cases[reason.through]
    return Carried(
        case.id,
        case.case_id,
        case.type,
        case.name,
        case.closed,
        cases[begin].owner_id,
        reason.because,
        "" if through is None else through.case_id,
        "" if through is None else through.name or through.case_id,
    )


def _reasons(
    session: Session,
    project_id: int,
    cases: Mapping[int, _Case],
    owner_ids: Collection[str],
    clock: TimeLimit,
) -> dict[int, Reason]:
    """Why each of the cases on a phone is there: the shortest way from one that is owned."""
    owned = [
        case.id for case in cases.values() if not case.closed and case.owner_id in set(owner_ids)
    ]
    ways = _ways(session, project_id, cases, clock)
    reached: list[int] = []
    for some in batches(owned):
        clock.renew()
        reached += available(session, project_id, some)
    reasons = dict.fromkeys(sorted(reached), OWNED)
    reached = list(reasons)
    while reached:
        near, reached = reached, []
        for key in near:
            for other, because in ways[key]:
                if other not in reasons:
                    reasons[other] = Reason(because, key)
                    reached.append(other)
    return reasons


def _ways(
    session: Session, project_id: int, cases: Mapping[int, _Case], clock: TimeLimit
) -> Mapping[int, list[tuple[int, Because]]]:
    """From each case on a phone, the others that it brings along."""
    ways: dict[int, list[tuple[int, Because]]] = defaultdict(list)
    for some in batches(list(cases)):
        clock.renew()
        for (case, target), because in links(indices_of(session, project_id, some)).items():
            if target not in cases:
                continue  # deleted
            ways[case].append((target, because))
            if because is Because.HOST and not cases[case].closed:
                ways[target].append((case, Because.EXTENSION))
    return ways


def links(indices: Iterable[Row[int, int, str]]) -> dict[tuple[int, int], Because]:
    """What the target of each index is to its case; a child index beside an extension index to the
    same target wins (P2)."""
    found: dict[tuple[int, int], Because] = {}
    for case, target, relationship in indices:
        pair = (case, target)
        if relationship == "child":
            found[pair] = Because.PARENT
        else:
            found.setdefault(pair, Because.HOST)
    return found


def indices_of(
    session: Session, project_id: int, keys: Sequence[int]
) -> Sequence[Row[int, int, str]]:
    """All indexes of these cases. One query."""
    return session.execute(
        select(CaseIndex.case, CaseIndex.target, CaseIndex.relationship)
        .where(CaseIndex.project_id == project_id, CaseIndex.case.in_(keys))
        .order_by(CaseIndex.case + 0, CaseIndex.identifier)
    ).all()


def _cases(session: Session, project_id: int, keys: Sequence[int]) -> Sequence[_Case]:
    return session.execute(
        select(Case.id, Case.case_id, Case.type, Case.name, Case.owner_id, Case.closed).where(
            Case.project_id == project_id, Case.id.in_(keys)
        )
    ).all()
