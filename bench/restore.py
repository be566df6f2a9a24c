"""What a phone waits for: a restore of one worker's cases among all of a project's, and a
synchronization (DESIGN "Figures", SPEC §6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from tempfile import TemporaryFile

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bench.match import seconds
from bench.preview import forget_peak, peak
from bench.world import BY, World, count, parents, world
from webapp.cases.models import Case
from webapp.clock import take_ticks
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.people.models import MobileWorker
from webapp.people.operations import create_worker
from webapp.projects.models import Project
from webapp.sharing.restore import Asked, restore
from webapp.sharing.scope import scope
from webapp.submissions.receive import Arrival, Sender, read, receive
from webapp.time_limit import without_limit

#: Seconds for 5,000 cases among a million.
REACH_SECONDS = 1.0
#: Cases that others change between two synchronizations.
CHANGED = 50


@dataclass(frozen=True)
class Timed:
    """One thing that was measured: seconds, the best of some, and how much more memory the process
    had at its peak than before, the first time, in MB."""

    what: str
    cases: int
    took: float
    memory: float | None


@dataclass(frozen=True)
class Restored:
    """What was measured on a database. `bare` is a SELECT of the same rows."""

    database: str
    cases: int
    bare: Timed
    found: tuple[Timed, ...]
    megabytes: float


def measure(database: str, *, cases: int) -> Restored:
    """Fill a project, where 200 workers have the same number of cases and each hundred cases have a
    parent, and measure in it."""
    with world(database, cases) as there:
        parents(there)
        return measured(there)


def measured(there: World) -> Restored:
    """In turns with the bare SELECT, so that both meet the same machine."""
    session = db.session()
    worker, user_id = _worker(session, there)
    keys = list(scope(session, there.project_id, [user_id]))
    session.rollback()
    sizes: list[int] = []
    token: list[str] = []

    def bare() -> None:
        rows = session.connection().execute(
            select(Case.__table__).where(
                Case.project_id == there.project_id, Case.owner_id == user_id
            )
        )
        sum(len(row.properties) for row in rows.all())
        session.rollback()

    def full() -> None:
        with TemporaryFile() as out:
            token.append(restore(session, "bench", worker, Asked(), out))
            sizes.append(out.tell())

    def again() -> None:
        restore(session, "bench", worker, Asked(since=token[0]), BytesIO())

    def which() -> None:
        scope(session, there.project_id, [user_id])
        session.rollback()

    timed_bare, timed_full, timed_scope = _in_turns(
        [("a bare SELECT of the worker's rows", bare), ("a full restore", full), (SCOPE, which)],
        len(keys),
    )
    nothing = _in_turns([("a synchronization, nothing has changed", again)], 0)
    _change(session, there, user_id)
    some = _in_turns([(f"a synchronization, {CHANGED} cases have changed", again)], CHANGED)
    return Restored(
        there.database,
        there.cases,
        timed_bare,
        (timed_full, timed_scope, *nothing, *some),
        sizes[0] / 1e6,
    )


SCOPE = "of that, to find out which cases"


def _in_turns(all_of_it: Sequence[tuple[str, Callable[[], None]]], cases: int) -> list[Timed]:
    memory = []
    for _what, work in all_of_it:
        forget_peak()
        before = peak()
        work()
        memory.append(None if before is None else (peak() or before) - before)
    times = [[seconds(work) for _what, work in all_of_it] for _ in range(5)]
    best = [min(column) for column in zip(*times, strict=True)]
    return [
        Timed(what, cases, took, peaked)
        for (what, _work), took, peaked in zip(all_of_it, best, memory, strict=True)
    ]


def _worker(session: Session, there: World) -> tuple[int, str]:
    """A worker to whom the cases of one owner of the world belong."""
    with write_transaction():
        without_limit(session)
        project = session.get_one(Project, there.project_id)
        worker: MobileWorker = create_worker(session, project, "amina", "correct horse", by=BY)
        session.flush()  # its key is wanted
        session.execute(
            update(Case)
            .where(Case.project_id == there.project_id, Case.owner_id == "owner-7")
            .values(owner_id=worker.user_id)
        )
        take_ticks(session, there.project_id)  # the world's cases came without
        made = worker.id, worker.user_id
    count()
    return made


def _change(session: Session, there: World, user_id: str) -> None:
    ids = session.scalars(
        select(Case.case_id)
        .where(Case.project_id == there.project_id, Case.owner_id == user_id)
        .order_by(Case.id + 0)
        .limit(CHANGED)
    ).all()
    for case_id in ids:
        xml = (
            '<data xmlns="http://openrosa.org/formdesigner/visit">'
            f'<case xmlns="http://commcarehq.org/case/transaction/v2" case_id="{case_id}"'
            ' date_modified="2026-01-01T00:00:00Z"><update><visits>13</visits></update></case>'
            "</data>"
        )
        with write_transaction():
            arrival = Arrival(read(xml.encode()), Sender("office", "office"))
            receive(session, there.project_id, arrival, last=True)
