"""Jobs that archive or restore forms which people selected, or which an API names (SPEC A6, I6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.clock import now
from webapp.database import find_by_key, insert_new
from webapp.errors import Invalid, NotFound, Refused
from webapp.history.models import SelectedForm, Selection
from webapp.history.selections import forms_left_by, get_selection, switched_by
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job, JobItem
from webapp.jobs.queue import enqueue, get_job
from webapp.jobs.switch_forms import SwitchForms
from webapp.submissions.bulk import Switch
from webapp.submissions.models import State, Submission

#: The kind of job by what forms become.
KINDS = {State.ARCHIVED: Kind.ARCHIVE_FORMS, State.NORMAL: Kind.RESTORE_FORMS}
#: And the other way round, by the name that a job has.
BECOME = {kind.value: state for state, kind in KINDS.items()}


def start_over_selection(
    session: Session, project_id: int, selection_id: str, to: State, *, by: Actor, reason: str
) -> Job:
    """Queue a job over the forms of a selection; `wake` it after the commit. A selection serves
    once: for one that was used, the job that uses it is given back. Raises `NotFound`."""
    selection = get_selection(session, project_id, selection_id, by=by, lock=True)
    if selection.job_id is not None:
        return get_job(session, project_id, selection.job_id)
    params: dict[str, Any] = {"selection": selection.id, "reason": reason}
    if selection.of_job is not None:
        params["of_job"] = selection.of_job
    job = enqueue(session, project_id, KINDS[to], params, by=by, reason=reason)
    selection.job_id, selection.expires_on = job.id, None
    return job


def start_over_ids(
    session: Session, project_id: int, ids: Sequence[str], to: State, *, by: Actor
) -> Job:
    """Queue a job over forms by their public ids, each counted once; `wake` it after the commit.
    Unknown ones are in its list, and are skipped for that reason. Two statements a thousand."""
    job = enqueue(session, project_id, KINDS[to], {}, by=by)
    received: dict[str, int] = {}
    unique = list(dict.fromkeys(ids))
    for start in range(0, len(unique), 1000):
        some = unique[start : start + 1000]
        rows = session.execute(
            select(Submission.submission_id, Submission.received_on).where(
                Submission.project_id == project_id, Submission.submission_id.in_(some)
            )
        )
        received.update(rows.all())
    newest_first = to is State.ARCHIVED
    unique.sort(key=lambda one: received.get(one, 0), reverse=newest_first)
    items = [
        {"project_id": project_id, "job_id": job.id, "place": place, "item": one}
        for place, one in enumerate(unique)
    ]
    for start in range(0, len(items), 1000):
        insert_new(session, JobItem, items[start : start + 1000])
    job.total = len(items)
    return job


def job_over_forms(session: Session, project_id: int, job_id: int) -> Job:
    """A job that archives or restores forms. Raises `NotFound`. One query."""
    job = get_job(session, project_id, job_id)
    if job.kind not in BECOME:
        raise NotFound(_("There is no such job over forms in this project."))
    return job


def refuse_take_back(job: Job) -> None:
    """A job is taken back when it is over. Raises `Invalid`, `Refused`."""
    if job.kind not in BECOME:
        raise Invalid(_("Only a job that archives or restores forms can be taken back."))
    if not job.over:
        raise Refused(_("This job is still at work. Stop it first, or wait until it is over."))


def leaves_something(session: Session, job: Job) -> bool:
    """Whether there is anything of a job over forms that can be taken back. One query."""
    find_by_key(session)
    return session.scalar(forms_left_by(job).limit(1)) is not None


def taken_back_by(session: Session, job: Job) -> list[Job]:
    """The jobs that took one back, oldest first. One query over the project's later jobs."""
    return list(
        session.scalars(
            select(Job)
            .where(
                Job.project_id == job.project_id,
                Job.id > job.id,
                Job.kind.in_(BECOME),
                Job.params["of_job"].as_integer() == job.id,
            )
            .order_by(Job.id)
        )
    )


class _SwitchSelected(SwitchForms):
    """The forms of a selection, or those that were listed when the job was asked for."""

    to: State

    def plan(self, session: Session, job: Job, *, by: Actor) -> None:
        """Freeze the list, unless it is already; the selection is of no more use then."""
        key = job.params.get("selection")
        if key is None:
            return
        super().plan(session, job, by=by)
        selection = session.get(Selection, key)
        if selection is not None:
            selection.expires_on = now()

    def moved(self, session: Session, job: Job, *, by: Actor) -> None:
        """Nothing moves along."""

    def forms(self, session: Session, job: Job) -> Select[int]:  # noqa: ARG002
        """Those of the selection, in the order of the work."""
        place = Submission.received_on
        return (
            select(Submission.id)
            .select_from(SelectedForm)
            # SQLite puts tables into any order, but for outer joins.
            .join(
                Submission,
                (Submission.id == SelectedForm.submission)
                & (Submission.project_id + 0 == SelectedForm.project_id),
                isouter=True,
            )
            .where(
                SelectedForm.project_id == job.project_id,
                SelectedForm.selection == int(job.params["selection"]),
            )
            .order_by(place.desc() if self.to is State.ARCHIVED else place)
        )

    def switch(self, session: Session, job: Job, by: Actor) -> Switch:
        """Where it takes a job back: only what is still as that one left it."""
        of_job = switched_by(session, job.params.get("of_job"))
        return Switch(
            job.project_id,
            self.to,
            by,
            job.params.get("reason", ""),
            job=job.id,
            of_jobs=None if of_job is None else frozenset({of_job}),
        )


class ArchiveForms(_SwitchSelected):
    """The task of `Kind.ARCHIVE_FORMS`."""

    to = State.ARCHIVED


class RestoreForms(_SwitchSelected):
    """The task of `Kind.RESTORE_FORMS`."""

    to = State.NORMAL
