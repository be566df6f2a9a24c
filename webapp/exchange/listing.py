"""What a list that is exported has to know."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select
from sqlalchemy.orm import Session

from webapp.history.calendar import Calendar
from webapp.projects.models import Project

#: A value of a row: of a column of instants microseconds, of the last one perhaps properties.
Value = str | int | None | dict[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its head. An `instant` becomes two: as people read it, in the project's zone, and
    exactly, in UTC."""

    head: str
    instant: bool = False


class Listing(ABC):
    """A list of a project as somebody sees it who looks at it with `query` in the address, on the
    day that `calendar` says. Made anew for each piece of the work."""

    def __init__(self, session: Session, project: Project, query: str, calendar: Calendar) -> None:
        self.session = session
        self.project = project
        self.query = query
        self.calendar = calendar

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is a list of."""

    @abstractmethod
    def keys(self) -> Select[int]:
        """The keys of its rows, in their order."""

    @abstractmethod
    def columns(self) -> Sequence[Column]:
        """Its columns."""

    @abstractmethod
    def rows(self, keys: Sequence[int]) -> Iterator[list[Value]]:
        """The rows with these keys, in this order; a few queries. What stands behind the columns is
        a case's properties."""

    def known_properties(self) -> list[str]:
        """The names of the properties that become columns, in their order. Others that rows have
        come behind them. One query at most."""
        return []
