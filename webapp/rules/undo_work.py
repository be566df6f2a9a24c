"""What the jobs do that undo a run and take that back (SPEC A2–A6, R27).

Forms go newest first when they are archived, and oldest first when they are restored. The list is
frozen when the job begins. Each form that an undo archives says so (`Submission.archived_by`), so
that taking it back concerns what it did and nothing else, in however many parts it was done.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, Update, func, insert, literal, select, update
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.database import find_by_key
from webapp.errors import Refused
from webapp.jobs.models import Job, JobItem, JobState
from webapp.jobs.pace import Pace
from webapp.rules.models import Run
from webapp.submissions.bulk import Switch, switch_many
from webapp.submissions.models import State, Submission
from webapp.time_limit import without_limit


class _SwitchForms(ABC):
    """Archive or restore forms of a run, a chunk in a transaction."""

    def plan(self, session: Session, job: Job, *, by: Actor) -> None:  # noqa: ARG002
        """Freeze the list: one statement, and a count."""
        find_by_key(session)
        without_limit(session)
        forms, place = self._forms(job)
        session.execute(
            insert(JobItem).from_select(
                ["project_id", "job_id", "place", "item"],
                forms.with_only_columns(
                    literal(job.project_id), literal(job.id), place - 1, Submission.submission_id
                ),
            )
        )
        job.total = session.scalar(_items(job, func.count())) or 0

    def step(self, session: Session, job: Job, pace: Pace, *, by: Actor) -> bool:
        """Switch the next forms, with one replay for each case, and count them."""
        ids = session.scalars(
            _items(job, JobItem.item)
            .where(JobItem.place >= job.processed)
            .order_by(JobItem.place)
            .limit(min(pace.size, job.left))
        ).all()
        if not ids:
            return False
        skipped = switch_many(session, self._switch(job, by), ids, before_tick=pace.begin)
        for reason in set(skipped.values()):
            items = [item for item in ids if skipped.get(item) == reason]
            session.execute(_of(job, items).values(reason=reason[:1000]))
        job.processed += len(ids)
        job.succeeded += len(ids) - len(skipped)
        return True

    def at(self, session: Session, job: Job) -> str:  # noqa: ARG002
        """The place in the list."""
        return str(
            _(
                "the forms from number %(next)s of %(all)s on",
                next=job.processed + 1,
                all=job.total,
            )
        )

    def moved(self, session: Session, job: Job, *, by: Actor) -> None:  # noqa: ARG002
        """Nothing moves along, for the run points at the job, and asks it. It is resumed only if it
        is still the last one of its run, and the run did not go on meanwhile (`Refused`)."""
        if job.state != JobState.QUEUED:
            return
        run = session.scalars(
            select(Run)
            .where(Run.project_id == job.project_id, Run.id == int(job.params["run_id"]))
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        ).one()
        if run.undo_id != job.id:
            raise Refused(
                _("The run was undone, or brought back, by another job since. Start anew.")
            )
        if not run.over:
            raise Refused(_("This run is still at work. Stop it first, or wait until it is over."))

    @abstractmethod
    def _forms(self, job: Job) -> tuple[Select[Any], ColumnElement[int]]:
        """The forms to switch, and their places from 1 on."""

    @abstractmethod
    def _switch(self, job: Job, by: Actor) -> Switch:
        """What happens to them."""


class UndoRun(_SwitchForms):
    """The task of `Kind.UNDO_RUN`; its job's params: `run_id`, `reason`."""

    def _forms(self, job: Job) -> tuple[Select[Any], ColumnElement[int]]:
        forms = select(Submission.id).where(
            Submission.project_id == job.project_id,
            Submission.run_id == int(job.params["run_id"]),
            Submission.state == State.NORMAL,
        )
        return forms, func.row_number().over(order_by=Submission.received_on.desc())

    def _switch(self, job: Job, by: Actor) -> Switch:
        reason = job.params.get("reason", "")
        return Switch(job.project_id, State.ARCHIVED, by, reason, job=job.id)


class RedoRun(_SwitchForms):
    """The task of `Kind.REDO_RUN`; its job's params: `run_id`."""

    def _forms(self, job: Job) -> tuple[Select[Any], ColumnElement[int]]:
        forms = select(Submission.id).where(
            Submission.project_id == job.project_id,
            Submission.run_id == int(job.params["run_id"]),
            Submission.state == State.ARCHIVED,
            Submission.archived_by.is_not(None),
        )
        return forms, func.row_number().over(order_by=Submission.received_on)

    def _switch(self, job: Job, by: Actor) -> Switch:
        # Not what somebody restored and archived again by hand, while the job was stopped.
        return Switch(job.project_id, State.NORMAL, by, "", of_jobs=True)


def _items(job: Job, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(JobItem)
        .where(JobItem.project_id == job.project_id, JobItem.job_id == job.id)
    )


def _of(job: Job, items: Sequence[str]) -> Update:
    """Those of the items whose turn it is."""
    return (
        update(JobItem)
        .where(
            JobItem.project_id == job.project_id,
            JobItem.job_id == job.id,
            JobItem.place >= job.processed,
            JobItem.item.in_(items),
        )
        .execution_options(synchronize_session=False)
    )
