"""A rule as JSON (SPEC §4.9): what may be saved, and what is wrong with the rest.

It holds R3, the limits of R4, R10 (no target twice), R12 and R31.

Every other way in, the page as well, makes this JSON first: there is one place that refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from webapp.errors import Invalid
from webapp.rules.checks import Checked
from webapp.rules.definition import (
    Action,
    Close,
    Copy,
    Criterion,
    DateIs,
    Definition,
    Match,
    NotModifiedSince,
    NumberIs,
    ParentClosed,
    PropertyIs,
    Set,
)
from webapp.rules.models import RuleState
from webapp.rules.operators import DATE, NUMBER, PROPERTY, number_of
from webapp.rules.references import Reference, parse_reference
from webapp.rules.schedule import WEEKDAYS, Every
from webapp.submissions.blocks import MAX_COLUMN

#: Limits of R4 and R31.
MOST_CRITERIA = 50
MOST_ACTIONS = 50
MOST_VALUES = 1000
MOST_DAYS = 36_500
LONGEST_NAME = 126
LONGEST_DESCRIPTION = 2000

#: System names that actions may write, with the attribute that they mean (R12).
WRITABLE = {
    "name": "name",
    "case_name": "name",
    "owner_id": "owner_id",
    "external_id": "external_id",
}
_NOT_WRITABLE = frozenset(
    {
        *("case_id", "case_type", "opened_on", "date_opened", "opened_by", "user_id"),
        *("modified_on", "last_modified", "modified_by", "server_modified_on", "indexed_on"),
        *("closed", "closed_on", "closed_by", "date_modified"),
    }
)


class InvalidRule(Invalid):
    """What was given is no rule: `fields` has a sentence for each path at fault, such as
    `criteria[1].operator`."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


@dataclass(frozen=True, slots=True)
class RuleData:
    """All of a rule that can be given. `schedule` and `brake` are as in the JSON; `brake` is kept
    only where `has_brake`, because null means that there is none by choice (R22)."""

    definition: Definition
    state: RuleState | None = None
    schedule: dict[str, Any] = field(default_factory=lambda: {"every": "day"})
    brake: dict[str, int] | None = None
    has_brake: bool = False

    def document(self) -> dict[str, Any]:
        """What a version keeps: the JSON without the state."""
        document = to_json(self.definition) | {"schedule": self.schedule}
        return document | {"brake": self.brake} if self.has_brake else document


def from_json(sent: object) -> Definition:
    """What a rule's JSON says; `state`, `schedule` and `brake` are checked and let go. Raises
    `InvalidRule`."""
    return rule_from_json(sent).definition


def rule_from_json(sent: object) -> RuleData:
    """Read a rule. Raises `InvalidRule` with everything that is wrong."""
    top = Checked.root(sent)
    top.only(
        *("name", "description", "case_type", "match", "criteria", "actions"),
        *("state", "schedule", "brake"),
    )
    name = top.text("name", longest=LONGEST_NAME, required=_("Enter a name."))
    if "\n" in name or "\r" in name:
        top.wrong("name", _("A name is one line."))
    description = top.text("description", longest=LONGEST_DESCRIPTION, default="")
    case_type = top.text("case_type", longest=MAX_COLUMN, required=_("Choose a case type."))
    match = top.word("match", {one.value: one for one in Match}, default=Match.ALL)
    criteria = _criteria(top, match)
    actions = _actions(top)
    state = top.word("state", {one.value: one for one in RuleState}, default=None)
    schedule = _schedule(top)
    brake = _brake(top)
    if top.problems:
        raise InvalidRule(top.problems)
    return RuleData(
        Definition(
            name.strip(), case_type, match or Match.ALL, criteria, actions, description.strip()
        ),
        state,
        schedule,
        brake,
        top.has("brake"),
    )


