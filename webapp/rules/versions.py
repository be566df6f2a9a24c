"""What differs between two versions of a rule, as people read it (SPEC R29)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask_babel import gettext as _

from webapp.rules.definition import Action, Criterion, Definition, Match, PropertyIs
from webapp.rules.describe import action_words, criterion_words, quote, quoted_list
from webapp.rules.describe_when import brake_words, schedule_words
from webapp.rules.portable import RuleData

Row = TypeVar("Row", bound=Criterion | Action)
T = TypeVar("T")


def differences(old: Definition | RuleData, new: Definition | RuleData) -> list[str]:
    """A sentence for each difference; none where the two say the same. Schedule and brake are
    compared where both are given with them (`queries.data_of`). No queries."""
    before, after = _definition(old), _definition(new)
    found = _texts(before, after)
    if before.match != after.match:
        found.append(_match_words(after.match))
    found += _Rows(
        criterion_words,
        lambda words: _("Condition removed: %(words)s.", words=words),
        lambda words: _("Condition added: %(words)s.", words=words),
        lambda words: _("Changed beyond what is shown here: %(words)s.", words=words),
        lambda: _("The conditions stand in another order."),
    ).compare(before.criteria, after.criteria)
    found += _Rows(
        action_words,
        lambda words: _("No longer happens: %(words)s.", words=words),
        lambda words: _("Now happens: %(words)s.", words=words),
        lambda words: _("Changed beyond what is shown here: %(words)s.", words=words),
        lambda: _("What happens stands in another order."),
    ).compare(before.actions, after.actions)
    if isinstance(old, RuleData) and isinstance(new, RuleData):
        found += _when(old, new)
    return found


def _definition(of: Definition | RuleData) -> Definition:
    return of.definition if isinstance(of, RuleData) else of


def _texts(old: Definition, new: Definition) -> list[str]:
    found = []
    if old.name != new.name:
        found.append(_("Name: %(old)s became %(new)s.", old=quote(old.name), new=quote(new.name)))
    if old.description != new.description:
        was, now = quote(old.description), quote(new.description)
        if was == now:
            found.append(_("The note was changed beyond what is shown here: %(new)s.", new=now))
        else:
            found.append(_("Note: %(old)s became %(new)s.", old=was, new=now))
    if old.case_type != new.case_type:
        found.append(
            _(
                "Case type: %(old)s became %(new)s.",
                # To the letter: two that differ after their 80th character are two.
                old=f"“{old.case_type}”",
                new=f"“{new.case_type}”",
            )
        )
    return found


def _match_words(match: Match) -> str:
    return {
        Match.ALL: _("Now all of the conditions must be true."),
        Match.ANY: _("Now it is enough that any one of the conditions is true."),
        Match.EVERY_CASE: _("Now it is for every open case, without conditions."),
    }[match]


def _when(old: RuleData, new: RuleData) -> list[str]:
    found = []
    if old.schedule != new.schedule:
        found.append(_("When it runs: %(words)s.", words=schedule_words(new.schedule)))
    if (old.has_brake, old.brake) != (new.has_brake, new.brake):
        found.append(_("Brake: %(words)s.", words=brake_words(new)))
    return found


@dataclass(frozen=True, slots=True)
class _Rows(Generic[Row]):
    """How conditions, or actions, are compared: as values, for their words may be cut."""

    words: Callable[[Row], str]
    removed: Callable[[str], str]
    added: Callable[[str], str]
    changed: Callable[[str], str]
    moved: Callable[[], str]

    def compare(self, old: Sequence[Row], new: Sequence[Row]) -> list[str]:
        """A sentence for each row that is in one of them only."""
        gone, came = _less(old, new), _less(new, old)
        if not gone and not came:
            return [self.moved()] if list(old) != list(new) else []
        changed = []
        for row in tuple(gone):
            twin = next((one for one in came if self._looks_like(row, one)), None)
            if twin is not None:
                gone.remove(row)
                came.remove(twin)
                changed += _list_changes(row, twin) or [self.changed(self.words(twin))]
        return [
            *changed,
            *(self.removed(self.words(row)) for row in gone),
            *(self.added(self.words(row)) for row in came),
        ]

    def _looks_like(self, old: Row, new: Row) -> bool:
        """Whether both are lists for one property, or read the same as their values are cut."""
        lists = (
            isinstance(old, PropertyIs)
            and isinstance(new, PropertyIs)
            and old.operator == new.operator == "one_of"
            and old.property == new.property
        )
        return lists or self.words(old) == self.words(new)


def _list_changes(old: Criterion | Action, new: Criterion | Action) -> list[str]:
    """What came into a list of values, and what left it; nothing for rows without one."""
    if not (isinstance(old, PropertyIs) and isinstance(new, PropertyIs) and new.values):
        return []
    name = str(new.property)
    came, gone = _less(new.values, old.values), _less(old.values, new.values)
    if not came and not gone:
        return [_("The list for %(name)s stands in another order.", name=name)]
    found = []
    if gone:
        found.append(
            _(
                "No longer in the list for %(name)s: %(values)s.",
                name=name,
                values=quoted_list(gone),
            )
        )
    if came:
        found.append(
            _("Now in the list for %(name)s: %(values)s.", name=name, values=quoted_list(came))
        )
    return found


def _less(some: Sequence[T], others: Sequence[T]) -> list[T]:
    """What is in `some` and not in `others`, counting repeats."""
    left = list(others)
    found = []
    for one in some:
        if one in left:
            left.remove(one)
        else:
            found.append(one)
    return found
