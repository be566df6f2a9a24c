"""Rules to begin with: what the empty rule list offers (UX "Rule list")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _


@dataclass(frozen=True, slots=True)
class Example:
    """`rule` is the JSON of §4.9, the case type left open."""

    key: str
    rule: dict[str, Any]
    text: str


def examples() -> list[Example]:
    """The three commonest rules of field programmes."""
    return [
        Example(
            "untouched",
            _rule(
                _("Close cases untouched for 180 days"),
                [{"kind": "not_modified_since", "days": 180}],
                [_set("close_reason", "untouched"), {"kind": "close"}],
            ),
            _("Nobody has sent a form about the case for half a year."),
        ),
        Example(
            "overdue",
            _rule(
                _("Close pregnancies 60 days after the expected date of delivery"),
                [
                    {"kind": "date", "property": "edd", "operator": "after", "days": 60},
                    {"kind": "property", "property": "outcome", "operator": "has_no_value"},
                ],
                [_set("close_reason", "overdue"), {"kind": "close"}],
            ),
            _("The date in a property has passed, and no outcome was recorded."),
        ),
        Example(
            "orphans",
            _rule(
                _("Close children of closed cases"),
                [{"kind": "parent_closed"}],
                [{"kind": "close"}],
            ),
            _("The household is closed, and its members should leave the phones too."),
        ),
    ]


def _rule(
    name: str, criteria: list[dict[str, Any]], actions: list[dict[str, Any]]
) -> dict[str, Any]:
    return {"name": name, "match": "all", "criteria": criteria, "actions": actions}


def _set(name: str, value: str) -> dict[str, Any]:
    return {"kind": "set", "property": name, "value": value}
