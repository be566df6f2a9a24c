"""Rules that give other cases values that are the same whichever case matches: what becomes of
those is known without running the rule (SPEC R25)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_
from sqlalchemy.orm import Session

from webapp.rules.compile import Condition, can_fail, condition
from webapp.rules.definition import Definition, Set
from webapp.rules.family import value_of
from webapp.rules.layers import Layer
from webapp.rules.moment import Moment
from webapp.rules.view import Path


@dataclass(frozen=True, slots=True)
class Alike:
    """Where the path of each case that matches ends, these properties are set."""

    path: Path
    sets: tuple[Set, ...]

    def count(
        self, session: Session, project_id: int, definition: Definition, moment: Moment
    ) -> Select[Any]:
        """A statement about the cases to which those that match lead, as far as what is set does
        not stand there already: `told` says what its row means."""
        layer = Layer.of_type(session, project_id, definition.case_type)
        found = condition(layer.family, definition, moment)
        layer = layer.with_columns({"other": layer.family.key(self.path, self._differs)}, found)
        other = layer.column("other")
        itself = func.count().filter(other == layer.family.case.id)
        return layer.select(func.count(other.distinct()), itself)

    @staticmethod
    def told(row: Sequence[int]) -> int | None:
        """How many forms there are about other cases. None where a case leads to itself: that form
        is the one that closes it, if nobody was there before."""
        others, itself = row
        return None if itself else others

    def _differs(self, other: Any) -> Condition:
        # The empty text on a missing property is no change (R9).
        return or_(
            *(func.coalesce(value_of(other, one.property), "") != one.value for one in self.sets)
        )


def alike(definition: Definition) -> Alike | None:
    """What a rule does to others, where that is the same whoever comes first: then there is one
    form about each case that is led to, and none for those after it. None for any other rule.

    Such a rule closes whatever matches, so that each of these has its form. It writes each name
    once, for one case may be led to by others and match itself; and no attribute of others, which
    may be the owner, who would lose a case.
    """
    others = tuple(one for one in definition.updates if one.property.path)
    sets = tuple(one for one in others if isinstance(one, Set) and not one.property.attribute)
    if not definition.closes or can_fail(definition) or not others or sets != others:
        return None
    names = [one.property.name for one in definition.updates]
    path, *further = {one.property.path for one in sets}
    return None if further or len(names) > len(set(names)) else Alike(path, sets)
