"""What a kind of job has to know."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.jobs.models import Job


class Task(Protocol):
    """A list of items that is frozen once, and what is done with each. The caller locks the job,
    counts and commits."""

    def freeze(self, session: Session, job: Job) -> None:
        """Write the items of a job (`JobItem`), in the order of the work, from its params."""

    def step(self, session: Session, project_id: int, item: str, *, by: Actor) -> str | None:
        """Do one item. Returns None, or the sentence why it was skipped; a domain error counts as
        skipped as well, and takes back what it did."""
