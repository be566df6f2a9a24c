"""A task that archives or restores many forms, a chunk in a transaction (SPEC A2–A6): what undoes
a run, and what people ask for in Submit History.

Forms go newest first when they are archived, and oldest first when they are restored. The list is
frozen when the job begins. Each form says which job put it into its state
(`Submission.archived_by`, `restored_by`), so that taking a job back concerns what it did and
nothing else.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, Update, select, update
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.database_faults import is_busy
from webapp.errors import Busy
from webapp.jobs.frozen import FrozenForms
from webapp.jobs.items import WENT_WRONG
from webapp.jobs.models import Job, JobItem
from webapp.jobs.pace import Pace
from webapp.jobs.task import LookFirst
from webapp.submissions.bulk import Switch, switch_many

_log = logging.getLogger(__name__)


class SwitchForms(ABC):
    """One bad form stops nothing else: it is skipped, with the reason beside it."""

    def __init__(self) -> None:
        self._list: FrozenForms | None = None
        self._switch: Switch | None = None

    def plan(self, session: Session, job: Job, *, by: Actor) -> None:  # noqa: ARG002
        """Freeze the list and count it. Raises `LookFirst`."""
        if self._list is None or not self._list.found:
            self._list = FrozenForms(job.project_id, job.id, self.forms(session, job))
            raise LookFirst(self._list)
        job.total = self._list.finish(session)

    def step(self, session: Session, job: Job, pace: Pace, *, by: Actor) -> bool:
        """Switch the next forms, with one replay for each case, and count them."""
        ids = session.scalars(_next_items(job, min(pace.size, job.left))).all()
        if not ids:
            return False
        ids, skipped = self._switch_some(session, job, ids, pace, by=by)
        for reason in set(skipped.values()):
            items = [item for item in ids if skipped.get(item) == reason]
            session.execute(_these(job, len(ids), items).values(reason=reason[:1000]))
        job.processed += len(ids)
        job.succeeded += len(ids) - len(skipped)
        return True

    def _switch_some(
        self, session: Session, job: Job, ids: Sequence[str], pace: Pace, *, by: Actor
    ) -> tuple[Sequence[str], dict[str, str]]:
        """Switch the first of some forms, and give back which those were, and why some of them are
        skipped. All of them, unless something unforeseen is the matter with one: then as many as go
        without it, or that one alone."""
        if self._switch is None:
            self._switch = self.switch(session, job, by)
        try:
            with session.begin_nested():
                return ids, switch_many(session, self._switch, ids, before_tick=pace.begin)
        except Exception as error:
            if isinstance(error, Busy) or is_busy(error):
                raise
            if len(ids) == 1:
                _log.exception("job %d: form %s", job.id, ids[0])
                return ids, {ids[0]: WENT_WRONG}
            return self._switch_some(session, job, ids[: len(ids) // 2], pace, by=by)

    def at(self, session: Session, job: Job) -> str:  # noqa: ARG002
        """The place in the list."""
        return str(
            _(
                "the forms from number %(next)s of %(all)s on",
                next=job.processed + 1,
                all=job.total,
            )
        )

    def moved(self, session: Session, job: Job, *, by: Actor) -> None:  # noqa: B027  # not needed by all
        """Nothing moves along."""

    @abstractmethod
    def forms(self, session: Session, job: Job) -> Select[Any]:
        """The keys of the forms to switch, in the order of the work."""

    @abstractmethod
    def switch(self, session: Session, job: Job, by: Actor) -> Switch:
        """What happens to them. Asked once in each slice of the work."""


def _next_items(job: Job, count: int) -> Select[str]:
    return (
        select(JobItem.item)
        .where(
            JobItem.project_id == job.project_id,
            JobItem.job_id == job.id,
            JobItem.place >= job.processed,
        )
        .order_by(JobItem.place)
        .limit(count)
    )


def _these(job: Job, count: int, items: Sequence[str]) -> Update:
    """Some of the items whose turn it is, of which there are so many."""
    return (
        update(JobItem)
        .where(
            JobItem.project_id == job.project_id,
            JobItem.job_id == job.id,
            JobItem.place.between(job.processed, job.processed + count - 1),
            JobItem.item.in_(items),
        )
        .execution_options(synchronize_session=False)
    )