def _criteria(top: Checked, match: Match | None) -> tuple[Criterion, ...]:
    sent = top.items("criteria", most=MOST_CRITERIA)
    if match is Match.EVERY_CASE and sent:
        top.wrong("criteria", _("A rule for every open case has no conditions. Remove them."))
    if match is not Match.EVERY_CASE and not top.has_items("criteria"):
        top.wrong("criteria", _("Add at least one condition, or choose every open case."))
    found = []
    for one in sent:
        kind = one.word("kind", _CRITERIA, required=_("Choose what the condition is about."))
        if kind is not None:
            found.append(kind(one))
    return tuple(one for one in found if one is not None)


def _not_modified(one: Checked) -> Criterion:
    one.only("kind", "days")
    return NotModifiedSince(one.whole("days", 0, MOST_DAYS))


def _property(one: Checked) -> Criterion | None:
    one.only("kind", "property", "operator", "value", "values")
    reference = _reference(one, "property")
    operator = one.word(
        "operator", {key: key for key in PROPERTY}, required=_("Choose a comparison.")
    )
    if operator is None:
        return None
    needs = PROPERTY[operator].needs
    for name in {"value", "values"} - {needs}:
        if one.has(name):
            one.wrong(name, _("This comparison takes no such value."))
    value = ""
    values: tuple[str, ...] = ()
    if needs == "value":
        value = one.value("value", required=_("Enter a value to compare with."))
    elif needs == "values":
        values = one.values("values", most=MOST_VALUES)
    return None if reference is None else PropertyIs(reference, operator, value, values)


def _number(one: Checked) -> Criterion | None:
    one.only("kind", "property", "operator", "value")
    reference = _reference(one, "property")
    operator = one.word(
        "operator", {key: key for key in NUMBER}, required=_("Choose a comparison.")
    )
    value = one.number_text("value")
    if number_of(value) is None:
        one.wrong(
            "value",
            _("Enter a number like 11.5: at most 15 digits before the point and 15 after it."),
        )
    if reference is None or operator is None:
        return None
    return NumberIs(reference, operator, value)


def _date(one: Checked) -> Criterion | None:
    one.only("kind", "property", "operator", "days")
    reference = _reference(one, "property")
    operator = one.word("operator", {key: key for key in DATE}, required=_("Choose a comparison."))
    days = one.whole("days", -MOST_DAYS, MOST_DAYS, default=0)
    if reference is None or operator is None:
        return None
    return DateIs(reference, operator, days)


def _parent_closed(one: Checked) -> Criterion:
    one.only("kind")
    return ParentClosed()


_CRITERIA: dict[str, Callable[[Checked], Criterion | None]] = {
    "not_modified_since": _not_modified,
    "property": _property,
    "number": _number,
    "date": _date,
    "parent_closed": _parent_closed,
}


def _actions(top: Checked) -> tuple[Action, ...]:
    sent = top.items("actions", most=MOST_ACTIONS)
    if not top.has_items("actions"):
        top.wrong("actions", _("Say what happens: close the case, or update a property."))
    found: list[Action] = []
    seen: dict[object, str] = {}
    for one in sent:
        kind = one.word("kind", _ACTIONS, required=_("Choose what happens."))
        action = None if kind is None else kind(one)
        if action is None:
            continue
        target = _target_of(action)
        if target in seen:
            one.wrong(
                "kind" if isinstance(action, Close) else "property",
                _("This is set twice. Remove one of them.")
                if not isinstance(action, Close)
                else _("The case is closed once. Remove this."),
            )
        seen[target] = one.path
        found.append(action)
    return tuple(found)


def _target_of(action: Action) -> object:
    """What an action writes to: `name` and `case_name` are one (R10)."""
    if isinstance(action, Close):
        return None
    reference = action.property
    return reference.path, WRITABLE.get(reference.name, reference.name)


