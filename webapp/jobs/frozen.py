"""The forms that a job works on, frozen when it begins: found in one state while nothing is locked,
and written in pieces (ADR 12)."""

from __future__ import annotations

from array import array
from typing import Any

from sqlalchemy import Select, delete, func, select, text
from sqlalchemy.orm import Session

from webapp.database import find_by_key
from webapp.jobs.models import JobItem

#: Items that are written, or dropped, in one transaction: some hundredths of a second.
PIECE = 10_000


class FrozenForms:
    """The `webapp.jobs.task.Look` of a job over the forms whose keys a statement finds, in the
    order of the work. They take 8 bytes of memory each.

    What is written is the public id that a form has then. Whoever comes with an edit meanwhile
    takes that id, and the version that was found is left out, as one that is not in force.
    """

    def __init__(self, project_id: int, job_id: int, forms: Select[Any]) -> None:
        self._of = {"project": project_id, "job": job_id}
        self._forms = forms
        self._keys: array[int] | None = None
        self._empty = False

    @property
    def found(self) -> bool:
        """Whether they were read."""
        return self._keys is not None

    def read(self, session: Session) -> None:
        """Find them. One query."""
        find_by_key(session)
        keys = array("q")
        # Past the session, which would take twice as long.
        rows = session.connection().execute(self._forms.execution_options(yield_per=1000))
        for some in rows.partitions():
            keys.extend([row[0] for row in some])
        self._keys = keys

    def write(self, session: Session) -> bool:
        """Drop a piece of what a worker that died has left, or write a piece: all but the last,
        which goes with the plan (`finish`), so that a short list costs no transaction more."""
        if not self._empty:
            if self._drop_some(session):
                return True
            self._empty = True
        # As the database has it: the transaction of a piece may have been lost.
        first = self._next_place(session)
        if self._count - first <= PIECE:
            return False
        self._insert(session, first)
        return True

    def finish(self, session: Session) -> int:
        """Write the last piece; how many there are."""
        first = self._next_place(session)
        if first < self._count:
            self._insert(session, first)
        return self._count

    @property
    def _count(self) -> int:
        assert self._keys is not None, "they are read before"
        return len(self._keys)

    def _insert(self, session: Session, first: int) -> None:
        assert self._keys is not None, "they are read before"
        keys = self._keys[first : first + PIECE]
        session.connection().execute(
            text(_INSERT[session.get_bind().dialect.name]),
            {**self._of, "first": first, "keys": f"[{','.join(map(str, keys))}]"},
        )

    def _next_place(self, session: Session) -> int:
        last = session.scalar(select(func.max(JobItem.place)).where(*self._mine))
        return 0 if last is None else last + 1

    def _drop_some(self, session: Session) -> bool:
        end = self._next_place(session)
        if end:
            session.execute(
                delete(JobItem)
                .where(*self._mine, JobItem.place >= end - PIECE)
                .execution_options(synchronize_session=False)
            )
        return end > 0

    @property
    def _mine(self) -> tuple[Any, Any]:
        return JobItem.project_id == self._of["project"], JobItem.job_id == self._of["job"]


#: SQLite reads tables in any order, but for cross joins; and on PostgreSQL the sum keeps indexes
#: that begin with the project out of it.
_INSERT = {
    "sqlite": """INSERT INTO job_item (project_id, job_id, place, item)
        SELECT :project, :job, :first + given.key, submission.submission_id
        FROM json_each(:keys) AS given CROSS JOIN submission ON submission.id = given.value""",
    "postgresql": """INSERT INTO job_item (project_id, job_id, place, item)
        SELECT :project, :job, :first + given.n - 1, submission.submission_id
        FROM json_array_elements_text(CAST(:keys AS json)) WITH ORDINALITY AS given (key, n)
        JOIN submission ON submission.id = CAST(given.key AS bigint)
        AND submission.project_id + 0 = :project""",
}
