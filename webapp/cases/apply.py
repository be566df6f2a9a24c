"""The one function that changes a case: submit and rebuild both use it (SPEC A1, S9).

It is pure. All that the server decided on arrival (users, owner, times) stands in the `Change`, so
that replay looks at no setting, group, clock or other case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from webapp.clock import Micros


@dataclass(frozen=True, slots=True)
class IndexValue:
    """Where an index points: the key of the target's row, its type as named, `child` or
    `extension`."""

    target: int
    type: str
    relationship: str


@dataclass(frozen=True, slots=True)
class CaseState:
    """All of a case that its live submissions determine. `NOTHING` is a case without any."""

    deleted: bool = True
    type: str = ""
    name: str = ""
    owner_id: str = ""
    external_id: str = ""
    opened_on: Micros | None = None
    opened_by: str = ""
    modified_on: Micros | None = None
    modified_by: str = ""
    closed: bool = False
    closed_on: Micros | None = None
    closed_by: str = ""
    server_modified_on: Micros | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    indices: Mapping[str, IndexValue] = field(default_factory=dict)


T = TypeVar("T")

NOTHING = CaseState()

#: The attributes of a case that stand in columns, in the order of the table.
ATTRIBUTES = (
    "deleted",
    "type",
    "name",
    "owner_id",
    "external_id",
    "opened_on",
    "opened_by",
    "modified_on",
    "modified_by",
    "closed",
    "closed_on",
    "closed_by",
    "server_modified_on",
)


@dataclass(frozen=True, slots=True)
class Change:
    """What one submission asks of one case, resolved on arrival; kept with the transaction.

    `owner_if_new` and `opened_for` count only where this change opens the case: the latter, if
    there is one, instead of any owner that is given (SPEC C4).
    """

    user: str
    opener: str
    date_modified: Micros
    arrived_on: Micros
    owner_if_new: str
    #: Reserved names that were given: type, name, owner_id, external_id, opened_by.
    given: Mapping[str, str] = field(default_factory=dict)
    opened_on: Micros | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    #: Identifier -> where it now points, or None to remove it.
    indices: Mapping[str, IndexValue | None] = field(default_factory=dict)
    closes: bool = False
    opened_for: str | None = None


def apply(state: CaseState, change: Change) -> CaseState:
    """The case after the change. O(size of the case); no side effects."""
    opens = state.deleted
    if opens:
        state = replace(
            NOTHING,
            deleted=False,
            owner_id=change.owner_if_new,
            opened_on=change.date_modified,
            opened_by=change.opener,
        )
    given: dict[str, Any] = dict(change.given)
    if opens and change.opened_for is not None:
        given["owner_id"] = change.opened_for
    if change.opened_on is not None:
        given["opened_on"] = change.opened_on
    if change.closes:  # a second close overwrites the first (S9d)
        given.update(closed=True, closed_on=change.date_modified, closed_by=change.user)
    indices = {**state.indices, **change.indices}
    return replace(
        state,
        **given,
        modified_on=_later(state.modified_on, change.date_modified),
        modified_by=change.user,
        server_modified_on=_later(state.server_modified_on, change.arrived_on),
        properties={**state.properties, **change.properties}
        if change.properties
        else state.properties,
        indices={name: value for name, value in indices.items() if value is not None},
    )


def replay(changes: Iterable[Change]) -> CaseState:
    """The case that live submissions make, given in `received_on` order (A1)."""
    state = NOTHING
    for change in changes:
        state = apply(state, change)
    return state


def _later(one: Micros | None, other: Micros) -> Micros:
    return other if one is None else max(one, other)


# What was there before: a difference that leads from the state after back to the state before.


def difference(before: CaseState, after: CaseState) -> dict[str, Any]:
    """What `after` overwrote, as JSON: applying it with `revert` to `after` gives `before`.

    Keys are attribute names, `properties` and `indices`; inside those, None means "was not there".
    """
    was: dict[str, Any] = {
        name: getattr(before, name)
        for name in ATTRIBUTES
        if getattr(before, name) != getattr(after, name)
    }
    properties = _changed(before.properties, after.properties)
    if properties:
        was["properties"] = properties
    indices = _changed(before.indices, after.indices)
    if indices:
        was["indices"] = {
            name: None if value is None else index_to_json(value) for name, value in indices.items()
        }
    return was


def revert(after: CaseState, was: Mapping[str, Any]) -> CaseState:
    """The inverse of the change whose `difference` is given."""
    attributes = {name: was[name] for name in ATTRIBUTES if name in was}
    properties = {**after.properties, **was.get("properties", {})}
    indices = {
        **after.indices,
        **{
            name: None if value is None else index_from_json(value)
            for name, value in was.get("indices", {}).items()
        },
    }
    return replace(
        after,
        **attributes,
        properties={name: value for name, value in properties.items() if value is not None},
        indices={name: value for name, value in indices.items() if value is not None},
    )


def _changed(before: Mapping[str, T], after: Mapping[str, T]) -> dict[str, T | None]:
    if before is after:
        return {}
    names = [name for name in after if before.get(name) != after[name] or name not in before]
    names += [name for name in before if name not in after]
    return {name: before.get(name) for name in names}


# The JSON in which changes are kept: only what is there, so that a row stays small.


def change_to_json(change: Change) -> dict[str, Any]:
    """A `Change` as a JSON object."""
    row: dict[str, Any] = {
        "user": change.user,
        "opener": change.opener,
        "date_modified": change.date_modified,
        "arrived_on": change.arrived_on,
        "owner_if_new": change.owner_if_new,
    }
    if change.given:
        row["given"] = dict(change.given)
    if change.opened_on is not None:
        row["opened_on"] = change.opened_on
    if change.properties:
        row["properties"] = dict(change.properties)
    if change.indices:
        row["indices"] = {
            name: None if value is None else index_to_json(value)
            for name, value in change.indices.items()
        }
    if change.closes:
        row["closes"] = True
    if change.opened_for is not None:
        row["opened_for"] = change.opened_for
    return row


def change_from_json(row: Mapping[str, Any]) -> Change:
    """The inverse of `change_to_json`."""
    indices = {
        name: None if value is None else index_from_json(value)
        for name, value in row.get("indices", {}).items()
    }
    return Change(**{**row, "indices": indices})


def index_to_json(index: IndexValue) -> dict[str, Any]:
    """An index's value as a JSON object."""
    return {"target": index.target, "type": index.type, "relationship": index.relationship}


def index_from_json(row: Mapping[str, Any]) -> IndexValue:
    """The inverse of `index_to_json`."""
    return IndexValue(**row)