def _set(one: Checked) -> Action | None:
    one.only("kind", "property", "value")
    target = _written(one)
    value = one.value("value", empty=True)
    if target is None:
        return None
    if target.attribute is not None and len(value) > MAX_COLUMN:
        one.wrong("value", _("“%(name)s” holds at most 255 characters.", name=target.name))
    if target.name == "owner_id" and not value:
        one.wrong("value", _("A case always has an owner. Enter an id."))
    return Set(target, value)


def _copy(one: Checked) -> Action | None:
    one.only("kind", "property", "from")
    target, source = _written(one), _reference(one, "from")
    return None if target is None or source is None else Copy(target, source)


def _close(one: Checked) -> Action:
    one.only("kind")
    return Close()


_ACTIONS: dict[str, Callable[[Checked], Action | None]] = {
    "set": _set,
    "copy": _copy,
    "close": _close,
}


def _reference(one: Checked, name: str) -> Reference | None:
    text = one.text(name, required=_("Enter the name of a property."), longest=2000)
    if not text or one.is_wrong(name):
        return None
    try:
        return parse_reference(text)
    except ValueError as error:
        one.wrong(name, str(error))
        return None


def _written(one: Checked) -> Reference | None:
    reference = _reference(one, "property")
    if reference is not None and reference.name in _NOT_WRITABLE:
        one.wrong(
            "property",
            _(
                "“%(name)s” is kept by the server and cannot be set. Only name, owner_id and"
                " external_id can, of the names that have a meaning of their own.",
                name=reference.name,
            ),
        )
        return None
    return reference


def _schedule(top: Checked) -> dict[str, Any]:
    sent = top.child("schedule")
    if sent is None:
        return {"every": "day"}
    sent.only("every", "on", "day")
    every = sent.word(
        "every", {one.value: one for one in Every}, required=_("Choose how often the rule runs.")
    )
    schedule: dict[str, Any] = {"every": every.value if every else "day"}
    for name, belongs in (("on", Every.WEEK), ("day", Every.MONTH)):
        if sent.has(name) and every is not belongs:
            sent.wrong(name, _("This does not belong to the schedule that was chosen."))
    if every is Every.WEEK:
        days = sent.values("on", most=len(WEEKDAYS))
        if not set(days) <= set(WEEKDAYS) or not days:
            sent.wrong("on", _("Choose days of the week: mon, tue, wed, thu, fri, sat, sun."))
        schedule["on"] = [day for day in WEEKDAYS if day in days]
    if every is Every.MONTH:
        schedule["day"] = sent.whole("day", 1, 28)
    return schedule


def _brake(top: Checked) -> dict[str, int] | None:
    sent = top.child("brake")
    if sent is None:
        return None
    sent.only("cases", "percent")
    return {"cases": sent.whole("cases", 0, 10**9), "percent": sent.whole("percent", 0, 100)}


def to_json(definition: Definition) -> dict[str, Any]:
    """The inverse of `from_json`."""
    return {
        "name": definition.name,
        "description": definition.description,
        "case_type": definition.case_type,
        "match": definition.match.value,
        "criteria": [_criterion_json(one) for one in definition.criteria],
        "actions": [_action_json(one) for one in definition.actions],
    }


def _criterion_json(one: Criterion) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": one.kind}
    if isinstance(one, NotModifiedSince):
        return row | {"days": one.days}
    if isinstance(one, ParentClosed):
        return row
    row |= {"property": str(one.property), "operator": one.operator}
    if isinstance(one, DateIs):
        return row | {"days": one.days}
    if isinstance(one, NumberIs):
        return row | {"value": one.value}
    needs = PROPERTY[one.operator].needs
    if needs == "values":
        return row | {"values": list(one.values)}
    return row | {"value": one.value} if needs else row


def _action_json(one: Action) -> dict[str, Any]:
    if isinstance(one, Close):
        return {"kind": one.kind}
    if isinstance(one, Copy):
        return {"kind": one.kind, "property": str(one.property), "from": str(one.source)}
    return {"kind": one.kind, "property": str(one.property), "value": one.value}
