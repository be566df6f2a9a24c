"""Running a rule without writing: for rules that write to cases other than the one that matches.

There two cases may write to one parent, and what the first does is there already for the second. So
all that match have their turn, in the order of a run. Of the cases that are written to nothing is
kept but the values that the rule writes.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.cases.store import batches
from webapp.rules.compile import narrowed
from webapp.rules.definition import Copy, Definition, Set
from webapp.rules.family import Family, is_among, value_of
from webapp.rules.losing import Losing, Losses, losing_of, takes_away
from webapp.rules.moment import Moment
from webapp.rules.references import OWNER, Reference
from webapp.rules.view import paths_written
from webapp.submissions.blocks import MAX_COLUMN
from webapp.time_limit import TimeLimit

#: A value that is longer is remembered by its digest: 10,000 parents with 32 kB each are too much.
LONG = 64


@dataclass(slots=True)
class Totals:
    """What a run counts: cases that match and lead to a form, that are closed, forms about other
    cases, all forms, and cases at fault."""

    changed: int = 0
    closed: int = 0
    related_updates: int = 0
    submissions: int = 0
    errors: int = 0
    losing: Losing | None = None

    def count(self, key: int, written: Collection[int], *, closes: bool) -> None:
        """Count a case that matches, and the cases about which it leads to a form."""
        self.changed += bool(written)
        self.closed += closes
        self.related_updates += sum(one != key for one in written)
        self.submissions += len(written)


def rehearse(
    session: Session,
    project_id: int,
    definition: Definition,
    moment: Moment,
    *,
    limit: TimeLimit,
    shown: int,
) -> tuple[Totals, array[int]]:
    """Count what a run would do, and give the keys of the first `shown` cases that it would change.

    Two queries a thousand cases that match. Memory: the keys of those (8 bytes each), and for each
    case that an action leads to, 100 to 200 bytes a value that is written. Raises `TooSlow`.
    """
    turns = Turns(session, project_id, definition)
    totals = Totals()
    first = array("q")
    limit.renew()
    for some in batches(_in_order(session, project_id, definition, moment)):
        limit.renew()
        for key, written in turns.take(some):
            if written is None:
                totals.errors += 1
                continue
            totals.count(key, written, closes=definition.closes)
            if written and len(first) < shown:
                first.append(key)
    if takes_away(definition):
        totals.losing = losing_of(turns.losses.count())
    return totals, first


def _in_order(
    session: Session, project_id: int, definition: Definition, moment: Moment
) -> array[int]:
    """The keys of all cases that match, in the order of a run (R18)."""
    family = Family(project_id)
    # Not by the index that has this order: it leads through all closed cases too, one by one.
    keys = narrowed(family.select(Case.id), family, definition, moment).order_by(
        Case.server_modified_on + 0, Case.id
    )
    return array("q", session.scalars(keys.execution_options(yield_per=10_000)))


@dataclass(frozen=True, slots=True)
class _Write:
    """An action that writes a value. Where in a row the key of its target stands (None: the case
    that matched), and where the value to copy (None: `value`); a number for either is a place.
    `present`: where stands what the case that matched has now, if that is the target."""

    name: str
    attribute: bool
    target: int | None
    copied: int | None
    value: str
    present: int | None


class Turns:
    """Cases that match take their turns, and what they write is there for those after them.

    `writers`: by the name that is written and the key of the case, which case did that last; kept
    only where somebody gives a dictionary for it, and only of what is written to others.
    """

    def __init__(
        self,
        session: Session,
        project_id: int,
        definition: Definition,
        writers: dict[tuple[str, int], int] | None = None,
    ) -> None:
        self._session = session
        self._project_id = project_id
        self._closes = definition.closes
        self._writers = writers
        self._columns: list[Any] = [Case.id]
        #: Whose cases are taken away.
        self.losses = Losses()
        self._owner = self._place(Case.owner_id)
        family = Family(project_id)
        places = {path: self._place(family.key(path)) for path in sorted(paths_written(definition))}
        self._targets = tuple(places.values())
        self._writes = [
            self._write(family, action, places.get(action.property.path))
            for action in definition.updates
        ]
        of_others = {
            written_name(one.property): value_of(Case, one.property)
            for one in definition.updates
            if one.property.path
        }
        self.losses.both = any(one.property.attribute == OWNER for one in definition.updates)
        #: By the name that is written and the key of the case: what stands there in this turn.
        self._now: dict[str, dict[int, str | bytes]] = {name: {} for name in of_others}
        self._rows = self._of_keys(*self._columns)
        self._values = self._of_keys(Case.id, *of_others.values())

    def take(self, keys: Sequence[int]) -> Iterator[tuple[int, set[int] | None]]:
        """Let cases have their turn: each with the keys of the cases about which there would be a
        form; None for one at fault. Two queries."""
        found = self._session.execute(self._rows, {"keys": list(keys)})
        rows = {row[0]: row for row in found}
        self._look_up({row[place] for row in rows.values() for place in self._targets} - {None})
        for key in keys:
            yield key, self._turn(rows[key])

    def _turn(self, row: Row[Any]) -> set[int] | None:
        """Mirrors `webapp.rules.effect.effects`."""
        key = row[0]
        wanted = self._wanted(row)
        if wanted is None:
            return None
        written = {key} if self._closes else set()
        if self._closes:
            self.losses.close(key, row[self._owner])
        for (name, target), (one, value) in wanted.items():
            mark, known = _mark(name, value), self._now.get(name, {})
            present = known.get(target)
            if present is None and one.present is not None:  # the case itself, as at the start
                present = _mark(name, row[one.present] or "")
            if mark == present:
                continue
            written.add(target)
            if name == OWNER:
                self.losses.give(target, present, mark)
            if name in self._now:
                known[target] = mark
                if self._writers is not None:
                    self._writers[name, target] = key
        return written

    def _wanted(self, row: Row[Any]) -> dict[tuple[str, int], tuple[_Write, str]] | None:
        """What is to stand where, by name and case; None where a value does not fit."""
        wanted: dict[tuple[str, int], tuple[_Write, str]] = {}
        for one in self._writes:
            target = row[0] if one.target is None else row[one.target]
            value = one.value if one.copied is None else row[one.copied]
            if target is None or value is None:
                continue
            if one.attribute:
                if not value and one.name == OWNER:  # counts as not given (S9b)
                    continue
                if len(value) > MAX_COLUMN:
                    return None
            wanted[one.name, target] = one, value
        return wanted

    def _look_up(self, targets: set[int]) -> None:
        """Know what stands in cases that are written to by others, as long as nobody has."""
        new = [key for key in targets if any(key not in known for known in self._now.values())]
        for some in batches(new):
            for key, *values in self._session.execute(self._values, {"keys": list(some)}):
                for (name, known), value in zip(self._now.items(), values, strict=True):
                    known.setdefault(key, _mark(name, value or ""))

    def _write(self, family: Family, action: Set | Copy, target: int | None) -> _Write:
        return _Write(
            written_name(action.property),
            action.property.attribute is not None,
            target,
            self._place(family.text(action.source)) if isinstance(action, Copy) else None,
            "" if isinstance(action, Copy) else action.value,
            self._place(family.text(action.property)) if target is None else None,
        )

    def _place(self, column: Any) -> int:
        self._columns.append(column)
        return len(self._columns) - 1

    def _of_keys(self, *columns: Any) -> Any:
        """Columns of the cases with the keys `keys`."""
        # The project out of the index: PostgreSQL may take one that it does not know for empty.
        return select(*columns).where(
            Case.project_id + 0 == self._project_id, is_among(self._session)
        )


def written_name(reference: Reference) -> str:
    """What an action writes to: `name` and `case_name` are one."""
    return reference.attribute or reference.name


def _mark(name: str, value: str) -> str | bytes:
    """What is as good as a value to compare with others, and small. Most values are few. Owners are
    as they are, to be named."""
    if len(value) <= LONG or name == OWNER:
        return sys.intern(value)
    return blake2b(value.encode(), digest_size=16).digest()
