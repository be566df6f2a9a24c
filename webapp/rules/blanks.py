"""What becomes of cases in which there is nothing for a rule to compare (SPEC R5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, case, or_

from webapp.rules.definition import (
    Criterion,
    Definition,
    LocationIs,
    Match,
    NotModifiedSince,
    ParentClosed,
    PropertyIs,
)
from webapp.rules.family import Family
from webapp.rules.operators import is_blank
from webapp.rules.references import Reference
from webapp.rules.sql import Binary, Trimmed


class Lack(StrEnum):
    """What is not there: a value (missing, empty, or only white space); a text (missing or empty:
    white space is compared with white space); or the case to look at."""

    VALUE = "value"
    TEXT = "text"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Subject:
    """The cases that lack something: what `reference` would find, or without one, a parent case.
    `also_alone`: those for which there is no such case are among them."""

    lack: Lack
    reference: Reference | None
    also_alone: bool


@dataclass(frozen=True, slots=True)
class Blank:
    """Cases that lack something, and whether they match; where it does not decide (`decides`) the
    other conditions do: a case matches if all of these are true, or one of them."""

    subject: Subject
    matches: bool
    decides: bool


def blanks_of(definition: Definition) -> tuple[Blank, ...]:
    """What blanks do in a rule, in the order of its criteria; each subject once."""
    if definition.match is Match.EVERY_CASE:
        return ()
    any_is_enough = definition.match is Match.ANY
    told = [
        (subject, number, truth)
        for number, criterion in enumerate(definition.criteria)
        for subject, truth in _table(criterion)
    ]
    order = {subject: place for place, (subject, _n, _t) in reversed(list(enumerate(told)))}
    found = []
    for subject, group in groupby(
        sorted(told, key=lambda one: order[one[0]]), key=lambda one: one[0]
    ):
        same = list(group)
        truths = [truth for _subject, _number, truth in same]
        matches = any(truths) if any_is_enough else all(truths)
        others = len(definition.criteria) - len({number for _s, number, _t in same})
        found.append(Blank(subject, matches, matches == any_is_enough or not others))
    return tuple(found)


def _table(criterion: Criterion) -> Iterator[tuple[Subject, bool]]:
    """R5's table: who lacks what a criterion looks at, and what the criterion is then."""
    if isinstance(criterion, NotModifiedSince | LocationIs):
        return
    if isinstance(criterion, ParentClosed):
        yield Subject(Lack.CASE, None, True), False
        return
    reference, away = criterion.property, bool(criterion.property.path)
    if not isinstance(criterion, PropertyIs):
        yield Subject(Lack.VALUE, reference, away), False
        return
    wanted = (criterion.value, *criterion.values) if criterion.operator in _COMPARING else ()
    white = any(one and is_blank(one) for one in wanted)
    lack = Lack.TEXT if white else Lack.VALUE
    if criterion.operator == "not_equals":
        yield Subject(lack, reference, also_alone=False), True
        if away:
            yield Subject(Lack.CASE, reference, also_alone=True), False
        return
    yield Subject(lack, reference, away), criterion.operator == "has_no_value"


_COMPARING = {"equals", "not_equals", "one_of", "contains", "starts_with"}


def lacks(family: Family, subject: Subject) -> ColumnElement[int]:
    """1 for a case that is one of a subject's, else 0."""
    reference = subject.reference
    if reference is None:
        return case((family.parent_found(), 0), else_=1)
    if subject.lack is Lack.CASE:
        return case((family.found(reference.path), 0), else_=1)
    if not reference.path:
        return case(*((one, 0) for one in _filled(family, subject, family.case)), else_=1)

    def filled(table: Any) -> ColumnElement[bool]:
        return or_(*_filled(family, subject, table))

    there = family.holds(reference.path, filled)
    if subject.also_alone:
        return case((there, 0), else_=1)
    return case((there, 0), (family.found(reference.path), 1), else_=0)


def _filled(family: Family, subject: Subject, table: Any) -> list[ColumnElement[bool]]:
    """Conditions of which one is true where it is there; they may be NULL."""
    assert subject.reference is not None
    value = family.value(table, subject.reference)
    if subject.lack is Lack.TEXT:
        return [value != ""]
    # Nearly all begin with what is no white space: to trim a text takes ten times as long.
    return [Binary(value) > " ~", Trimmed(value) != ""]
