"""How much of a run is taken back: told from its forms, whoever archived them (SPEC R27)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from webapp.errors import Refused
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job
from webapp.rules.models import Run
from webapp.submissions.models import Submission

#: As its index has it: SQLite has to see the value in the statement.
_ARCHIVED = Submission.state == literal_column("'archived'")


@dataclass(frozen=True, slots=True)
class Undone:
    """The forms of a run: all, those that undoing it has archived, and those that somebody archived
    by hand, alone or with others. `last` is the last job that undid it or took that back, and
    `undo` the last of those to which the archived ones go back."""

    submissions: int
    forms: int = 0
    by_hand: int = 0
    last: Job | None = None
    undo: Job | None = None

    @property
    def counting(self) -> int:
        """How many of its forms still count."""
        return self.submissions - self.forms - self.by_hand

    @property
    def whole(self) -> bool:
        """Whether it is undone, and nothing of it counts."""
        return bool(self.forms) and not self.counting

    @property
    def at_work(self) -> bool:
        """Whether it is being undone, or brought back, just now."""
        return self.last is not None and not self.last.over

    @property
    def undoing(self) -> bool:
        """Whether the last job undid it, and did not take that back."""
        return self.last is not None and self.last.kind == Kind.UNDO_RUN.value


def undone_of(session: Session, project_id: int, runs: Iterable[Run | None]) -> dict[int, Undone]:
    """How much of some runs is taken back, by their numbers. Two queries, the first over their
    forms that are archived."""
    asked = {run.id: run for run in runs if run is not None}
    archived = session.execute(
        select(Submission.run_id, Submission.archived_by, func.count())
        .where(Submission.project_id == project_id, Submission.run_id.in_(asked), _ARCHIVED)
        .group_by(Submission.run_id, Submission.archived_by)
    ).all()
    keys = {run.undo_id for run in asked.values()} | {job for _run, job, _forms in archived}
    jobs = {
        job.id: job
        for job in session.scalars(
            select(Job).where(Job.project_id == project_id, Job.id.in_(keys - {None}))
        )
    }
    undoing = {key for key, job in jobs.items() if job.kind == Kind.UNDO_RUN.value}
    found = {}
    for run in asked.values():
        of_run = {job: forms for key, job, forms in archived if key == run.id}
        undos = undoing & of_run.keys()
        forms = sum(of_run[job] for job in undos)
        found[run.id] = Undone(
            run.submissions,
            forms,
            sum(of_run.values()) - forms,
            jobs.get(run.undo_id or 0),
            jobs.get(max(undos, default=0)),
        )
    return found


def undone(session: Session, run: Run) -> Undone:
    """How much of one run is taken back. Two queries."""
    return undone_of(session, run.project_id, [run])[run.id]


def refuse_while_undone(session: Session, run: Run) -> None:
    """A run does not go on while it is taken back: one would not know any more what is. Raises
    `Refused`. Two queries."""
    found = undone(session, run)
    if found.at_work:
        raise Refused(_("The run is being undone, or brought back, just now."))
    if found.forms:
        raise Refused(
            _("What this run did is undone. Bring the changes back first, or run it again.")
        )
