"""The cases that a rule reads, joined in SQL: the mirror of `webapp.rules.view`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, true
from sqlalchemy.orm import aliased

from webapp.cases.models import Case, CaseIndex
from webapp.rules.references import TIMES, Reference
from webapp.rules.sql import Binary, InstantText, PropertyText, quoted
from webapp.rules.view import Path


class Family:
    """A case and those that paths lead to from it: each path is joined once, whoever asks for it.

    `deleted_too` joins deleted cases as well: for looking whether one has changed, not for reading.
    """

    def __init__(
        self, project_id: int, paths: Iterable[Path], *, deleted_too: bool = False
    ) -> None:
        self.project_id = project_id
        self.deleted_too = deleted_too
        self.cases: dict[Path, Any] = {(): Case}
        self._indices: dict[Path, Any] = {}
        self._joins: list[tuple[Any, ColumnElement[bool]]] = []
        for path in sorted(paths, key=len):
            for length in range(1, len(path) + 1):
                if path[:length] not in self.cases:
                    self._join(path[:length])

    def select(self, *columns: Any) -> Select[Any]:
        """A `Select` of columns of the family, for every case of the project."""
        found = select(*columns).select_from(Case)
        for target, on in self._joins:
            found = found.outerjoin(target, on)
        return found.where(Case.project_id == self.project_id)

    def text(self, reference: Reference) -> ColumnElement[Any]:
        """What a reference finds: NULL for a property that was never set, and where there is no
        case."""
        case = self.cases[reference.path]
        attribute = reference.attribute
        if attribute is None:
            return PropertyText(case.properties, quoted(reference.name))
        column = getattr(case, attribute)
        return InstantText(column) if attribute in TIMES else column

    def found(self, path: Path) -> ColumnElement[bool]:
        """Whether a path leads to a case."""
        return self.cases[path].id.is_not(None) if path else true()

    def parent_closed(self) -> ColumnElement[bool]:
        """Whether the case that index `parent` with relationship `child` points to is closed."""
        return and_(
            self._indices[("parent",)].relationship == "child",
            self.cases[("parent",)].closed,
        )

    def _join(self, path: Path) -> None:
        near, step = self.cases[path[:-1]], path[-1]
        index, target = aliased(CaseIndex), aliased(Case)
        identifier: Any = "parent"
        if step == "host":
            other = aliased(CaseIndex)
            identifier = (
                select(func.min(Binary(other.identifier)))
                .where(
                    other.project_id == self.project_id,
                    other.case == near.id,
                    other.relationship == "extension",
                )
                .scalar_subquery()
            )
        self._joins.append(
            (
                index,
                and_(
                    index.project_id == self.project_id,
                    index.case == near.id,
                    index.identifier == identifier,
                ),
            )
        )
        on = [target.project_id == self.project_id, target.id == index.target]
        if not self.deleted_too:
            on.append(~target.deleted)
        self._joins.append((target, and_(*on)))
        self.cases[path], self._indices[path] = target, index
