"""What a table of workers or groups would do, row by row, before it does it (SPEC U10)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Detail:
    """One value that a row changes, as people read it; `before` is None where nothing was."""

    label: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What a row makes or changes: `there` is what has the name already, None for what is new;
    `said` are the values that differ."""

    line: int
    name: str
    there: T | None
    said: Mapping[str, Any]
    details: list[Detail]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be taken: all that is wrong with it."""

    line: int
    messages: list[str]


@dataclass(slots=True)
class Plan(Generic[T]):
    """What an import would do. With faults it does nothing."""

    changes: list[Change[T]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unchanged: int = 0

    @property
    def added(self) -> int:
        """How many are new."""
        return sum(change.there is None for change in self.changes)

    @property
    def mark(self) -> str:
        """The same for the same plan: a person who has seen it sends it back."""
        said = [(one.line, one.name, one.there is None, one.details) for one in self.changes]
        return hashlib.sha256(repr(said).encode()).hexdigest()
