"""Cases as a rule sees them: with those that they point to (SPEC R5, R7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cases.apply import NOTHING, CaseState
from webapp.cases.models import Case
from webapp.cases.store import batches, states_of
from webapp.clock import Micros, iso
from webapp.people.location_owners import owners_within
from webapp.rules.definition import Copy, Criterion, Definition, LocationIs, ParentClosed
from webapp.rules.references import TIMES, Reference

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A case: its public id, and what it is."""

    case_id: str
    state: CaseState


class Places:
    """The owners of the locations that criteria name, as they are when they are first asked for:
    one query for each."""

    def __init__(self, session: Session, project_id: int) -> None:
        self._session, self._project_id = session, project_id
        self._found: dict[LocationIs, frozenset[str]] = {}

    def owners(self, criterion: LocationIs) -> frozenset[str]:
        """The ids of the owners whose cases belong to the location."""
        if criterion not in self._found:
            owners = owners_within(self._project_id, criterion.location, below=criterion.below)
            self._found[criterion] = frozenset(self._session.scalars(owners))
        return self._found[criterion]


class Cases:
    """Some cases by their keys, and the way from one to another. A change of `known` is seen."""

    def __init__(self, known: Mapping[int, Known], places: Places) -> None:
        self.known = dict(known)
        self.places = places

    def follow(self, key: int, path: Path) -> int | None:
        """The key of the case that a path leads to, from a case that is known; None where an index
        is not there or its case is deleted (R5), or unknown here."""
        for step in path:
            target = target_of(self.known[key].state, step)
            if target is None or target not in self.known or self.known[target].state.deleted:
                return None
            key = target
        return key

    def text(self, key: int, reference: Reference) -> tuple[str | None, bool]:
        """What a reference finds from a case, and whether there is a case for it at all."""
        found = self.follow(key, reference.path)
        if found is None:
            return None, False
        known = self.known[found]
        attribute = reference.attribute
        if attribute is None:
            return known.state.properties.get(reference.name), True
        return attribute_text(known, attribute), True

    def instant(self, key: int, reference: Reference) -> Micros | None:
        """The instant that a reference finds from a case; None where it finds none, or is not one
        of those that are instants (R7)."""
        found = self.follow(key, reference.path)
        if found is None or reference.attribute not in TIMES:
            return None
        instant: Micros | None = getattr(self.known[found].state, reference.attribute)
        return instant


def attribute_text(known: Known, attribute: str) -> str | None:
    """A system name's value as text; instants as R7 says, None for one that is not there."""
    if attribute == "case_id":
        return known.case_id
    value = getattr(known.state, attribute)
    if attribute in TIMES:
        return None if value is None else iso(value)
    return str(value)


def paths_read(definition: Definition) -> set[Path]:
    """The paths to other cases that criteria and copies read."""
    paths = {path for criterion in definition.criteria for path in [path_of(criterion)] if path}
    paths |= {action.source.path for action in definition.updates if isinstance(action, Copy)}
    return {path for path in paths if path}


def paths_written(definition: Definition) -> set[Path]:
    """The paths to other cases that actions write to."""
    return {action.property.path for action in definition.updates if action.property.path}


def path_of(criterion: Criterion) -> Path:
    """The path to the case that a criterion reads."""
    if isinstance(criterion, ParentClosed):
        return ("parent",)
    reference: Reference | None = getattr(criterion, "property", None)
    return () if reference is None else reference.path


def load(session: Session, project_id: int, keys: Collection[int], paths: Iterable[Path]) -> Cases:
    """Cases by their keys with all that the paths from them lead to: two queries a thousand cases,
    for each step of the longest path."""
    known: dict[int, Known] = {}
    wanted = set(keys)
    steps = list(paths)
    for depth in range(1 + max(map(len, steps), default=0)):
        known |= _read(session, project_id, sorted(wanted - known.keys()))
        nexts = {path[depth] for path in steps if len(path) > depth}
        found = {
            target_of(known[key].state, step) for key in wanted & known.keys() for step in nexts
        }
        wanted = {key for key in found if key is not None}
    return Cases(known, Places(session, project_id))


def _read(session: Session, project_id: int, keys: list[int]) -> dict[int, Known]:
    known: dict[int, Known] = {}
    for some in batches(keys):
        rows = session.execute(
            select(Case.__table__).where(Case.project_id == project_id, Case.id.in_(some))
        ).all()
        states = states_of(session, project_id, rows)
        known |= {
            row.id: Known(row.case_id, state) for row, state in zip(rows, states, strict=True)
        }
    return known


def target_of(state: CaseState, step: str) -> int | None:
    """Where the index `parent` points, or the one with relationship `extension`: of several, that
    of the smallest identifier (R7)."""
    if step == "parent":
        index = state.indices.get("parent")
        return None if index is None else index.target
    extensions = [
        (identifier, index.target)
        for identifier, index in state.indices.items()
        if index.relationship == "extension"
    ]
    return min(extensions)[1] if extensions else None


def parent_closed(cases: Cases, key: int) -> bool:
    """Whether the case that index `parent` with relationship `child` points to is closed (R4)."""
    index = cases.known[key].state.indices.get("parent")
    if index is None or index.relationship != "child":
        return False
    parent = cases.known.get(index.target)
    state = NOTHING if parent is None else parent.state
    return state.closed and not state.deleted
