"""The last form and the last sync of workers: what the lists and pages of people show."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from webapp.clock import Micros
from webapp.people.models import MobileWorker
from webapp.sharing.models import SyncLog
from webapp.submissions.models import State, Submission


def last_forms(
    session: Session, project_id: int, workers: Collection[MobileWorker]
) -> dict[str, Submission]:
    """The form that came last from each of some workers (a page of them), by their user ids.
    Duplicates and versions that an edit has replaced do not count. Two queries, each of one place
    in an index for each worker."""
    one = aliased(Submission)
    newest = (
        select(one.id)
        .where(
            one.project_id == project_id,
            one.user_id == MobileWorker.user_id,
            one.state.not_in([State.DUPLICATE, State.DEPRECATED]),
        )
        .order_by(one.received_on.desc())
        .limit(1)
        .correlate(MobileWorker)
        .scalar_subquery()
    )
    keys = session.scalars(
        select(newest).where(
            MobileWorker.project_id == project_id,
            MobileWorker.id.in_([worker.id for worker in workers]),
        )
    )
    found = session.scalars(
        select(Submission).where(
            Submission.project_id == project_id,
            Submission.id.in_([key for key in keys if key is not None]),
        )
    )
    return {form.user_id: form for form in found}


def last_sync(session: Session, worker: MobileWorker) -> Micros | None:
    """When a phone of this worker last received its cases; None where it never did, or so long ago
    that nothing is kept of it. One query."""
    return session.scalar(
        select(func.max(SyncLog.made_on)).where(
            SyncLog.project_id == worker.project_id,
            SyncLog.worker == worker.id,
            SyncLog.web_user.is_(None),
        )
    )
