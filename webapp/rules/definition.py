"""What a rule says: criteria and actions as plain values (SPEC §4.1, §4.2, §4.9).

A `Definition` is always valid: it is made by `webapp.rules.portable`, which refuses everything
else with the path of what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from webapp.rules.references import Reference


class Match(StrEnum):
    """How criteria are combined (R2); `every_case` has none (R3)."""

    ALL = "all"
    ANY = "any"
    EVERY_CASE = "every_case"


@dataclass(frozen=True, slots=True)
class NotModifiedSince:
    """No form has come for more than `days` × 24 hours."""

    days: int
    kind = "not_modified_since"


@dataclass(frozen=True, slots=True)
class PropertyIs:
    """A text comparison: `operator` is a key of `webapp.rules.operators.PROPERTY`.

    `value` for those that compare with one, `values` for `one_of`.
    """

    property: Reference
    operator: str
    value: str = ""
    values: tuple[str, ...] = ()
    kind = "property"


@dataclass(frozen=True, slots=True)
class NumberIs:
    """A comparison as numbers: `operator` is a key of `webapp.rules.operators.NUMBER`; `value` is a
    plain decimal number as R4 says, without white space."""

    property: Reference
    operator: str
    value: str
    kind = "number"


@dataclass(frozen=True, slots=True)
class DateIs:
    """Today compared with the date in a property + `days`: `operator` is a key of
    `webapp.rules.operators.DATE`. Today is the subject of the sentence (R4)."""

    property: Reference
    operator: str
    days: int = 0
    kind = "date"


@dataclass(frozen=True, slots=True)
class ParentClosed:
    """The case that index `parent` (relationship `child`) points to is closed."""

    kind = "parent_closed"


@dataclass(frozen=True, slots=True)
class LocationIs:
    """The owner is a location (its public id), or a mobile worker assigned to it; with `below` also
    one of the locations below it, or a worker assigned to one of these. Whether these are archived
    or deactivated makes no difference."""

    location: str
    below: bool
    kind = "location"


Criterion = NotModifiedSince | PropertyIs | NumberIs | DateIs | ParentClosed | LocationIs


@dataclass(frozen=True, slots=True)
class Set:
    """Set a property to an exact value; the empty text sets it to the empty text."""

    property: Reference
    value: str
    kind = "set"


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy a property from another reference; skipped where there is nothing to copy (R10)."""

    property: Reference
    source: Reference
    kind = "copy"


@dataclass(frozen=True, slots=True)
class Close:
    """Close the case that matched."""

    kind = "close"


Action = Set | Copy | Close


@dataclass(frozen=True, slots=True)
class Definition:
    """All of a rule that a version keeps (R29), but for schedule and brake."""

    name: str
    case_type: str
    match: Match
    criteria: tuple[Criterion, ...]
    actions: tuple[Action, ...]
    description: str = ""

    @property
    def closes(self) -> bool:
        """Whether the cases that match are closed."""
        return any(isinstance(action, Close) for action in self.actions)

    @property
    def updates(self) -> tuple[Set | Copy, ...]:
        """The actions that write a value, in their order."""
        return tuple(action for action in self.actions if not isinstance(action, Close))

    @property
    def goes_by_time(self) -> bool:
        """Whether other cases may match tomorrow though none has changed."""
        return any(isinstance(one, NotModifiedSince | DateIs) for one in self.criteria)

    @property
    def touches_others(self) -> bool:
        """Whether an action writes to a case other than the one that matched."""
        return any(action.property.path for action in self.updates)
