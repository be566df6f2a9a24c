"""What the jobs do that undo a run and take that back (SPEC A2–A6, R27).

Taking it back concerns what undoing this run has archived and nothing else, in however many parts
it was done.
"""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.errors import Refused
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job, JobState
from webapp.jobs.switch_forms import SwitchForms
from webapp.rules.models import Run
from webapp.submissions.bulk import Switch
from webapp.submissions.models import State, Submission


class _SwitchRun(SwitchForms):
    """Archive or restore forms of a run."""

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


class UndoRun(_SwitchRun):
    """The task of `Kind.UNDO_RUN`; its job's params: `run_id`, `reason`."""

    def forms(self, session: Session, job: Job) -> Select[int]:  # noqa: ARG002
        """Those that count."""
        return _of_run(job, State.NORMAL).order_by(Submission.received_on.desc())

    def switch(self, session: Session, job: Job, by: Actor) -> Switch:  # noqa: ARG002
        """Archive them."""
        reason = job.params.get("reason", "")
        return Switch(job.project_id, State.ARCHIVED, by, reason, job=job.id)


class RedoRun(_SwitchRun):
    """The task of `Kind.REDO_RUN`; its job's params: `run_id`."""

    def forms(self, session: Session, job: Job) -> Select[int]:
        """Those that undoing the run has archived."""
        return (
            _of_run(job, State.ARCHIVED)
            .where(Submission.archived_by.in_(_undoing(session, job)))
            .order_by(Submission.received_on)
        )

    def switch(self, session: Session, job: Job, by: Actor) -> Switch:
        """Restore them; not what somebody restored and archived again while the job was stopped."""
        undoing = frozenset(_undoing(session, job))
        return Switch(job.project_id, State.NORMAL, by, "", job=job.id, of_jobs=undoing)


def _of_run(job: Job, state: State) -> Select[int]:
    return select(Submission.id).where(
        Submission.project_id == job.project_id,
        Submission.run_id == int(job.params["run_id"]),
        Submission.state == state,
    )


def _undoing(session: Session, job: Job) -> list[int]:
    """The jobs that undid the run and by which forms of it are archived still. One query."""
    archived_by = _of_run(job, State.ARCHIVED).with_only_columns(Submission.archived_by)
    return list(
        session.scalars(
            select(Job.id).where(
                Job.project_id == job.project_id,
                Job.kind == Kind.UNDO_RUN.value,
                Job.id.in_(archived_by.distinct()),
            )
        )
    )
