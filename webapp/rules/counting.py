"""How many open cases a rule's criteria leave, and how many of these would change: in one pass
(SPEC R25)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_

from webapp.readers import Readers
from webapp.rules.alike import alike
from webapp.rules.blanks import Blank, blanks_of, lacks
from webapp.rules.compile import Condition, criterion_sql, day_of, level_of, outcome, unreadable
from webapp.rules.definition import (
    Copy,
    Criterion,
    DateIs,
    Definition,
    LocationIs,
    Match,
    ParentClosed,
)
from webapp.rules.layers import Layer
from webapp.rules.moment import Moment
from webapp.rules.references import OWNER_ID, Reference


@dataclass(frozen=True, slots=True)
class Step:
    """A criterion: how many cases are left after it (`all`), or fulfil it (`any`)."""

    criterion: Criterion
    cases: int


@dataclass(frozen=True, slots=True)
class BlankStep:
    """What blanks do, and in how many open cases of the type there is such a blank."""

    blank: Blank
    cases: int


@dataclass(frozen=True, slots=True)
class Counted:
    """The open cases of a rule's type, and those that match; of these, how many would change and
    how many cannot. `related`: to how many others it would write, one form each; None where only
    running it can tell, and neither is `changed` known then. `unreadable` counts, for criteria that
    compare dates or numbers, the open cases with a value that is none."""

    open_cases: int
    matched: int
    changed: int
    errors: int
    related: int | None
    funnel: tuple[Step, ...]
    unreadable: tuple[Step, ...]
    blanks: tuple[BlankStep, ...]


def count_cases(
    readers: Readers, project_id: int, definition: Definition, moment: Moment
) -> Counted:
    """One query, which looks at each open case of the type once; or one for each half of them, at
    the same time. And one over those that match, for a rule that does the same to others whoever
    comes first (`webapp.rules.alike`)."""
    session, others = readers.session, alike(definition)
    halves = (0, 1) if readers.is_two and others is None else (None,)
    asked = [
        _asked(Layer.of_type(session, project_id, definition.case_type, half), definition, moment)
        for half in halves
    ]
    statements = [one.statement for one in asked]
    if others is not None:
        statements.append(others.count(session, project_id, definition, moment))
    rows = readers.rows(statements)
    related = None if definition.touches_others else 0
    if others is not None:
        related = others.told(rows.pop())
    return asked[0].counted([sum(numbers) for numbers in zip(*rows, strict=True)], related)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A statement that counts all cases of a layer, and those of which each of these is true."""

    definition: Definition
    statement: Select[Any]
    ends: int
    unreadable: tuple[Criterion, ...]
    blanks: tuple[Blank, ...]

    def counted(self, numbers: Sequence[int], related: int | None) -> Counted:
        """What the numbers that it gives say."""
        total, *rest = numbers
        criteria, left = self.definition.criteria, iter(rest)
        steps = tuple(map(Step, criteria, islice(left, len(criteria))))
        ends = list(islice(left, self.ends))
        errors, _as_wanted, changed = ends if len(ends) == _OUTCOMES else (0, 0, ends[0])
        return Counted(
            open_cases=total,
            matched=sum(ends),
            changed=changed,
            errors=errors,
            related=related,
            funnel=steps,
            unreadable=tuple(map(Step, self.unreadable, islice(left, len(self.unreadable)))),
            blanks=tuple(map(BlankStep, self.blanks, left)),
        )


def _asked(layer: Layer, definition: Definition, moment: Moment) -> _Asked:
    of_match = _any if definition.match is Match.ANY else _all
    layer, steps, ends = of_match(_read_once(layer, definition), definition, moment)
    checks = [(one, unreadable(layer.family, one)) for one in definition.criteria]
    bad = [(one, check) for one, check in checks if check is not None]
    blanks = blanks_of(definition)
    lacking = (lacks(layer.family, one.subject) for one in blanks)
    asked = (*steps, *ends, *(check for _one, check in bad), *lacking)
    statement = layer.select(func.count(), *(func.count().filter(one) for one in asked))
    return _Asked(definition, statement, len(ends), tuple(one for one, _check in bad), blanks)


def _read_once(layer: Layer, definition: Definition) -> Layer:
    """What criteria read in a case itself is read once, and not for each of the things that are
    asked about it; whether it is a date takes longest."""
    own = list(dict.fromkeys(one for one in _read(definition) if not one.path))
    if not own:
        return layer
    others = (one for one in _written(definition) if not one.path and one not in own)
    attributes = {one.attribute or "properties" for one in others}
    layer = layer.with_texts(own, sorted(attributes))
    dates = (one.property for one in definition.criteria if isinstance(one, DateIs))
    days = {one: day_of(layer.family.texts[one]) for one in dates if not one.path}
    return layer.with_days(days) if days else layer


def _read(definition: Definition) -> Iterator[Reference]:
    """What the criteria of a rule read."""
    for criterion in definition.criteria:
        reference: Reference | None = getattr(criterion, "property", None)
        if isinstance(criterion, LocationIs):
            reference = OWNER_ID
        if reference is not None:
            yield reference


def _written(definition: Definition) -> Iterator[Reference]:
    """What a rule writes to, and copies."""
    for action in definition.updates:
        yield action.property
        if isinstance(action, Copy):
            yield action.source


#: A layer; the conditions, on its columns, of the cases of each step of the funnel; and of those
#: that match by what becomes of them (`compile.outcome`; one condition where that is the same).
_Conditions = tuple[Layer, list[Condition], list[Condition]]
_OUTCOMES = 3


def _all(layer: Layer, definition: Definition, moment: Moment) -> _Conditions:
    """A case is at the level of the first criterion that is not true; where all are, at one for
    each outcome above these."""
    then, count = _outcome(layer, definition), len(definition.criteria)
    layer = layer.with_columns({"level": level_of(layer.family, definition, moment, then)})
    level = layer.column("level")
    ends = [level == count + number for number in range(1 if then is None else _OUTCOMES)]
    return layer, [level > number for number in range(count)], ends


def _any(layer: Layer, definition: Definition, moment: Moment) -> _Conditions:
    """Each criterion is looked at by itself, and once more to see whether one of them is true: so
    what looks up other rows is found out before that."""
    then, truths = _outcome(layer, definition), _truths(layer, definition, moment)
    before = {
        f"truth{number}": case((truth, 1), else_=0)
        for number, (one, truth) in enumerate(zip(definition.criteria, truths, strict=True))
        if _looks_away(one)
    }
    if then is not None:
        before["outcome"] = case((or_(*truths), then))
    if before:
        layer = layer.with_columns(before)
        truths = [
            layer.column(f"truth{number}") == 1 if f"truth{number}" in before else truth
            for number, truth in enumerate(_truths(layer, definition, moment))
        ]
    if then is None:
        return layer, truths, [or_(*truths)]
    end = layer.column("outcome")
    return layer, truths, [end == number for number in range(_OUTCOMES)]


def _truths(layer: Layer, definition: Definition, moment: Moment) -> list[Condition]:
    return [criterion_sql(layer.family, one, moment) for one in definition.criteria]


def _looks_away(criterion: Criterion) -> bool:
    """Whether other rows are looked up for a criterion."""
    reference: Reference | None = getattr(criterion, "property", None)
    return isinstance(criterion, ParentClosed | LocationIs) or bool(reference and reference.path)


def _outcome(layer: Layer, definition: Definition) -> ColumnElement[int] | None:
    """What becomes of a case that matches, where the rule writes to no others."""
    return None if definition.touches_others else outcome(layer.family, definition)
