"""A rule as JSON (SPEC §4.9): what may be saved, and what is wrong with the rest.

It holds R3, the limits of R4, R10 (no target twice), R12 and R31.

Every other way in, the page as well, makes this JSON first: there is one place that refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from flask_babel import gettext as _

from webapp.errors import Invalid
from webapp.rules.checks import Checked
from webapp.rules.definition import Action, Close, Criterion, Definition, Match
from webapp.rules.models import RuleState
from webapp.rules.portable_actions import read_action, target_of, write_action
from webapp.rules.portable_criteria import read_criterion, write_criterion
from webapp.rules.schedule import WEEKDAYS, Every
from webapp.submissions.blocks import MAX_COLUMN

#: Limits of R4 and R31.
MOST_CRITERIA = 50
MOST_ACTIONS = 50
LONGEST_NAME = 126
LONGEST_DESCRIPTION = 2000
#: So many problems are said: nobody reads more, and a hostile document has millions.
MOST_PROBLEMS = 100


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
    """Read a rule. `sent` is what any reader of JSON gives; numbers may be `Decimal`. Raises
    `InvalidRule` with all that is wrong (the first `MOST_PROBLEMS`); never anything else."""
    top = Checked.root(sent)
    top.only(
        *("name", "description", "case_type", "match", "criteria", "actions"),
        *("state", "schedule", "brake"),
    )
    data = RuleData(
        Definition(
            name=_name(top),
            description=_description(top),
            # As it is: cases are compared with it as a text, and forms may carry any.
            case_type=top.text("case_type", longest=MAX_COLUMN, required=_("Choose a case type.")),
            match=_match(top),
            criteria=_criteria(top),
            actions=_actions(top),
        ),
        top.word("state", {one.value: one for one in RuleState}, default=None),
        _schedule(top),
        _brake(top),
        top.has("brake"),
    )
    if top.problems:
        raise InvalidRule(dict(islice(top.problems.items(), MOST_PROBLEMS)))
    return data


def _name(top: Checked) -> str:
    """It stands in an attribute of each form and in lists, so it is one line."""
    name = top.text("name", longest=LONGEST_NAME, required=_("Enter a name."), trimmed=True)
    if "\t" in name or len(name.splitlines()) > 1:
        top.wrong("name", _("A name is one line, without tabs."))
    return name


def _description(top: Checked) -> str:
    """Line ends are one way, for a browser that shows and sends it changes them, and that is no
    edit of the rule."""
    text = top.text("description", longest=LONGEST_DESCRIPTION, default="", trimmed=True)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _match(top: Checked) -> Match:
    return top.word("match", {one.value: one for one in Match}, default=Match.ALL) or Match.ALL


def _criteria(top: Checked) -> tuple[Criterion, ...]:
    sent = top.items("criteria", most=MOST_CRITERIA)
    if not top.is_wrong("match"):
        every_case = _match(top) is Match.EVERY_CASE
        if every_case and sent:
            top.wrong("criteria", _("A rule for every open case has no conditions. Remove them."))
        if not every_case and not top.has_items("criteria"):
            top.wrong("criteria", _("Add at least one condition, or choose every open case."))
    found = [read_criterion(one) for one in sent]
    return tuple(one for one in found if one is not None)


def _actions(top: Checked) -> tuple[Action, ...]:
    sent = top.items("actions", most=MOST_ACTIONS)
    if not top.has_items("actions"):
        top.wrong("actions", _("Say what happens: close the case, or update a property."))
    found: dict[object, Action] = {}
    for one in sent:
        action = read_action(one)
        if action is None:
            continue
        target = target_of(action)
        if target not in found:
            found[target] = action
        elif isinstance(action, Close):
            one.wrong("kind", _("The case is closed once. Remove this."))
        else:
            one.wrong("property", _("This is set twice. Remove one of them."))
    return tuple(found.values())


def _schedule(top: Checked) -> dict[str, Any]:
    sent = top.child("schedule")
    if sent is None:
        return {"every": Every.DAY.value}
    sent.only("every", "on", "day")
    every = sent.word(
        "every", {one.value: one for one in Every}, required=_("Choose how often the rule runs.")
    )
    schedule: dict[str, Any] = {"every": (every or Every.DAY).value}
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
    sent = top.child("brake", or_null=True)
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
        "criteria": [write_criterion(one) for one in definition.criteria],
        "actions": [write_action(one) for one in definition.actions],
    }
