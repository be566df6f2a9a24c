"""What a rule's actions do to a case and to those that it points to (SPEC R9–R12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flask_babel import gettext as _

from webapp.errors import Invalid
from webapp.rules.definition import Copy, Definition
from webapp.rules.view import Cases
from webapp.submissions.blocks import MAX_COLUMN


@dataclass(slots=True)
class Effect:
    """What a rule changes of one case: attributes (`name`, `owner_id`, `external_id`) and
    properties with their new values, and whether it is closed. Only what differs (R11)."""

    key: int
    given: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    closes: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.given or self.properties or self.closes)


def copies_of(definition: Definition, cases: Cases, key: int) -> list[str | None]:
    """The values that the copies of a rule find from a case, in the order of the actions; None
    where there is nothing to copy (R10)."""
    return [
        cases.text(key, action.source)[0]
        for action in definition.updates
        if isinstance(action, Copy)
    ]


def effects(
    definition: Definition, cases: Cases, key: int, copies: Sequence[str | None]
) -> list[Effect]:
    """What the rule changes: first the case that matched, if anything, then others in the order of
    the actions.

    `copies` are the values to copy (`copies_of`), maybe of an earlier time; what is compared with
    is what the cases have now. Raises `Invalid` for a copied value that does not fit.
    """
    wanted: dict[int, Effect] = {key: Effect(key, closes=definition.closes)}
    values = iter(copies)
    for action in definition.updates:
        value = next(values) if isinstance(action, Copy) else action.value
        target = cases.follow(key, action.property.path)
        if value is None or target is None:
            continue
        effect = wanted.setdefault(target, Effect(target))
        attribute = action.property.attribute
        if attribute is None:
            effect.properties[action.property.name] = value
        elif value or attribute != "owner_id":  # an empty owner counts as not given (S9b)
            _check(action.property.name, value)
            effect.given[attribute] = value
    for effect in wanted.values():
        _drop_what_is_there(effect, cases)
    return [effect for effect in wanted.values() if not effect.empty]


def _drop_what_is_there(effect: Effect, cases: Cases) -> None:
    state = cases.known[effect.key].state
    effect.given = {
        name: value for name, value in effect.given.items() if value != getattr(state, name)
    }
    # The empty text on a missing property is no change (R9).
    effect.properties = {
        name: value
        for name, value in effect.properties.items()
        if value != state.properties.get(name, "")
    }


def _check(name: str, value: str) -> None:
    if len(value) > MAX_COLUMN:
        raise Invalid(
            _(
                "The value to copy into “%(name)s” has %(count)s characters; it holds at most"
                " %(limit)s.",
                name=name,
                count=len(value),
                limit=MAX_COLUMN,
            )
        )
