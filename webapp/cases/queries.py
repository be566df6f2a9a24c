"""Finding a case, and the cases around it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.cases.models import Case, CaseIndex
from webapp.errors import NotFound

#: So many steps along the indexes are gone in each direction,
LEVELS = 2
#: and so many links are followed in each; of those beyond, so many are counted.
LINKS, COUNTED = 50, 10_000


def get_case(session: Session, project_id: int, case_id: str) -> Case:
    """A case by its public id. Raises `NotFound`. One query."""
    case = session.scalar(
        select(Case).where(Case.project_id == project_id, Case.case_id == case_id)
    )
    if case is None:
        raise NotFound("There is no case with this id in this project.")
    return case


@dataclass(frozen=True, slots=True)
class Branch:
    """A case in the tree of related cases, under one that it points to by this index (the empty
    identifier for those on top). `again`: it stands in the tree already, with what is below it."""

    case_id: str
    name: str
    type: str
    closed: bool
    deleted: bool
    identifier: str = ""
    relationship: str = ""
    here: bool = False
    again: bool = False
    below: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """The related cases as trees. `cut`: there are more than were followed; `more_below` is how
    many links to the case itself are among those, `COUNTED` also where there are more."""

    trees: tuple[Branch, ...]
    cut: bool
    more_below: int = 0

    def __bool__(self) -> bool:
        """Whether there is any other case."""
        return any(not tree.here or tree.below for tree in self.trees)


class _Link(NamedTuple):
    case: int
    target: int
    identifier: str
    relationship: str


def family(session: Session, case: Case) -> Family:
    """What a case points to, and what points to it, `LEVELS` steps far and at most `LINKS` links in
    each direction. One query for each step and one for the cases; three where there is nothing,
    and one more where there is more.

    Indexes can make any graph. Each case stands under all that it points to, and what is below it
    only the first time; no circle goes on for ever.
    """
    up, more_up = _follow(session, case, CaseIndex.case, CaseIndex.target)
    down, more_down = _follow(session, case, CaseIndex.target, CaseIndex.case)
    links = list(dict.fromkeys((*up, *down)))
    keys = list(dict.fromkeys([*(one.target for one in up), case.id]))
    keys += [one.case for one in links if one.case not in keys]
    shown = _shown(session, case, keys)
    plot = _Plot(shown, _by_target(links))
    pointing = {one.case for one in links}
    roots = [key for key in keys if key not in pointing]
    trees = [plot.branch(key) for key in (*roots, *keys) if key not in plot.drawn]
    shown_below = sum(one.target == case.id for one in down)
    more_below = _links_to(session, case) - shown_below if more_down else 0
    return Family(tuple(trees), more_up or more_down, min(more_below, COUNTED))


def _links_to(session: Session, case: Case) -> int:
    """How many links point to a case, as far as they are counted."""
    some = (
        select(CaseIndex.id)
        .where(CaseIndex.project_id == case.project_id, CaseIndex.target == case.id)
        .limit(LINKS + COUNTED)
    )
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def _follow(
    session: Session,
    case: Case,
    near: InstrumentedAttribute[int],
    far: InstrumentedAttribute[int],
) -> tuple[list[_Link], bool]:
    """The links from a case in one direction, nearest first, and whether there are more."""
    found: list[_Link] = []
    seen, frontier = {case.id}, {case.id}
    for _level in range(LEVELS):
        room = LINKS - len(found)
        rows = session.execute(
            select(CaseIndex.case, CaseIndex.target, CaseIndex.identifier, CaseIndex.relationship)
            .where(CaseIndex.project_id == case.project_id, near.in_(frontier))
            .order_by(CaseIndex.id)
            .limit(room + 1)
        ).all()
        links = [_Link(*row) for row in rows]
        found += links[:room]
        if len(links) > room:
            return found, True
        ends = {one.target if far is CaseIndex.target else one.case for one in links}
        frontier = ends - seen
        seen |= frontier
        if not frontier:
            break
    return found, False


def _shown(session: Session, case: Case, keys: Collection[int]) -> dict[int, Branch]:
    rows = session.execute(
        select(Case.id, Case.case_id, Case.name, Case.type, Case.closed, Case.deleted).where(
            Case.project_id == case.project_id, Case.id.in_(keys)
        )
    )
    return {
        key: Branch(case_id, name, type_, closed, deleted, here=key == case.id)
        for key, case_id, name, type_, closed, deleted in rows
    }


def _by_target(links: Iterable[_Link]) -> Mapping[int, list[_Link]]:
    below: dict[int, list[_Link]] = defaultdict(list)
    for one in links:
        below[one.target].append(one)
    return below


@dataclass
class _Plot:
    """Drawing trees: each case in full once."""

    shown: Mapping[int, Branch]
    below: Mapping[int, list[_Link]]
    drawn: set[int] = field(default_factory=set)

    def branch(self, key: int, link: _Link | None = None) -> Branch:
        one = self.shown[key]
        if link is not None:
            one = replace(one, identifier=link.identifier, relationship=link.relationship)
        if key in self.drawn:
            return replace(one, again=True)
        self.drawn.add(key)
        below = self.below.get(key, ())
        return replace(one, below=tuple(self.branch(under.case, under) for under in below))
