"""Whose cases a rule would take away: it closes them, or gives them to another owner (SPEC R25)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, null, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.rules.compile import changes, narrowed, written
from webapp.rules.definition import Definition
from webapp.rules.family import Family
from webapp.rules.moment import Moment
from webapp.rules.references import OWNER

#: From whom a case goes to whom; None where it is closed.
Move = tuple[str, str | None]
#: Of more kinds of moves only the owners who lose cases are counted.
MOST_MOVES = 20_000


@dataclass(frozen=True, slots=True)
class Losing:
    """How many owners lose cases; the one that loses `most`, and how many; and how many cases
    without an owner are closed, or get one. `moves` counts the cases by from whom they go to whom;
    None where these are very many."""

    owners: int = 0
    most: str = ""
    of_most: int = 0
    without_owner: int = 0
    moves: Mapping[Move, int] | None = field(default_factory=dict)


def takes_away(definition: Definition) -> bool:
    """Whether a rule may take a case from its owner."""
    return definition.closes or any(one.property.attribute == OWNER for one in definition.updates)


def losing_of(moves: Counter[Move]) -> Losing:
    """Told from how many cases go from whom to whom."""
    lost = Counter[str]()
    for (owner, _after), cases in moves.items():
        lost[owner] += cases
    named = sorted((-cases, owner) for owner, cases in lost.items() if owner and cases)
    if not named:
        return Losing(without_owner=lost[""], moves=dict(moves))
    cases, owner = named[0]
    return Losing(len(named), owner, -cases, lost[""], dict(moves))


class Losses:
    """Cases that are taken away one after the other. `both`: one may be closed and given away."""

    def __init__(self) -> None:
        self.both = False
        self._closed: Counter[str] = Counter()
        self._keys: set[int] = set()
        #: Whose a case was at first, and is now.
        self._owners: dict[int, tuple[object, object]] = {}

    def close(self, key: int, owner: str) -> None:
        """A case is closed that was the owner's at the start."""
        self._closed[owner] += 1
        if self.both:
            self._keys.add(key)

    def give(self, key: int, before: object, after: object) -> None:
        """A case gets another owner, maybe not for the first time."""
        self._owners[key] = self._owners.get(key, (before, after))[0], after

    def count(self) -> Counter[Move]:
        """How many cases have gone from whom to whom: each case once, and none that came back."""
        closed = Counter[Move]({(owner, None): cases for owner, cases in self._closed.items()})
        given = (
            (str(before), str(after))
            for key, (before, after) in self._owners.items()
            if before != after and key not in self._keys
        )
        return closed + Counter(given)


def count_losing(
    session: Session, project_id: int, definition: Definition, moment: Moment
) -> Losing | None:
    """The same of a rule that is not rehearsed: whatever it writes to others, it gives none of them
    away. None for one that takes nothing away. One query over the open cases of the type, or
    two."""
    if not takes_away(definition):
        return None
    family = Family(project_id)
    lost = changes(family, definition)
    after: ColumnElement[Any] = null()
    if not definition.closes:
        (to,) = (one for one in written(family, definition) if one.attribute == OWNER)
        lost, after = and_(lost, to.changes), to.value
    rows = family.select(Case.owner_id, after.label("after"), func.count()).where(lost)
    found = narrowed(rows, family, definition, moment).group_by(Case.owner_id, "after")
    moves = session.execute(found.limit(MOST_MOVES + 1)).all()
    if len(moves) <= MOST_MOVES:
        return losing_of(Counter({(owner, to): cases for owner, to, cases in moves}))
    return _owners_alone(session, family, definition, moment, lost)


def _owners_alone(
    session: Session,
    family: Family,
    definition: Definition,
    moment: Moment,
    lost: ColumnElement[bool],
) -> Losing:
    """The same without from whom to whom. One query."""
    rows = family.select(Case.owner_id.label("owner"), func.count().label("cases")).where(lost)
    each = narrowed(rows, family, definition, moment).group_by(Case.owner_id).subquery()
    named = each.c.owner != ""
    first = session.execute(
        select(
            each.c.owner,
            each.c.cases,
            func.sum(case((named, 1), else_=0)).over().label("owners"),
            func.sum(case((named, 0), else_=each.c.cases)).over().label("without"),
        )
        .order_by(case((named, 0), else_=1), each.c.cases.desc(), each.c.owner)
        .limit(1)
    ).one_or_none()
    if first is None:
        return Losing()
    most, of_most = (first[0], first[1]) if first[2] else ("", 0)
    return Losing(int(first[2]), most, of_most, int(first[3]), None)
