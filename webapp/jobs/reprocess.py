"""The job that processes forms again that could not be applied when they came (SPEC S10)."""

from __future__ import annotations

from sqlalchemy import func, insert, literal, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.database import insert_new
from webapp.jobs.items import ItemTask
from webapp.jobs.models import Job, JobItem
from webapp.submissions.models import State, Submission
from webapp.submissions.reprocess import reprocess


class ReprocessForms(ItemTask):
    """Oldest first, because later forms may build on the cases of earlier ones."""

    def freeze(self, session: Session, job: Job) -> None:
        """The named forms, or all that are in error now. One statement, or two for named ones."""
        if job.params.get("all_errors"):
            _freeze_all_errors(session, job)
        else:
            _freeze_named(session, job, [str(item) for item in job.params["submission_ids"]])

    def do(self, session: Session, project_id: int, item: str, *, by: Actor) -> str | None:
        """Process one form again."""
        return reprocess(session, project_id, item, by=by)


def _freeze_all_errors(session: Session, job: Job) -> None:
    place = func.row_number().over(order_by=Submission.received_on) - 1
    found = select(literal(job.project_id), literal(job.id), place, Submission.submission_id).where(
        Submission.project_id == job.project_id, Submission.state == State.ERROR
    )
    session.execute(insert(JobItem).from_select(["project_id", "job_id", "place", "item"], found))


def _freeze_named(session: Session, job: Job, named: list[str]) -> None:
    found = session.execute(
        select(Submission.submission_id, Submission.received_on).where(
            Submission.project_id == job.project_id, Submission.submission_id.in_(named)
        )
    )
    received = {row.submission_id: row.received_on for row in found}
    # One that is gone by now stays in the list, at its end: it is skipped for a reason.
    order = sorted(dict.fromkeys(named), key=lambda name: received.get(name, 2**63))
    insert_new(
        session,
        JobItem,
        [
            {"project_id": job.project_id, "job_id": job.id, "place": place, "item": name}
            for place, name in enumerate(order)
        ],
    )
