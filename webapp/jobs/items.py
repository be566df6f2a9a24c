"""A task for a list of items that is frozen once, each done in a transaction of its own."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.database_faults import is_busy
from webapp.errors import Busy, CasekeeperError
from webapp.jobs.models import Job, JobItem
from webapp.jobs.pace import Pace
from webapp.jobs.progress import count, next_item
from webapp.jobs.task import TakenBack

#: Why an item is skipped that met an error of ours.
WENT_WRONG = "Something went wrong in Casekeeper itself, and was written to its log."

_log = logging.getLogger(__name__)


class ItemTask(ABC):
    """One bad item stops nothing else (SPEC A6): it is skipped, with the reason beside it."""

    @abstractmethod
    def freeze(self, session: Session, job: Job) -> None:
        """Write the items of a job (`JobItem`), in the order of the work, from its params."""

    @abstractmethod
    def do(self, session: Session, project_id: int, item: str, *, by: Actor) -> str | None:
        """Do one item. Returns None, or the sentence why it was skipped; a domain error counts as
        skipped as well, and takes back what it did."""

    def plan(self, session: Session, job: Job, *, by: Actor) -> None:  # noqa: ARG002
        """Freeze the list and count it."""
        self.freeze(session, job)
        job.total = (
            session.scalar(
                select(func.count())
                .select_from(JobItem)
                .where(JobItem.project_id == job.project_id, JobItem.job_id == job.id)
            )
            or 0
        )

    def step(self, session: Session, job: Job, pace: Pace, *, by: Actor) -> bool:  # noqa: ARG002
        """Do the item whose turn it is, and count it."""
        item = next_item(session, job)
        if item is None:
            return False
        count(job, item, self._try(session, job, item.item, by))
        return True

    def at(self, session: Session, job: Job) -> str:
        """The item whose turn it is."""
        item = next_item(session, job)
        return "the end" if item is None else f"the form {item.item}"

    def moved(self, session: Session, job: Job, *, by: Actor) -> None:  # noqa: B027  # not needed by all
        """Nothing moves along."""

    def _try(self, session: Session, job: Job, item: str, by: Actor) -> str | None:
        try:
            reason = self.do(session, job.project_id, item, by=by)
            session.flush()  # what the database refuses is this item's fault, so it must show here
        except Busy:
            raise
        except CasekeeperError as error:
            raise _skip(job, error.message) from error
        except Exception as error:
            if is_busy(error):
                raise
            _log.exception("job %d: item %d", job.id, job.processed)
            raise _skip(job, WENT_WRONG) from error
        return reason


def _skip(job: Job, reason: str) -> TakenBack:
    place = job.processed

    def note(session: Session, job: Job) -> None:
        item = next_item(session, job)
        if item is not None and job.processed == place:
            count(job, item, reason)

    return TakenBack(note)
