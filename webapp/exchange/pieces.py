"""The pieces of an export's work, each read while nothing is locked, into a file of its own; what
stands in files is as JSON, a row in a line."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import IO, Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.clock import iso, to_datetime
from webapp.database import find_by_key
from webapp.exchange.files import new_file, place
from webapp.exchange.listing import Column, Listing, Value
from webapp.exchange.lists import Of
from webapp.exchange.models import Export
from webapp.exchange.write import MOST_COLUMNS, Cell, Format, write_table
from webapp.history.calendar import Calendar
from webapp.jobs.heartbeat import check
from webapp.jobs.models import Job
from webapp.projects.models import Project

#: So many rows are read at once, and a piece takes about so many seconds.
BATCH = 500
PIECE_S = 3.0
#: Rows between two looks whether the job is to stop.
LOOK = 1000


class Piece(ABC):
    """A piece of the work (`webapp.jobs.task.Look`): `read` makes a file, `take` has the job's row
    name it. `lost`: what it needs is not here, so there is none."""

    def __init__(self, job: Job, export: Export) -> None:
        self._project_id = job.project_id
        self._asked_on = job.queued_on
        self._done = job.processed
        self._of, self._kind, self._query = export.of, export.kind, export.query
        self._token, self._parts = export.token, list(export.parts)
        self._name = ""
        self.lost = False

    @property
    def read_at_all(self) -> bool:
        """Whether it was read."""
        return bool(self._name) or self.lost

    def read(self, session: Session) -> None:
        """Make the file; again from its beginning when it is called again."""
        self._name, self.lost = "", False
        try:
            with new_file(self._token, self._ending) as (name, file):
                self._fill(session, file)
        except FileNotFoundError:
            self.lost = True
        else:
            self._name = name

    def write(self, session: Session) -> bool:  # noqa: ARG002
        """Nothing is to be written apart from what `take` says."""
        return False

    @property
    def _ending(self) -> str:
        return "part"

    @abstractmethod
    def take(self, job: Job, export: Export) -> None:
        """Count what was read. The job is held."""

    @abstractmethod
    def _fill(self, session: Session, file: IO[bytes]) -> None:
        """Write the file."""

    def _listing(self, session: Session) -> Listing:
        project = session.get_one(Project, self._project_id)
        calendar = Calendar.of(project)
        calendar = Calendar(calendar.zone, calendar.day_of(self._asked_on))
        return Of(self._of).listing(session, project, self._query, calendar)


class FindKeys(Piece):
    """The keys of all rows, 8 bytes each, in the order of the list."""

    def _fill(self, session: Session, file: IO[bytes]) -> None:
        self._number = 0
        # Past the session, which would take twice as long.
        keys = self._listing(session).keys().execution_options(yield_per=1000)
        for some in session.connection().execute(keys).partitions():
            array("q", [row[0] for row in some]).tofile(file)
            self._number += len(some)

    def take(self, job: Job, export: Export) -> None:
        """How many there are is known now."""
        export.parts = [self._name]
        export.begun += 1
        job.total, job.processed, job.succeeded = self._number, 0, 0


class ReadRows(Piece):
    """The next rows, for some seconds."""

    def _fill(self, session: Session, file: IO[bytes]) -> None:
        find_by_key(session)
        until = time.monotonic() + PIECE_S
        listing, self._number = self._listing(session), 0
        while keys := self._keys():
            check(session)
            for row in listing.rows(keys):
                file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass"))
                file.write(b"\n")
            self._number += len(keys)
            if time.monotonic() >= until:
                return
        if not self._number:
            raise FileNotFoundError  # fewer keys than there were: the disk has not kept them

    def _keys(self) -> Sequence[int]:
        size = array("q").itemsize
        with place(self._parts[0]).open("rb") as file:
            file.seek((self._done + self._number) * size)
            return array("q", file.read(BATCH * size))

    def take(self, job: Job, export: Export) -> None:
        """They count as done."""
        export.parts = [*export.parts, self._name]
        job.processed += self._number
        job.succeeded = job.processed


class WriteFile(Piece):
    """The file for people, from all pieces."""

    @property
    def _ending(self) -> str:
        return self._kind.value

    def _fill(self, session: Session, file: IO[bytes]) -> None:
        listing = self._listing(session)
        columns = listing.columns()
        names = listing.known_properties()
        names += sorted(self._properties(session, len(columns)) - set(names))
        zone = listing.calendar.zone
        head = [*_heads(columns, zone), *names]
        if self._kind is Format.XLSX and len(head) > MOST_COLUMNS:
            more = len(head) - MOST_COLUMNS + 1
            del head[-more:], names[-more:]
            head.append(_("and %(count)s more, which only CSV has room for", count=more))
        rows = (_cells(columns, row, names, zone) for row in self._rows(session))
        write_table(file, self._kind, head, rows, title=listing.title)
        self._size = file.seek(0, 2)

    def _properties(self, session: Session, columns: int) -> set[str]:
        """The names of all properties that rows have."""
        return {
            name
            for row in self._rows(session)
            for last in row[columns:]
            if isinstance(last, dict)
            for name in last
        }

    def _rows(self, session: Session) -> Iterator[list[Value]]:
        for part in self._parts[1:]:
            with place(part).open("rb") as file:
                while lines := list(islice(file, LOOK)):
                    check(session)
                    for line in lines:
                        yield json.loads(line.decode("utf-8", "surrogatepass"))

    def take(self, job: Job, export: Export) -> None:  # noqa: ARG002
        """It may be downloaded."""
        export.file, export.size = self._name, self._size


def _heads(columns: Sequence[Column], zone: ZoneInfo) -> Iterator[str]:
    for one in columns:
        if one.instant:
            yield _("%(what)s (%(zone)s)", what=one.head, zone=zone.key)
            yield _("%(what)s (exactly, UTC)", what=one.head)
        else:
            yield one.head


def _cells(
    columns: Sequence[Column], row: Sequence[Any], names: Sequence[str], zone: ZoneInfo
) -> list[Cell]:
    cells: list[Cell] = []
    for one, value in zip(columns, row, strict=False):
        if one.instant:
            cells += _instant(value, zone)
        else:
            cells.append(value)
    for properties in row[len(columns) :]:
        cells += [properties.get(name) for name in names]
    return cells


def _instant(value: int | None, zone: ZoneInfo) -> tuple[datetime | None, str | None]:
    """As people read it, and exactly."""
    if value is None:
        return None, None
    try:
        read = to_datetime(value).astimezone(zone).replace(tzinfo=None, microsecond=0)
        return read, iso(value)
    except (OverflowError, ValueError):
        return None, str(value)
