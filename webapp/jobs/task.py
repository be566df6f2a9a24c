"""What a kind of job has to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.jobs.models import Job
from webapp.jobs.pace import Pace


class TakenBack(Exception):  # no error of the job
    """A step cannot be done, and whatever it changed is rolled back. `note` is called in a
    transaction of its own, with the job held: it may count what was left out."""

    def __init__(self, note: Callable[[Session, Job], None]) -> None:
        super().__init__()
        self.note = note


class StopHere(Exception):  # no error of the job
    """A step would do nothing, because a limit is reached: the job ends as stopped, and can be
    resumed. `problem` is the sentence why. Raised before anything is written."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class Look(Protocol):
    """What a plan needs, where that takes long to read: it is read while nothing is locked, and
    written beside the job that goes on."""

    def read(self, session: Session) -> None:
        """Read all of it, from one state (`webapp.jobs.heartbeat.reading`). Called again when the
        connection was lost; any statement may be ended."""

    def write(self, session: Session) -> bool:
        """Write the next piece of the plan, in a transaction of its own that holds the job; False
        when nothing is left to write before `Task.plan`. What a worker that died has left of an
        earlier look goes first. Called again when the transaction was rolled back. Not for a step,
        which writes by itself what was read for it."""


class LookFirst(Exception):  # no error of the job
    """A plan, or a step, needs what `look` reads, so nothing was done. When that is read, the same
    task is asked again."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look


class Task(Protocol):
    """Work that is planned once and then done in steps, each one transaction.

    The caller locks the job before each call, and commits after it; one instance serves one worker
    for one slice of the work. `webapp.jobs.items` is a task for a list of items.
    """

    def plan(self, session: Session, job: Job, *, by: Actor) -> None:
        """Decide what is to be done, once, when the work begins; sets `job.total`. Raises
        `LookFirst` where that is more than the work of a moment."""

    def step(self, session: Session, job: Job, pace: Pace, *, by: Actor) -> bool:
        """Do the next piece and count it (`job.processed`, `job.succeeded`); False when nothing is
        left, and the job ends. `pace` says how much at most. Raises `TakenBack`, `StopHere`, and
        `LookFirst` for a piece that has to be read for long."""

    def at(self, session: Session, job: Job) -> str:
        """What it is at, in the words that follow “the server died while it worked on”."""

    def moved(self, session: Session, job: Job, *, by: Actor) -> None:
        """The state of the job has just become another, in this transaction: what says the same of
        the thing that it works on moves along. Not when it is only handed to another worker."""
