"""All cases that a rule would change, in the order of a run, with before and after: what the list
of a preview shows, page by page (SPEC R25)."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.cases.store import batches
from webapp.errors import Invalid
from webapp.rules.changes import CaseChange
from webapp.rules.compile import changes, narrowed
from webapp.rules.definition import Copy, Definition
from webapp.rules.effect import copies_of
from webapp.rules.family import Family
from webapp.rules.moment import Moment
from webapp.rules.one_by_one import changes_one_by_one, copies_of_all
from webapp.rules.preview import Watched, too_slow, unwatched
from webapp.rules.references import OWNER
from webapp.rules.rehearse import Turns, rehearse, written_name
from webapp.rules.view import Cases, Known, load, paths_read, paths_written
from webapp.submissions.snapshot import snapshot
from webapp.time_limit import time_limit


@dataclass(frozen=True, slots=True)
class ChangedCase:
    """A case that would change, and whose it is before that."""

    change: CaseChange
    owner_id: str


class ChangedCases:
    """They take 8 bytes of memory each. What each is like is read when it is asked for, from the
    cases as they are then."""

    def __init__(
        self, session: Session, project_id: int, definition: Definition, keys: array[int]
    ) -> None:
        self._session = session
        self._project_id = project_id
        self._definition = definition
        self._keys = keys
        self._paths = paths_read(definition) | paths_written(definition)
        self._begin()

    def __len__(self) -> int:
        return len(self._keys)

    def cursor(self, place: int) -> str:
        """What names the case at a place; it is found by that also when the list is another one."""
        return f"{place}.{self._keys[place]}"

    def place(self, cursor: str) -> tuple[int, bool]:
        """The place of the case that a cursor names, and whether it is still there; where it is
        not, the place at which it would be. (0, False) for a cursor that was never given."""
        place, _dot, key = cursor.partition(".")
        if not (_is_number(place) and _is_number(key)):
            return 0, False
        at = int(place)
        if at < len(self._keys) and self._keys[at] == int(key):
            return at, True
        try:
            return self._keys.index(int(key)), True
        except ValueError:
            return min(at, len(self._keys)), False

    def read(self, first: int, end: int) -> list[ChangedCase]:
        """Those from the place `first` to before `end`, in order; in a later transaction than that
        of the list, without those that would no longer change. A few queries a thousand cases;
        where the rule writes to related cases, also for all between the last that were read (or the
        first of all) and these, whose changes they meet."""
        keys = list(self._keys[first:end])
        cases = load(self._session, self._project_id, keys, self._paths)
        states = {key: cases.known[key].state for key in keys}
        copies = copies_of_all(self._definition, cases, keys)
        if self._definition.touches_others:
            self._catch_up(first)
            self._put_what_was_written(cases, keys)
        found = []
        for key, state in states.items():
            if state.closed or state.deleted:
                continue
            try:
                (change,) = changes_one_by_one(self._definition, cases, [key], copies)
            except Invalid:
                continue  # a value that is too long by now
            if change.closes or change.changes:
                found.append(ChangedCase(change, state.owner_id))
        return found

    def _begin(self) -> None:
        self._taken = 0
        #: By name and case: who wrote there last.
        self._writers: dict[tuple[str, int], int] = {}
        self._turns = Turns(self._session, self._project_id, self._definition, self._writers)

    def _catch_up(self, first: int) -> None:
        """Let all before a place have their turn."""
        if first < self._taken:
            self._begin()
        for some in batches(list(self._keys[self._taken : first])):
            for _turn in self._turns.take(some):
                pass
        self._taken = first

    def _put_what_was_written(self, cases: Cases, keys: Sequence[int]) -> None:
        """Let cases find what those before them have written."""
        places = {
            (written_name(action.property), target)
            for key in keys
            for action in self._definition.updates
            for target in [cases.follow(key, action.property.path)]
            if target is not None
        }
        writers = {place: self._writers[place] for place in places & self._writers.keys()}
        others = load(self._session, self._project_id, set(writers.values()), self._paths)
        for (name, target), writer in writers.items():
            known = cases.known[target]
            cases.known[target] = self._with_what_was_written(known, others, writer, name, target)

    def _with_what_was_written(
        self, known: Known, others: Cases, writer: int, name: str, target: int
    ) -> Known:
        """A case with the value that another wrote to it: the last of its actions that did."""
        copied = iter(copies_of(self._definition, others, writer))
        state = known.state
        for action in self._definition.updates:
            value = next(copied) if isinstance(action, Copy) else action.value
            reference = action.property
            if written_name(reference) != name or others.follow(writer, reference.path) != target:
                continue
            if value is None or (not value and name == OWNER):
                continue
            if reference.attribute is None:
                state = replace(state, properties={**state.properties, name: value})
            else:
                state = replace(state, **{reference.attribute: value})  # type: ignore[arg-type]
        return replace(known, state=state)


def changed_cases(
    session: Session,
    project_id: int,
    definition: Definition,
    moment: Moment,
    *,
    limit_s: float | None,
    watched: Watched = unwatched,
) -> ChangedCases:
    """Find the cases that a run would change. As `preview`: a snapshot is begun, one query over the
    open cases of the type, or a rehearsal; raises `TooSlow`."""
    snapshot(session)
    with time_limit(session, limit_s, too_slow(limit_s)) as limit, watched(session.connection()):
        if definition.touches_others:
            _totals, keys = rehearse(
                session, project_id, definition, moment, limit=limit, shown=sys.maxsize
            )
        else:
            keys = array("q")
            family = Family(project_id)
            rows = family.select(Case.id).where(changes(family, definition))
            # Not by the index that has this order: it leads through all closed cases too.
            rows = rows.order_by(Case.server_modified_on + 0, Case.id)
            rows = narrowed(rows, family, definition, moment).execution_options(yield_per=10_000)
            for some in session.connection().execute(rows).partitions():
                keys.extend([row[0] for row in some])
    return ChangedCases(session, project_id, definition, keys)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
