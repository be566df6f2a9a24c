"""What a submission did to a case, made out from its transaction (SPEC A7, U9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.cases.apply import CaseState, apply, change_from_json, index_from_json
from webapp.clock import Micros

#: The attributes that are shown, in this order. Who changed it when is said of the form itself.
SHOWN = (
    "type",
    "name",
    "owner_id",
    "external_id",
    "opened_on",
    "opened_by",
    "closed_on",
    "closed_by",
)


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One value before and after; None is "was not there"."""

    name: str
    before: str | Micros | None
    after: str | Micros | None


@dataclass(frozen=True, slots=True)
class LinkChange:
    """Where an index pointed before and after: keys of cases."""

    name: str
    before: int | None
    after: int | None
    relationship: str


@dataclass(frozen=True, slots=True)
class CaseChange:
    """What one transaction changed. While its form is not `live` it counts for nothing: then this
    is what it changed when it last was. Where it never was, the values before are not `known`, and
    those after are what it asks for. `owner_by_type`: it opened the case, and the sharing of its
    type decided whose it is, not the form (SPEC C4)."""

    live: bool
    known: bool
    opened: bool
    closed: bool
    attributes: tuple[ValueChange, ...]
    properties: tuple[ValueChange, ...]
    links: tuple[LinkChange, ...]
    owner_by_type: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The properties, attributes and indexes that changed, by name. For a case that was opened
        without what every opening sets."""
        skip = {"opened_on", "opened_by", "closed_on", "closed_by"}
        if self.opened:
            skip |= {"type", "name", "owner_id"}
        changed = [one.name for one in self.attributes if one.name not in skip]
        changed += [one.name for one in self.properties]
        return (*changed, *(one.name for one in self.links))

    @property
    def link_targets(self) -> set[int]:
        """The keys of all cases that the links name."""
        ends = {end for one in self.links for end in (one.before, one.after)}
        return {end for end in ends if end is not None}


def case_change(
    change: Mapping[str, Any], before: Mapping[str, Any] | None, *, live: bool
) -> CaseChange:
    """Read a transaction's `change` and `before` (NULL as long as it was never applied)."""
    if before is None:
        return _asked(change)
    # Only what changed stands in `before`, and that is all whose value after it is asked for.
    was = CaseState(
        **{name: before[name] for name in before if name not in {"properties", "indices"}}
        | {"deleted": before.get("deleted", False)},
        properties={n: v for n, v in before.get("properties", {}).items() if v is not None},
        indices={
            n: index_from_json(v) for n, v in before.get("indices", {}).items() if v is not None
        },
    )
    after = apply(was, change_from_json(change))
    return CaseChange(
        live=live,
        known=True,
        opened=was.deleted,
        closed=after.closed and bool(change.get("closes")),
        attributes=tuple(
            ValueChange(name, None if was.deleted else before[name], getattr(after, name))
            for name in SHOWN
            if name in before
        ),
        properties=tuple(
            ValueChange(name, before["properties"][name], after.properties.get(name))
            for name in sorted(before.get("properties", {}))
        ),
        links=tuple(
            _link(name, before["indices"][name], after.indices.get(name))
            for name in sorted(before.get("indices", {}))
        ),
        owner_by_type=was.deleted and "opened_for" in change,
    )


def _asked(change: Mapping[str, Any]) -> CaseChange:
    asked = change_from_json(change)
    attributes = dict(asked.given)
    return CaseChange(
        live=False,
        known=False,
        opened=False,
        closed=asked.closes,
        attributes=tuple(
            ValueChange(name, None, attributes[name]) for name in SHOWN if name in attributes
        ),
        properties=tuple(
            ValueChange(name, None, value) for name, value in sorted(asked.properties.items())
        ),
        links=tuple(_link(name, None, value) for name, value in sorted(asked.indices.items())),
    )


def _link(name: str, before: Any, after: Any) -> LinkChange:
    was = index_from_json(before) if isinstance(before, Mapping) else before
    one = after or was
    return LinkChange(
        name,
        None if was is None else was.target,
        None if after is None else after.target,
        "child" if one is None else one.relationship,
    )
