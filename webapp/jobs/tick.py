"""The tick: every 30 seconds it wakes what may be worked on.

That is how a job survives a Redis that was away or lost its data, and a worker that was killed. It
only reads the database and adds wake-ups, which claims make harmless: any number of ticks may run
at once, and none is missed for long.
"""

from __future__ import annotations

from sqlalchemy import select

from webapp.clock import now
from webapp.extensions import db
from webapp.jobs.claim import claimable
from webapp.jobs.models import Job
from webapp.jobs.queue import wake

EVERY_S = 30.0

#: Jobs woken in one tick: the rest waits behind them anyway.
LIMIT = 1000


def tick() -> int:
    """Wake every job that may be taken now; return how many wake-ups are there. One query."""
    session = db.session()
    session.rollback()  # see what is, not what was when this process last looked
    jobs = session.scalars(select(Job).where(claimable(now())).order_by(Job.id).limit(LIMIT)).all()
    woken = sum(wake(job) for job in jobs)
    session.rollback()
    return woken
