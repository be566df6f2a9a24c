"""A rule as SQL: one `Select` of case keys that preview counts and the run executes (SPEC R1–R7).

It only ever narrows from the open cases of the project and type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    case,
    false,
    func,
    literal,
    literal_column,
    or_,
    true,
)

from webapp.cases.models import OPEN, Case
from webapp.clock import DAY
from webapp.people.location_owners import owners_within
from webapp.rules.definition import (
    Copy,
    Criterion,
    DateIs,
    Definition,
    LocationIs,
    Match,
    NotModifiedSince,
    NumberIs,
    ParentClosed,
    PropertyIs,
)
from webapp.rules.family import Family
from webapp.rules.moment import Moment
from webapp.rules.operators import NUMBER, PROPERTY, dates_for, has_value, number_of
from webapp.rules.references import OWNER_ID
from webapp.rules.sql import (
    Binary,
    DayOf,
    IsDate,
    IsNumber,
    JsonList,
    NotTrue,
    number_compares,
)
from webapp.submissions.blocks import MAX_COLUMN

Condition = ColumnElement[bool]


def matching(project_id: int, definition: Definition, moment: Moment) -> Select[Any]:
    """The keys (`cases.id`) of the cases that match, in no order."""
    family = Family(project_id)
    return narrowed(family.select(Case.id), family, definition, moment)


def narrowed(
    rows: Select[Any], family: Family, definition: Definition, moment: Moment
) -> Select[Any]:
    """A `Select` over a family (`family.select(…)`), only for the cases that match."""
    return of_type(rows, definition.case_type).where(condition(family, definition, moment))


def of_type(rows: Select[Any], case_type: str) -> Select[Any]:
    """Only the open cases of a type (R1)."""
    return rows.where(Case.type == case_type, *OPEN)


def condition(family: Family, definition: Definition, moment: Moment) -> Condition:
    """Whether a case that is open, and of the type, matches. Never NULL where that matters: a
    criterion that is NULL counts as not true, and none is ever negated."""
    truths = [criterion_sql(family, one, moment) for one in definition.criteria]
    if definition.match is Match.EVERY_CASE:
        return true()
    return and_(true(), *truths) if definition.match is Match.ALL else or_(false(), *truths)


def criterion_sql(family: Family, criterion: Criterion, moment: Moment) -> Condition:
    """One criterion as a condition; NULL counts as not true."""
    if isinstance(criterion, NotModifiedSince):
        return family.case.server_modified_on < moment.now - criterion.days * DAY
    if isinstance(criterion, ParentClosed):
        return family.parent_closed()
    if isinstance(criterion, LocationIs):
        owners = owners_within(family.project_id, criterion.location, below=criterion.below)
        # PostgreSQL would make a join of it, and with old statistics the wrong one: asked so, the
        # owners are found once, and each case is looked up among them.
        return family.text(OWNER_ID).in_(owners).is_(true())
    reference, known = criterion.property, _known_day(family, criterion)
    if isinstance(criterion, DateIs) and known is not None:
        return _is_within(Binary(known), criterion, moment)
    truth = family.holds(
        reference.path, lambda table: _compares(family.value(table, reference), criterion, moment)
    )
    if reference.path and _without_case(criterion):
        return or_(~family.found(reference.path), truth)
    return truth


def _without_case(criterion: PropertyIs | NumberIs | DateIs) -> bool:
    return isinstance(criterion, PropertyIs) and PROPERTY[criterion.operator].without_case


def _compares(
    value: ColumnElement[Any], criterion: PropertyIs | NumberIs | DateIs, moment: Moment
) -> Condition:
    if isinstance(criterion, PropertyIs):
        return PROPERTY[criterion.operator].sql(value, criterion)
    if isinstance(criterion, NumberIs):
        number = number_of(criterion.value)
        if number is None:
            raise ValueError(f"{criterion.value!r} is no number: the definition is not valid")
        return number_compares(value, NUMBER[criterion.operator].sign, number)
    # Whether it is a date at all takes longest.
    return and_(_is_within(Binary(func.substr(value, 1, 10)), criterion, moment), IsDate(value))


def _known_day(family: Family, criterion: Criterion) -> ColumnElement[Any] | None:
    """The day that a date criterion compares, where that is a column already."""
    if not isinstance(criterion, DateIs) or criterion.property.path:
        return None
    return family.days.get(criterion.property)


def _is_within(day: ColumnElement[Any], criterion: DateIs, moment: Moment) -> Condition:
    dates = dates_for(criterion.operator, criterion.days, moment.today)
    if dates is None:
        return false()
    first, last = (one.isoformat() for one in dates)
    return and_(day >= first, day <= last)


def day_of(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """The day of a text that is a date, NULL for any other."""
    return Binary(DayOf(value))


def copies(family: Family, definition: Definition) -> JsonList:
    """The values of the copies of a rule that has some, in the order of its actions."""
    return JsonList(
        *(family.text(one.source) for one in definition.updates if isinstance(one, Copy))
    )


@dataclass(frozen=True, slots=True)
class Written:
    """A value that a rule writes to the case that matched: what would stand there, what stands
    there now, and whether it is an attribute of the case, of at most 255 characters."""

    value: ColumnElement[Any]
    present: ColumnElement[Any]
    attribute: str | None

    @property
    def changes(self) -> Condition:
        """Whether the value would be another one; NULL counts as not. An empty owner counts as not
        given (S9b), and the empty text on a missing property is no change (R9)."""
        differs = func.coalesce(self.present, "") != self.value
        return and_(differs, self.value != "") if self.attribute == "owner_id" else differs

    @property
    def fails(self) -> Condition:
        """Whether the value does not fit; NULL counts as not."""
        if self.attribute is None:
            return false()
        return func.length(self.value) > MAX_COLUMN


def written(family: Family, definition: Definition) -> list[Written]:
    """What a rule writes to the case that matched, in the order of its actions."""
    return [
        Written(
            family.text(action.source)
            if isinstance(action, Copy)
            else literal(action.value, Text()),
            family.text(action.property),
            action.property.attribute,
        )
        for action in definition.updates
        if not action.property.path
    ]


def can_fail(definition: Definition) -> bool:
    """Whether a rule may meet a value that does not fit: it copies into an attribute (R12)."""
    return any(isinstance(one, Copy) and one.property.attribute for one in definition.updates)


def fails(family: Family, definition: Definition) -> Condition:
    """Whether the matched case cannot be changed, because a value to copy does not fit (R12)."""
    values = written(family, definition)
    return or_(false(), *(func.coalesce(one.fails, false()) for one in values if one.attribute))


def changes(family: Family, definition: Definition) -> Condition:
    """Whether a case that matches would change itself (R11)."""
    if definition.closes:
        return ~fails(family, definition)
    values = written(family, definition)
    return and_(~fails(family, definition), or_(false(), *(one.changes for one in values)))


def level_of(
    family: Family, definition: Definition, moment: Moment, then: ColumnElement[int] | None = None
) -> ColumnElement[int]:
    """For `all`, how many criteria from the first on a case fulfils; with `then` added where it
    fulfils all, which is computed only there. Each criterion is evaluated once."""
    truths = [criterion_sql(family, one, moment) for one in definition.criteria]
    # CASE stops at the first that is not true; a NULL must stop it as well.
    steps: list[tuple[Any, Any]] = [
        (NotTrue(truth), literal_column(str(n))) for n, truth in enumerate(truths)
    ]
    everything: ColumnElement[int] = literal_column(str(len(truths)), Integer())
    everything = everything if then is None else everything + then
    return case(*steps, else_=everything) if steps else everything


def outcome(family: Family, definition: Definition) -> ColumnElement[int] | None:
    """What becomes of a case that matches a rule that writes to no other: 0 where it cannot be
    changed, 1 where it is as wanted already, 2 where it would change; None where that is so for
    all."""
    if definition.closes and not can_fail(definition):
        return None
    return case((fails(family, definition), 0), (changes(family, definition), 2), else_=1)


def unreadable(family: Family, criterion: Criterion) -> Condition | None:
    """Whether a case has a value that a date or number criterion cannot read; None for others."""
    if not isinstance(criterion, DateIs | NumberIs):
        return None
    reference, is_readable = criterion.property, _READABLE[type(criterion)]

    def unread(table: Any) -> Condition:
        value = family.value(table, reference)
        known = _known_day(family, criterion)
        bad: Condition = ~is_readable(value) if known is None else known.is_(None)
        return and_(bad, has_value(value))

    return family.holds(reference.path, unread)


_READABLE: dict[type, Callable[[ColumnElement[Any]], Condition]] = {
    DateIs: IsDate,
    NumberIs: IsNumber,
}
