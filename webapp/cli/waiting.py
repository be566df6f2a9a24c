"""Waiting in a terminal for jobs to end (SPEC L1)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import click
from sqlalchemy import select

from webapp.cli.command import say
from webapp.clock import SECOND, Micros, now
from webapp.extensions import db
from webapp.jobs.claim import claimable
from webapp.jobs.models import Job, JobState
from webapp.jobs.tick import EVERY_S

#: How often the database is asked, in seconds.
LOOK_S = 0.5
#: A job that could be worked on and is not: after so long somebody should hear of it, and later
#: nobody waits any longer. The tick wakes it within `EVERY_S`, also when Redis is out of reach.
SAY_AFTER: Micros = int(EVERY_S + 10) * SECOND
LEAVE_AFTER: Micros = 5 * 60 * SECOND
#: Without a terminal a line says so often how far it is.
LINE_EVERY: Micros = 10 * SECOND

#: Steps of the progress bar, however many jobs there are.
_STEPS = 1000


@dataclass(slots=True)
class _Patience:
    """Whether a job stands still because nobody works."""

    since: Micros | None = None
    said: bool = False

    def left(self, *, standing_still: bool) -> bool:
        """Look once; False when nobody has come for too long."""
        if not standing_still:
            self.since, self.said = None, False
            return True
        self.since = now() if self.since is None else self.since
        waited = now() - self.since
        if waited >= SAY_AFTER and not self.said:
            self.said = True
            say(
                "No worker is at work. It waits; start one with ./run, or with .venv/bin/python"
                " worker.py where the server is set up by hand."
            )
        return waited < LEAVE_AFTER


def wait_for(job_ids: Sequence[int], label: str) -> bool:
    """Wait until all these jobs are over, and show how far they are; False when no worker came for
    five minutes: then they still wait in the database. Two queries a look.

    Interrupted, nothing changes for the jobs.
    """
    patience = _Patience()
    with _shown(label) as show:
        while True:
            db.session.rollback()  # see what is, not what was at the last look
            jobs = db.session.scalars(select(Job).where(Job.id.in_(job_ids))).all()
            show(sum(map(_part, jobs)) / max(len(jobs), 1), _words(jobs))
            if all(job.over for job in jobs):
                return True
            if not patience.left(standing_still=_nobody_works(job_ids)):
                return False
            time.sleep(LOOK_S)


@contextmanager
def _shown(label: str) -> Iterator[Callable[[float, str], None]]:
    """How far something is, from 0 to 1, and in words: as a bar on a terminal; elsewhere, where it
    may be a log, as a line when it is worth one."""
    if not sys.stderr.isatty():
        yield _Lines(label).show
        return
    with click.progressbar(
        length=_STEPS, label=label, file=sys.stderr, item_show_func=lambda words: words or ""
    ) as bar:

        def show(part: float, words: str) -> None:
            bar.update(max(0, int(_STEPS * part) - bar.pos), words)
            bar.render_progress()  # also when only the words are others

        yield show


class _Lines:
    """Progress in lines: the first, one every `LINE_EVERY`, and none twice."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._last, self._said = "", 0

    def show(self, _part: float, words: str) -> None:
        """Say it, if it is time."""
        if words != self._last and now() - self._said >= LINE_EVERY:
            say(f"{self._label}: {words}")
            self._last, self._said = words, now()


def _words(jobs: Sequence[Job]) -> str:
    """What the jobs are at."""
    if all(job.over for job in jobs):
        return "over"
    if all(job.over or job.state == JobState.QUEUED for job in jobs):
        return "waiting for a worker"
    total = sum(job.total for job in jobs if not job.over)
    if not total:
        return "looking at the cases"
    return f"{sum(job.processed for job in jobs if not job.over):,} of {total:,}"


def _part(job: Job) -> float:
    """How much of a job is done, from 0 to 1. Its total is unknown until it has planned."""
    return 1.0 if job.over else job.processed / job.total if job.total else 0.0


def _nobody_works(job_ids: Sequence[int]) -> bool:
    """Whether one of the jobs could be worked on now, and is not."""
    free = select(Job.id).where(Job.id.in_(job_ids), claimable(now()))
    return db.session.scalar(select(free.exists())) is True
