"""Exports: a list as a file, made by a job that only reads (SPEC U10).

The keys of the rows are found in one state, so that they are those of the list at that moment and
in its order; then the rows are read piece by piece, each into a file of its own, and in the end all
of them are written as the one for people. Whatever dies goes on behind the last piece that is
whole. What is in a row is what it says when it is read.
"""

from __future__ import annotations

import secrets
import time

from flask_babel import gettext as _
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.clock import DAY, Micros, now
from webapp.database import lock_name, write_transaction
from webapp.errors import NotFound, Refused
from webapp.exchange.files import ORPHANED_S, let_go, older_than
from webapp.exchange.lists import Of
from webapp.exchange.models import Export
from webapp.exchange.pieces import FindKeys, Piece, ReadRows, WriteFile
from webapp.exchange.write import Format
from webapp.extensions import db
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job, JobState
from webapp.jobs.pace import Pace
from webapp.jobs.queue import enqueue
from webapp.jobs.task import LookFirst, StopHere

#: Files are kept for so long after the job.
KEPT: Micros = 7 * DAY
#: An export whose files are gone is begun anew so often by itself.
MOST_BEGUN = 3
#: So many wait or are at work at a time: of one person, and of a project.
MOST_OF_ONE = 2
MOST_WAITING = 10


def start_export(
    session: Session, project_id: int, of: Of, kind: Format, query: str, *, by: Actor
) -> Job:
    """Queue an export of a list by its canonical query; `wake` it after the commit. The audit log
    has what it is of. Raises `Refused` where the person, or the project, has as many already as
    may wait. Two queries."""
    _check_room(session, project_id, by)
    what = {"of": of.value, "format": kind.value}
    job = enqueue(
        session, project_id, Kind.EXPORT, dict(what), by=by, says={**what, "filter": query}
    )
    session.add(
        Export(
            project_id=project_id,
            job_id=job.id,
            of=of.value,
            format=kind.value,
            query=query,
            token=secrets.token_hex(16),
        )
    )
    return job


def _check_room(session: Session, project_id: int, by: Actor) -> None:
    lock_name(session, "exports", project_id)
    waiting = session.scalars(
        select(Job.actor_id).where(
            Job.project_id == project_id,
            Job.kind == Kind.EXPORT.value,
            Job.state.in_((JobState.QUEUED, JobState.RUNNING)),
        )
    ).all()
    if waiting.count(by.user_id) >= MOST_OF_ONE:
        raise Refused(
            _(
                "%(count)s exports that you asked for are not ready yet. Wait for one, or stop it"
                " on its page, and export this list then.",
                count=MOST_OF_ONE,
            )
        )
    if len(waiting) >= MOST_WAITING:
        raise Refused(
            _(
                "%(count)s exports of this project are not ready yet. Export this list when one of"
                " them is.",
                count=MOST_WAITING,
            )
        )


def export_of(session: Session, job: Job) -> Export:
    """The export that a job makes. Raises `NotFound` for any other job. One query."""
    found = session.get(Export, (job.project_id, job.id), populate_existing=True)
    if found is None:
        raise NotFound(_("This job makes no file."))
    return found


class ExportList:
    """The task of `Kind.EXPORT`."""

    def __init__(self) -> None:
        self._piece: Piece | None = None

    def plan(self, session: Session, job: Job, *, by: Actor) -> None:  # noqa: ARG002
        """Find the keys, and so count the rows. Raises `LookFirst`."""
        self._take(job, export_of(session, job))

    def step(self, session: Session, job: Job, pace: Pace, *, by: Actor) -> bool:  # noqa: ARG002
        """Count the piece that was read, or ask for the next one; at the end, let go of the pieces.
        Raises `LookFirst`, `StopHere`."""
        export = export_of(session, job)
        if export.file is not None:
            let_go(export.parts)
            export.parts = []
            return False
        self._take(job, export)
        return True

    def _take(self, job: Job, export: Export) -> None:
        if self._piece is None or not self._piece.read_at_all:
            self._piece = _next(job, export)
            raise LookFirst(self._piece)
        piece, self._piece = self._piece, None
        if piece.lost:
            _begin_anew(job, export)
        else:
            piece.take(job, export)

    def at(self, session: Session, job: Job) -> str:  # noqa: ARG002
        """The rows."""
        return str(
            _("the rows from number %(next)s of %(all)s on", next=job.processed + 1, all=job.total)
        )

    def moved(self, session: Session, job: Job, *, by: Actor) -> None:  # noqa: ARG002
        """Its files are kept for some days from the end on."""
        export = export_of(session, job)
        export.expires_on = now() + KEPT if job.over else None
        if job.state is JobState.QUEUED:
            export.begun = 0


def _next(job: Job, export: Export) -> Piece:
    if not export.parts:
        return FindKeys(job, export)
    return ReadRows(job, export) if job.left else WriteFile(job, export)


def _begin_anew(job: Job, export: Export) -> None:
    """What was read so far is not here: it was let go, or another machine has it."""
    if export.begun >= MOST_BEGUN:
        raise StopHere(
            _(
                "The files that this export had written so far are not in the data folder of this"
                " machine. Where several work, they need one folder."
            )
        )
    export.parts = []
    job.processed = job.succeeded = 0


def tidy_exports(at: Micros) -> None:
    """Let go of files that are kept no longer, and of those that belong to nothing. A query, and a
    look into a folder, when there is nothing to do."""
    session = db.session()
    session.rollback()  # see what is, not what was when this process last looked
    expired = Export.expires_on < at, (Export.file.is_not(None) | (Export.parts != []))
    if session.scalar(select(exists().where(*expired))):
        with write_transaction() as writing:
            for one in writing.scalars(select(Export).where(*expired).with_for_update()):
                let_go([*one.parts, *filter(None, [one.file])])
                one.parts, one.file = [], None
    old = older_than(time.time() - ORPHANED_S)
    tokens = {name.partition("-")[0] for name in old}
    if tokens:
        rows = session.scalars(select(Export).where(Export.token.in_(tokens))).all()
        named = {name for one in rows for name in (*one.parts, one.file)}
        let_go([name for name in old if name not in named])
    session.rollback()
