"""Whose cases a rule would take away: it closes them, or gives them to another owner (SPEC R25)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.rules.compile import changes, narrowed, written
from webapp.rules.definition import Definition
from webapp.rules.family import Family
from webapp.rules.moment import Moment
from webapp.rules.references import OWNER


@dataclass(frozen=True, slots=True)
class Losing:
    """How many owners lose cases; the one that loses `most`, and how many; and how many cases
    without an owner are closed, or get one."""

    owners: int = 0
    most: str = ""
    of_most: int = 0
    without_owner: int = 0


def takes_away(definition: Definition) -> bool:
    """Whether a rule may take a case from its owner."""
    return definition.closes or any(one.property.attribute == OWNER for one in definition.updates)


def losing_of(lost: Counter[str]) -> Losing:
    """Told from how many cases each owner loses."""
    named = sorted((-cases, owner) for owner, cases in lost.items() if owner and cases)
    if not named:
        return Losing(without_owner=lost[""])
    cases, owner = named[0]
    return Losing(len(named), owner, -cases, lost[""])


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

    def count(self) -> Counter[str]:
        """How many cases each owner has lost: each case once, and none that came back."""
        given = (
            str(before)
            for key, (before, after) in self._owners.items()
            if before != after and key not in self._keys
        )
        return self._closed + Counter(given)


def count_losing(
    session: Session, project_id: int, definition: Definition, moment: Moment
) -> Losing | None:
    """The same of a rule that writes to no other case; None for one that takes nothing away. One
    query over the open cases of the type."""
    if not takes_away(definition):
        return None
    family = Family(project_id)
    lost = changes(family, definition)
    if not definition.closes:
        owners = (one for one in written(family, definition) if one.attribute == OWNER)
        lost = and_(lost, *(one.changes for one in owners))
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
    return Losing(int(first[2]), most, of_most, int(first[3]))
