"""Updates of a rule that do nothing to a case, and why (SPEC R10, R11, R26)."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _

from webapp.rules.definition import Copy, Definition, Set
from webapp.rules.effect import Effect
from webapp.rules.view import Cases, Path


@dataclass(frozen=True, slots=True)
class NoEffect:
    """An update that writes nothing, and a sentence on why."""

    action: Set | Copy
    why: str


def without_effect(
    definition: Definition, cases: Cases, key: int, effects: tuple[Effect, ...]
) -> tuple[NoEffect, ...]:
    """The updates that are not among the effects on the case `key`, in their order. No queries."""
    return tuple(
        NoEffect(action, why)
        for action in definition.updates
        if (why := _why(action, cases, key, effects))
    )


def _why(action: Set | Copy, cases: Cases, key: int, effects: tuple[Effect, ...]) -> str:
    """Why an update writes nothing; "" where it does."""
    target = cases.follow(key, action.property.path)
    if target is None:
        return no_case_words(action.property.path)
    value = action.value if isinstance(action, Set) else None
    if isinstance(action, Copy):
        value, there = cases.text(key, action.source)
        if not there:
            return no_case_words(action.source.path)
        if value is None:
            return _("%(name)s was never filled in.", name=str(action.source))
    attribute = action.property.attribute
    if attribute == "owner_id" and not value:
        return _("An owner is never empty.")
    for effect in effects:
        written = effect.properties if attribute is None else effect.given
        if effect.key == target and (attribute or action.property.name) in written:
            return ""
    return _("It is as wanted already.")


def no_case_words(path: Path) -> str:
    """That a path leads to no case, as a sentence."""
    if path == ("parent",):
        return _("The case has no parent, or a deleted one.")
    if path == ("host",):
        return _("The case has no host, or a deleted one.")
    return _("There is no case at “%(path)s”, or a deleted one.", path="/".join(path))
