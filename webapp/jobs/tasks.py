"""What a worker does when it is woken for a job."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.clock import now
from webapp.database import is_awaited, write_transaction
from webapp.errors import Busy
from webapp.extensions import db
from webapp.jobs.claim import Claim, Replaced, claim, claimable, hold
from webapp.jobs.heartbeat import Ended, reading
from webapp.jobs.kinds import task_for
from webapp.jobs.models import Job, JobState
from webapp.jobs.pace import Pace
from webapp.jobs.progress import begin, end
from webapp.jobs.queue import wake
from webapp.jobs.task import Look, LookFirst, StopHere, TakenBack, Task

#: A job works this long, then lets the other projects' jobs go first.
SLICE_S = 60.0
#: A job that died this often, and did not get on in between, is given up (SPEC R21).
MAX_DEATHS = 3
#: A plan that is written in pieces is begun anew wherever it is broken off. So often its pieces
#: count as getting on: whatever kills each worker behind one of them ends too.
MAX_PLANNING = 10
#: How often, and after which pauses in seconds, a busy database is asked again.
PAUSES_S = (0.5, 1, 2, 4, 8)

#: A pause between two transactions on SQLite. Its write lock is not handed over in order: whoever
#: gives it back and wants it again at once is mostly first, and people's writes would starve.
COURTESY_S = 0.001

#: Set when this process must end: the job is handed back after the present piece.
leaving = threading.Event()

_log = logging.getLogger(__name__)


_Step = Callable[[Claim, Task, Pace], bool]


def work(job_id: int) -> None:
    """Work on a job for up to a minute: what RQ calls. Does nothing when the job is not to be had.

    Raises whatever was not foreseen, after the job was marked as failed.
    """
    try:
        held = claim(job_id)
    except Busy as busy:
        _log.warning("job %d is left to the tick: %s", job_id, busy)
        return
    if held is None:
        return
    try:
        _work(held)
    except Replaced as replaced:
        _log.warning("%s", replaced)
        return
    except Busy as busy:
        # Nothing can be written, so nothing is said: the heartbeat ends, and the tick finds it.
        _log.warning("job %d waits for the database: %s", job_id, busy)
        return
    except Exception:
        _log.exception("job %d failed", job_id)
        _fail(held, "Something went wrong in Casekeeper itself, and was written to its log.")
        raise
    finally:
        _wake_next(held.project_id)


def _work(held: Claim) -> None:
    task = task_for(held.kind)
    pace = Pace.on(db.engine.dialect.name)
    until = time.monotonic() + SLICE_S
    more = _prepare(held, task, pace)
    while more:
        if leaving.is_set() or time.monotonic() >= until:
            _patiently(_hand_back, held, task, pace)
            break
        more = _go_on(held, task, pace)
        if pace.from_beginning:
            leaving.wait(COURTESY_S)


def _go_on(held: Claim, task: Task, pace: Pace) -> bool:
    """Do the next piece, and before it read what it needs; whether there may be more."""
    while True:
        try:
            return _patiently(_do_next, held, task, pace)
        except LookFirst as first:
            look = first.look
            pace.rolled_back()
        try:
            _patiently(partial(_read, look), held, task, pace)
        except Ended:
            # Where this process is to end, the job is handed back next.
            return leaving.is_set() or _patiently(_stop, held, task, pace)


def _patiently(do: _Step, held: Claim, task: Task, pace: Pace) -> bool:
    """One transaction of the work; again when the database is busy. Raises `Busy` in the end."""
    for pause in PAUSES_S:
        try:
            return do(held, task, pace)
        except Busy:
            pace.rolled_back()
            if leaving.wait(pause):
                break
    return do(held, task, pace)


def _prepare(held: Claim, task: Task, pace: Pace) -> bool:
    """Plan a job that begins, with whatever that needs read before; whether there may be work.

    However long that takes, it is not cut: what was read for half a plan is worth nothing.
    """
    while True:
        try:
            return _patiently(_plan, held, task, pace)
        except LookFirst as first:
            look = first.look
        try:
            more = _patiently(partial(_read, look), held, task, pace)
            while more and not leaving.is_set():
                more = _patiently(partial(_write, look), held, task, pace)
                if pace.from_beginning:
                    leaving.wait(COURTESY_S)
        except Ended:
            more = True
        if more and leaving.is_set():
            return _patiently(_hand_back, held, task, pace)


def _plan(held: Claim, task: Task, _pace: Pace) -> bool:
    """Plan a job that begins, stop one that is not to begin, and give one up that died too often.
    Raises `LookFirst`."""
    with write_transaction() as session:
        job = hold(session, held)
        if job.deaths >= MAX_DEATHS:
            _give_up(session, job, held, task)
            return False
        if job.started_on is None:
            if job.stop_asked:
                end(session, job, JobState.STOPPED, by=held.by)
                return False
            task.plan(session, job, by=held.by)
            begin(session, job, by=held.by)
        return True


def _read(look: Look, held: Claim, _task: Task, _pace: Pace) -> bool:
    """Read what a plan or a piece needs, while nothing is locked. Raises `Ended`."""
    with reading(held, leaving) as session:
        look.read(session)
    return True


def _write(look: Look, held: Claim, _task: Task, _pace: Pace) -> bool:
    """Write a piece of a plan, unless the job is to stop; whether there is more to write."""
    with write_transaction() as session:
        job = hold(session, held)
        if job.stop_asked or not look.write(session):
            return False
        if job.attempts <= MAX_PLANNING:
            job.deaths = 0  # it got on
        job.heartbeat_on = now()
        return True


def _stop(held: Claim, _task: Task, _pace: Pace) -> bool:
    """Stop a job as it was asked to, whatever is left of it."""
    with write_transaction() as session:
        end(session, hold(session, held), JobState.STOPPED, by=held.by)
    return False


def _do_next(held: Claim, task: Task, pace: Pace) -> bool:
    """Do the next piece, with its count, in one transaction; whether there may be more."""
    try:
        with write_transaction() as session:
            pace.opened()
            job = hold(session, held)
            if job.stop_asked and job.left:  # else all is done, and only tidying up is left
                end(session, job, JobState.STOPPED, by=held.by)
                return False
            try:
                more = task.step(session, job, pace, by=held.by)
            except StopHere as stop:
                end(session, job, JobState.STOPPED, by=held.by, problem=stop.problem)
                return False
            if not more:
                end(session, job, JobState.FINISHED, by=held.by)
                return False
            job.deaths = 0  # it got on
            job.heartbeat_on = now()
            session.flush()  # it counts as writing
            pace.written(awaited=is_awaited(session))
    except TakenBack as taken_back:
        pace.rolled_back()
        _note(held, taken_back)
    else:
        pace.committed()
    return True


def _note(held: Claim, taken_back: TakenBack) -> None:
    with write_transaction() as session:
        job = hold(session, held)
        taken_back.note(session, job)
        job.deaths = 0
        job.heartbeat_on = now()


def _hand_back(held: Claim, _task: Task, _pace: Pace) -> bool:
    """Back into the line: behind the other projects' jobs, in front of its own project's."""
    with write_transaction() as session:
        job = hold(session, held)
        job.state = JobState.QUEUED
    return False


def _give_up(session: Session, job: Job, held: Claim, task: Task) -> None:
    problem = (
        f"The server died {job.deaths} times while it worked on {task.at(session, job)}."
        if job.started_on is not None
        else f"The server died {job.deaths} times before the work began."
    )
    job.attempts -= 1  # this one only finds that it is over
    end(session, job, JobState.FAILED, by=held.by, problem=problem)


def _fail(held: Claim, problem: str) -> None:
    try:
        with write_transaction() as session:
            end(session, hold(session, held), JobState.FAILED, by=held.by, problem=problem)
    except (Replaced, Busy) as error:
        _log.warning("job %d could not be marked as failed: %s", held.job_id, error)


def _wake_next(project_id: int) -> None:
    """Wake the jobs of a project whose turn it is now, which may be the same one: at most one that
    changes something, and one that only reads."""
    try:
        session = db.session()
        session.rollback()
        for job in session.scalars(
            select(Job).where(Job.project_id == project_id, claimable(now())).limit(2)
        ):
            wake(job)
        session.rollback()
    except DBAPIError as error:
        _log.warning("the next job of project %d is left to the tick: %s", project_id, error)
