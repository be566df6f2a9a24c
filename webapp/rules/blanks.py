"""What becomes of cases in which there is nothing for a rule to compare (SPEC R5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, or_

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
from webapp.rules.operators import has_value, is_blank, lacks_value
from webapp.rules.references import Reference


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


def lacks(family: Family, subject: Subject) -> ColumnElement[bool]:
    """Whether a case is one of a subject's."""
    reference = subject.reference
    if reference is None:
        return ~family.parent_found()
    if subject.lack is Lack.CASE:
        return ~family.found(reference.path)
    if not reference.path:
        return _empty(family.value(family.case, reference), subject)
    if subject.also_alone:  # asked so, the other case is looked up once
        return ~family.holds(
            reference.path, lambda table: _filled(family.value(table, reference), subject)
        )
    return family.holds(
        reference.path, lambda table: _empty(family.value(table, reference), subject)
    )


def _empty(value: ColumnElement[Any], subject: Subject) -> ColumnElement[bool]:
    if subject.lack is Lack.TEXT:
        return or_(value.is_(None), value == "")
    return lacks_value(value)


def _filled(value: ColumnElement[Any], subject: Subject) -> ColumnElement[bool]:
    return value != "" if subject.lack is Lack.TEXT else has_value(value)
