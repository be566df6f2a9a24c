"""Why a rule does or does not match a case: the mirror of `webapp.rules.compile` (SPEC R26).

Invariant 3: what this says of a case is what the rule's `Select` does with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from flask_babel import gettext as _

from webapp.cases.apply import CaseState
from webapp.clock import DAY, Micros, from_datetime, iso
from webapp.rules.definition import (
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
from webapp.rules.effect import Effect, copies_of, effects
from webapp.rules.moment import Moment
from webapp.rules.no_effect import no_case_words
from webapp.rules.operators import NUMBER, PROPERTY, date_of, dates_for, number_of
from webapp.rules.view import Cases, attribute_text, parent_closed, path_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """One criterion, the value that was found (None where there is none), a sentence on what it was
    compared with, and whether it is true. `missing` says that there is no case where the value
    would be found, if so. Of a value that is an instant `found_on` is the same, for people;
    `taken_as` is what was compared of it where that is its text, or the date in it, both in UTC.
    `before` is the instant that it was compared with, if it was one."""

    criterion: Criterion
    found: str | None
    wanted: str
    matches: bool
    missing: str = ""
    found_on: Micros | None = None
    taken_as: str = ""
    before: Micros | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a rule matches a case or not.

    `reason` is a sentence where the case is not even looked at: it is closed, deleted, or of
    another type; the verdicts are given all the same. `effects` are what the rule's actions would
    do; none where it does not match.
    """

    matches: bool
    reason: str | None
    verdicts: tuple[Verdict, ...]
    effects: tuple[Effect, ...]


def explain(definition: Definition, cases: Cases, key: int, moment: Moment) -> Explanation:
    """Explain a rule for a case that is known, with all that the rule reads and writes
    (`view.load`). Raises `Invalid` where an action cannot be done. No queries."""
    reason = _not_looked_at(definition, cases.known[key].state)
    verdicts = tuple(verdict(cases, key, one, moment) for one in definition.criteria)
    matching = reason is None and _combined(definition.match, [one.matches for one in verdicts])
    done: tuple[Effect, ...] = ()
    if matching:
        done = tuple(effects(definition, cases, key, copies_of(definition, cases, key)))
    return Explanation(matching, reason, verdicts, done)


def matches(definition: Definition, cases: Cases, key: int, moment: Moment) -> bool:
    """Whether a rule matches a case that is known, with those that the rule reads."""
    if not _is_looked_at(definition, cases.known[key].state):
        return False
    return _combined(
        definition.match, (is_true(cases, key, one, moment) for one in definition.criteria)
    )


def _combined(match: Match, truths: Iterable[bool]) -> bool:
    return any(truths) if match is Match.ANY else all(truths)


def _is_looked_at(definition: Definition, state: CaseState) -> bool:
    return not state.deleted and not state.closed and state.type == definition.case_type


def _not_looked_at(definition: Definition, state: CaseState) -> str | None:
    if _is_looked_at(definition, state):
        return None
    if state.deleted:
        return str(_("The case is deleted: no form of it counts."))
    if state.type != definition.case_type:
        return str(
            _(
                "The case is of type “%(type)s”; the rule is for “%(wanted)s”.",
                type=state.type,
                wanted=definition.case_type,
            )
        )
    return str(_("The case is closed; a rule looks at open cases only."))


def is_true(cases: Cases, key: int, criterion: Criterion, moment: Moment) -> bool:
    """Whether a criterion is true of a case (R4–R6)."""
    if isinstance(criterion, NotModifiedSince):
        last = cases.known[key].state.server_modified_on
        return last is not None and last < moment.now - criterion.days * DAY
    if isinstance(criterion, ParentClosed):
        return parent_closed(cases, key)
    if isinstance(criterion, LocationIs):
        return cases.known[key].state.owner_id in cases.places.owners(criterion)
    value, found = cases.text(key, criterion.property)
    if isinstance(criterion, PropertyIs):
        comparison = PROPERTY[criterion.operator]
        return comparison.python(value, criterion) if found else comparison.without_case
    if isinstance(criterion, NumberIs):
        number, wanted = number_of(value), number_of(criterion.value)
        if number is None or wanted is None:
            return False
        return NUMBER[criterion.operator].python(number, wanted)
    day = date_of(value)
    dates = dates_for(criterion.operator, criterion.days, moment.today)
    return day is not None and dates is not None and dates[0] <= day <= dates[1]


