"""The tick: every 30 seconds it has done what is due, and wakes what may be worked on.

That is how a job survives a Redis that was away or lost its data, and a worker that was killed. It
adds wake-ups, which claims make harmless, and counts tables; the duties that it is given are
harmless, too, when several do them. So any number of ticks may run at once, and none is missed for
long.
"""

from __future__ import annotations

import logging

from sqlalchemy import select

from webapp.clock import now
from webapp.extensions import db
from webapp.jobs.claim import claimable
from webapp.jobs.kinds import duties
from webapp.jobs.models import Job
from webapp.jobs.queue import wake
from webapp.jobs.statistics import keep_counted

EVERY_S = 30.0

_log = logging.getLogger(__name__)

#: Jobs woken in one tick: the rest waits behind them anyway.
LIMIT = 1000


def tick() -> int:
    """Have the duties of the application done (`init_jobs`), wake every job that may be taken now,
    and let PostgreSQL count what has grown; return how many wake-ups are there. Two queries, and
    one for each duty, when there is nothing to do."""
    for duty in duties():
        try:
            duty(now())
        except Exception:  # noqa: BLE001  jobs are woken all the same
            _log.exception("%s failed; it is done again with the next tick", duty)
    session = db.session()
    session.rollback()  # see what is, not what was when this process last looked
    jobs = session.scalars(select(Job).where(claimable(now())).order_by(Job.id).limit(LIMIT)).all()
    woken = sum(wake(job) for job in jobs)
    session.rollback()
    keep_counted()
    return woken
