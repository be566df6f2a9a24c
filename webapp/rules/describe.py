"""A rule in words: whole sentences that say what blanks do (SPEC U2, R4, R5).

Each condition and action is one template, never glued from pieces, so that it can be translated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask_babel import gettext as _
from flask_babel import ngettext

from webapp.rules.blanks import blanks_of
from webapp.rules.definition import (
    Action,
    Close,
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
from webapp.rules.describe_blanks import blank_words
from webapp.rules.naming import location_name, with_name
from webapp.rules.references import OWNER

#: Values longer than this are cut in sentences.
LONGEST = 80


def criterion_words(criterion: Criterion) -> str:
    """A criterion as a sentence without its full stop: “status is “stale””."""
    if isinstance(criterion, NotModifiedSince):
        if criterion.days == 0:
            return _("the last form for the case came before this moment")
        return ngettext(
            "no form has come for the case for more than %(days)s day",
            "no form has come for the case for more than %(days)s days",
            criterion.days,
            days=f"{criterion.days:,}",
        )
    if isinstance(criterion, ParentClosed):
        return _("the parent case is closed")
    if isinstance(criterion, LocationIs):
        where = quote(location_name(criterion.location))
        if criterion.below:
            return _(
                "the owner is the location %(name)s, a location below it, or a worker assigned to"
                " one of these",
                name=where,
            )
        return _("the owner is the location %(name)s or a worker assigned to it", name=where)
    name = str(criterion.property)
    if isinstance(criterion, DateIs):
        return _date_words(criterion, name)
    if isinstance(criterion, NumberIs):
        return _NUMBERS[criterion.operator](name, criterion.value)
    return _property_words(criterion, name)


def action_words(action: Action) -> str:
    """An action as a sentence without its full stop: “set outcome to “recovered””."""
    if isinstance(action, Close):
        return _("close the case")
    target = str(action.property)
    if isinstance(action, Copy):
        # An empty source empties the target (R10), but for the owner, which is never empty.
        if action.property.name == "owner_id":
            return _(
                "set %(name)s to the value of %(source)s, unless that is empty or was never"
                " filled in",
                name=target,
                source=str(action.source),
            )
        return _(
            "set %(name)s to the value of %(source)s, unless that was never filled in",
            name=target,
            source=str(action.source),
        )
    if action.value == "":
        return _("empty %(name)s, where it is filled in", name=target)
    return _("set %(name)s to %(value)s", name=target, value=_value(target, action.value))


def rule_words(definition: Definition) -> str:
    """The whole rule, in a few sentences, with what blanks do."""
    blanks = (blank_words(one) for one in blanks_of(definition))
    return " ".join([short_words(definition), *blanks])


def short_words(definition: Definition) -> str:
    """The same without what blanks do, for where that is said beside it."""
    criteria = "; ".join(criterion_words(one) for one in definition.criteria)
    actions = happens_words(definition)
    words = {"type": definition.case_type, "criteria": criteria, "actions": actions}
    if definition.match is Match.EVERY_CASE:
        return _(
            "This rule is for every open case of type %(type)s. What happens then: %(actions)s.",
            **words,
        )
    if len(definition.criteria) == 1:
        return _(
            "This rule is for open cases of type %(type)s of which this is true: %(criteria)s."
            " What happens then: %(actions)s.",
            **words,
        )
    if definition.match is Match.ALL:
        return _(
            "This rule is for open cases of type %(type)s of which all of this is true:"
            " %(criteria)s. What happens then: %(actions)s.",
            **words,
        )
    return _(
        "This rule is for open cases of type %(type)s of which any of this is true:"
        " %(criteria)s. What happens then: %(actions)s.",
        **words,
    )


def happens_words(definition: Definition) -> str:
    """What the rule does to a case, without its full stop."""
    return "; ".join(action_words(one) for one in definition.actions)


def list_words(definition: Definition) -> str:
    """What the rule does, as shortly as it can be said: for where its case type stands beside it,
    and its page has the rest."""
    criteria = "; ".join(criterion_words(one) for one in definition.criteria)
    actions = happens_words(definition)
    if definition.match is Match.EVERY_CASE:
        return _("For every open case: %(actions)s.", actions=actions)
    if len(definition.criteria) == 1:
        return _("If %(criteria)s: %(actions)s.", criteria=criteria, actions=actions)
    if definition.match is Match.ALL:
        return _(
            "If all of this is true: %(criteria)s; then: %(actions)s.",
            criteria=criteria,
            actions=actions,
        )
    return _(
        "If any of this is true: %(criteria)s; then: %(actions)s.",
        criteria=criteria,
        actions=actions,
    )


def quote(value: str) -> str:
    """A value in a sentence: in quotation marks, cut when it is long."""
    return f"“{value if len(value) <= LONGEST else value[:LONGEST] + '…'}”"


def quoted_list(values: Sequence[str]) -> str:
    """Some values in a sentence: the first five, each quoted, and how many more there are."""
    return _listed([quote(value) for value in values[:5]], len(values))


def _listed(first: Sequence[str], count: int) -> str:
    shown = ", ".join(first)
    more = count - len(first)
    if more <= 0:
        return shown
    return _("%(values)s and %(count)s more", values=shown, count=f"{more:,}")


def _value(name: str, value: str) -> str:
    """A value in a sentence; of an owner also who that is."""
    is_owner = name.rpartition("/")[2] == OWNER
    return with_name(value, quote(value)) if is_owner else quote(value)


def _property_words(criterion: PropertyIs, name: str) -> str:
    if criterion.operator == "one_of":
        first = [_value(name, value) for value in criterion.values[:5]]
        values = _listed(first, len(criterion.values))
        return _("%(name)s is one of %(values)s", name=name, values=values)
    # Only these two are true of what is not there: they say which absence they mean (R5).
    if criterion.property.path and criterion.operator == "not_equals":
        return _(
            "there is a case for %(name)s, and there it is not %(value)s, or was never filled in",
            name=name,
            value=_value(name, criterion.value),
        )
    if criterion.property.path and criterion.operator == "has_no_value":
        return _("%(name)s is blank or was never filled in, or there is no such case", name=name)
    return _PROPERTIES[criterion.operator](name, _value(name, criterion.value))


def _date_words(criterion: DateIs, name: str) -> str:
    if criterion.days == 0:
        return _DATES[criterion.operator](name)
    later, earlier = _SHIFTED[criterion.operator]
    return (later if criterion.days > 0 else earlier)(abs(criterion.days), name)


# A translator's tool finds only texts that stand in the code, so each sentence is a function's.
_PROPERTIES: dict[str, Callable[[str, str], str]] = {
    "equals": lambda name, value: _("%(name)s is %(value)s", name=name, value=value),
    "not_equals": lambda name, value: _(
        "%(name)s is not %(value)s, or was never filled in", name=name, value=value
    ),
    "has_value": lambda name, _value: _("%(name)s is filled in", name=name),
    "has_no_value": lambda name, _value: _("%(name)s is blank or was never filled in", name=name),
    "contains": lambda name, value: _("%(name)s contains %(value)s", name=name, value=value),
    "starts_with": lambda name, value: _("%(name)s starts with %(value)s", name=name, value=value),
}
_NUMBERS: dict[str, Callable[[str, str], str]] = {
    "less_than": lambda name, value: _(
        "%(name)s is a number less than %(value)s", name=name, value=value
    ),
    "at_most": lambda name, value: _(
        "%(name)s is a number of at most %(value)s", name=name, value=value
    ),
    "greater_than": lambda name, value: _(
        "%(name)s is a number greater than %(value)s", name=name, value=value
    ),
    "at_least": lambda name, value: _(
        "%(name)s is a number of at least %(value)s", name=name, value=value
    ),
}
_DATES: dict[str, Callable[[str], str]] = {
    "before": lambda name: _("today is before the date in %(name)s", name=name),
    "on_or_before": lambda name: _("today is on or before the date in %(name)s", name=name),
    "after": lambda name: _("today is after the date in %(name)s", name=name),
    "on_or_after": lambda name: _("today is on or after the date in %(name)s", name=name),
}
_Shifted = Callable[[int, str], str]
_SHIFTED: dict[str, tuple[_Shifted, _Shifted]] = {
    "before": (
        lambda days, name: ngettext(
            "today is before the date in %(name)s plus %(days)s day",
            "today is before the date in %(name)s plus %(days)s days",
            days,
            name=name,
            days=f"{days:,}",
        ),
        lambda days, name: ngettext(
            "today is before the date in %(name)s minus %(days)s day",
            "today is before the date in %(name)s minus %(days)s days",
            days,
            name=name,
            days=f"{days:,}",
        ),
    ),
    "on_or_before": (
        lambda days, name: ngettext(
            "today is on or before the date in %(name)s plus %(days)s day",
            "today is on or before the date in %(name)s plus %(days)s days",
            days,
            name=name,
            days=f"{days:,}",
        ),
        lambda days, name: ngettext(
            "today is on or before the date in %(name)s minus %(days)s day",
            "today is on or before the date in %(name)s minus %(days)s days",
            days,
            name=name,
            days=f"{days:,}",
        ),
    ),
    "after": (
        lambda days, name: ngettext(
            "today is after the date in %(name)s plus %(days)s day",
            "today is after the date in %(name)s plus %(days)s days",
            days,
            name=name,
            days=f"{days:,}",
        ),
        lambda days, name: ngettext(
            "today is after the date in %(name)s minus %(days)s day",
            "today is after the date in %(name)s minus %(days)s days",
            days,
            name=name,
            days=f"{days:,}",
        ),
    ),
    "on_or_after": (
        lambda days, name: ngettext(
            "today is on or after the date in %(name)s plus %(days)s day",
            "today is on or after the date in %(name)s plus %(days)s days",
            days,
            name=name,
            days=f"{days:,}",
        ),
        lambda days, name: ngettext(
            "today is on or after the date in %(name)s minus %(days)s day",
            "today is on or after the date in %(name)s minus %(days)s days",
            days,
            name=name,
            days=f"{days:,}",
        ),
    ),
}
