"""The cases that match, with the values to copy, on their way from the state in which they were
found into the plan (SPEC R18)."""

from __future__ import annotations

import weakref
from array import array
from tempfile import TemporaryFile
from typing import Any

from sqlalchemy import Text, cast, text
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.rules.compile import copies, narrowed
from webapp.rules.definition import Copy
from webapp.rules.family import Family
from webapp.rules.orders import Orders

#: So many at once go from hand to hand: what each copies may be long.
BATCH = 1000


class Matches:
    """They take 8 bytes of memory each. What they copy lies in a file without a name, which is gone
    with this object, or with its process."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._copies = any(isinstance(one, Copy) for one in orders.definition.updates)
        self._keys = array("q")
        #: A JSON list in a line for each, and where each batch ends.
        self._values = TemporaryFile()  # noqa: SIM115  closed with this object
        self._ends: list[int] = []
        weakref.finalize(self, self._values.close)

    def __len__(self) -> int:
        return len(self._keys)

    def read(self, session: Session) -> None:
        """Find them: oldest `server_modified_on` first, then by key. One query over the open cases
        of the type."""
        family, definition = Family(self._orders.project_id), self._orders.definition
        columns: list[Any] = [Case.id]
        if self._copies:
            columns.append(cast(copies(family, definition), Text))
        # Not by the index that has this order: it leads through all closed cases too, one by one.
        rows = narrowed(family.select(*columns), family, definition, self._orders.moment).order_by(
            Case.server_modified_on + 0, Case.id
        )
        # Past the session, which would take twice as long.
        found = session.connection().execute(rows.execution_options(yield_per=BATCH))
        for some in found.partitions():
            self._keys.extend([row[0] for row in some])
            if self._copies:
                self._values.write("\n".join([row[1] for row in some]).encode())
            self._ends.append(self._values.tell())

    def write(self, session: Session, first: int, end: int) -> None:
        """Write those from `first`, where a batch begins, to before `end` into the plan. One
        statement a thousand."""
        write = text(_WRITE[session.get_bind().dialect.name])
        for place in range(first, min(end, len(self)), BATCH):
            session.connection().execute(
                write,
                {
                    "project": self._orders.project_id,
                    "run": self._orders.run_id,
                    "first": place,
                    "rows": self._rows(place),
                },
            )

    def _rows(self, first: int) -> str:
        """A batch as one JSON text, of which a database makes rows sooner than it takes row by
        row: each key with its values to copy."""
        keys = self._keys[first : first + BATCH]
        if not self._copies:
            return f"[{','.join([f'[{key}]' for key in keys])}]"
        batch = first // BATCH
        start = self._ends[batch - 1] if batch else 0
        self._values.seek(start)
        values = self._values.read(self._ends[batch] - start).decode().split("\n")
        return f"[{','.join([f'[{key},{one}]' for key, one in zip(keys, values, strict=True)])}]"


_WRITE = {
    "sqlite": """INSERT INTO run_case (project_id, run, place, "case", copies)
        SELECT :project, :run, :first + key, json_extract(value, '$[0]'),
            json_extract(value, '$[1]') FROM json_each(:rows)""",
    "postgresql": """INSERT INTO run_case (project_id, run, place, "case", copies)
        SELECT :project, :run, :first + n - 1, CAST(found ->> 0 AS bigint), found -> 1
        FROM jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS rows (found, n)""",
}
