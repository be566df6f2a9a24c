"""Selections, and the jobs over them, within the test's own process."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor
from webapp.database import write_transaction
from webapp.history.bulk_jobs import start_over_selection
from webapp.history.bulk_outlook import BulkOutlook, bulk_outlook
from webapp.history.models import Selection
from webapp.history.selections import Found, find_forms_of, find_some, freeze
from webapp.jobs import tasks
from webapp.jobs.models import Job, JobItem
from webapp.projects.models import Project
from webapp.submissions.models import State, Submission


def kept(session: Session, project: Project, found: Found, *, of_job: int | None = None) -> str:
    """Freeze what was found; the id of the selection."""
    with write_transaction():
        return freeze(session, project.id, found, by=actor(), of_job=of_job).selection_id


def select_forms(session: Session, project: Project, ids: Iterable[str]) -> str:
    """Select forms by their ids."""
    return kept(session, project, find_some(session, project.id, list(ids)))


def select_of_job(session: Session, project: Project, job: Job) -> str:
    """Select what a job did, to take it back."""
    number = job.id
    return kept(session, project, find_forms_of(session, job), of_job=number)


def asked(session: Session, project: Project, selection_id: str, to: State) -> Job:
    """A job over a selection, which waits."""
    with write_transaction():
        return start_over_selection(
            session, project.id, selection_id, to, by=actor(), reason="by mistake"
        )


def worked(session: Session, job: Job) -> Job:
    """Work on a job until it is over."""
    tasks.work(job.id)
    session.rollback()
    return session.get_one(Job, job.id, populate_existing=True)


def done(session: Session, project: Project, to: State, ids: Iterable[str]) -> Job:
    """Select forms, and archive or restore them."""
    return worked(session, asked(session, project, select_forms(session, project, ids), to))


def taken_back(session: Session, project: Project, job: Job, to: State) -> Job:
    """Take a job back."""
    return worked(session, asked(session, project, select_of_job(session, project, job), to))


def outlook(session: Session, project: Project, selection_id: str, to: State) -> BulkOutlook:
    """What the confirmation page says."""
    session.rollback()
    selection = session.scalars(
        select(Selection).where(
            Selection.project_id == project.id, Selection.selection_id == selection_id
        )
    ).one()
    return bulk_outlook(session, selection, to)


def in_state(session: Session, project: Project, state: State) -> list[str]:
    """The ids of the forms in a state, oldest first."""
    session.rollback()
    return list(
        session.scalars(
            select(Submission.submission_id)
            .where(Submission.project_id == project.id, Submission.state == state)
            .order_by(Submission.received_on)
        )
    )


def reasons(session: Session, job: Job) -> dict[str, str]:
    """What a job skipped, and why."""
    rows = session.execute(
        select(JobItem.item, JobItem.reason).where(
            JobItem.project_id == job.project_id,
            JobItem.job_id == job.id,
            JobItem.reason.is_not(None),
        )
    )
    return dict(rows.all())