def verdict(cases: Cases, key: int, criterion: Criterion, moment: Moment) -> Verdict:
    """A criterion with what was found and what that was compared with."""
    path = path_of(criterion)
    found, found_on = _found(cases, key, criterion), _found_on(cases, key, criterion)
    return Verdict(
        criterion,
        found,
        _wanted(criterion, moment),
        is_true(cases, key, criterion, moment),
        no_case_words(path) if cases.follow(key, path) is None else "",
        found_on,
        "" if found is None or found_on is None else _taken_as(criterion, found),
        _before(criterion, moment) if isinstance(criterion, NotModifiedSince) else None,
    )


def _found(cases: Cases, key: int, criterion: Criterion) -> str | None:
    if isinstance(criterion, NotModifiedSince):
        return attribute_text(cases.known[key], "server_modified_on")
    if isinstance(criterion, ParentClosed):
        parent = cases.follow(key, ("parent",))
        if parent is None:
            return None
        return str(_("closed") if cases.known[parent].state.closed else _("open"))
    if isinstance(criterion, LocationIs):
        return cases.known[key].state.owner_id
    return cases.text(key, criterion.property)[0]


def _found_on(cases: Cases, key: int, criterion: Criterion) -> Micros | None:
    """The instant that was found, where a system name that is one was looked at."""
    if isinstance(criterion, ParentClosed | LocationIs):
        return None
    if isinstance(criterion, NotModifiedSince):
        return cases.known[key].state.server_modified_on
    return cases.instant(key, criterion.property)


def _taken_as(criterion: Criterion, found: str) -> str:
    if isinstance(criterion, DateIs):
        day = date_of(found)
        return "" if day is None else day.isoformat()
    if isinstance(criterion, PropertyIs) and PROPERTY[criterion.operator].needs:
        return found
    return ""


#: 0001-01-01T00:00:00Z: no instant is written before it.
_FIRST: Micros = from_datetime(datetime(1, 1, 1, tzinfo=UTC))


def _before(criterion: NotModifiedSince, moment: Moment) -> Micros:
    return max(moment.now - criterion.days * DAY, _FIRST)


def _wanted(criterion: Criterion, moment: Moment) -> str:
    if isinstance(criterion, NotModifiedSince):
        return str(_("before %(instant)s", instant=iso(_before(criterion, moment))))
    if isinstance(criterion, ParentClosed):
        return str(_("closed"))
    if isinstance(criterion, LocationIs):
        return str(_("one of its owners, as locations and assignments are now"))
    if isinstance(criterion, DateIs):
        return _wanted_dates(criterion, moment.today)
    if isinstance(criterion, NumberIs):
        return criterion.value
    needs = PROPERTY[criterion.operator].needs
    if needs == "values":
        return ", ".join(f"“{value}”" for value in criterion.values)
    return criterion.value if needs else ""


def _wanted_dates(criterion: DateIs, today: date) -> str:
    """The dates in the property for which the criterion is true today, as a sentence."""
    dates = dates_for(criterion.operator, criterion.days, today)
    if dates is None:
        return str(_("no date at all, as today is %(today)s", today=today.isoformat()))
    first, last = dates
    if criterion.operator in {"before", "on_or_before"}:
        return str(_("%(date)s or later", date=first.isoformat()))
    return str(_("%(date)s or earlier", date=last.isoformat()))
