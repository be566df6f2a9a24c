"""Which of some runs are undone, for the lists that show their state."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.jobs.models import Job
from webapp.rules.models import Run


def undos_of(session: Session, project_id: int, runs: Iterable[Run | None]) -> dict[int, Job]:
    """By number of the run, the last job that undid it or took that back. One query; none where
    no run has such a job."""
    asked = {run.undo_id: run.id for run in runs if run is not None and run.undo_id is not None}
    if not asked:
        return {}
    jobs = select(Job).where(Job.project_id == project_id, Job.id.in_(asked))
    return {asked[job.id]: job for job in session.scalars(jobs)}
