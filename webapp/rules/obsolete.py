"""Plans that nobody will use any more: of which runs, and dropping them bit by bit (SPEC R20)."""

from __future__ import annotations

import time

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import Micros
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.rules.models import Run, RunState
from webapp.rules.plan import drop_some

#: A tick drops plans for so long, in seconds: some million rows, and no night waits for it.
LIMIT_S = 5.0
#: It waits with a plan that it has begun, or that nobody had to approve: it was resumed.
_RESUMED = and_(
    Run.state == RunState.QUEUED,
    Run.planned_on.is_not(None),
    or_(Run.held_on.is_(None), Run.processed > 0),
    Run.processed < Run.matched,
)
#: A pause after each piece, so that people's writes come in between on SQLite.
COURTESY_S = 0.002


def supersede(session: Session, run: Run, *, by: Actor) -> None:
    """Let the older runs of a rule be past that were stopped or failed: the one that begins to
    change cases just now decided anew about those that they left. They do not go on any more, and
    what is left of their plans is dropped. One that was resumed meanwhile, and waits for its turn,
    ends when that comes.

    Not by a run that only looks, or looks as of another instant; nor one of these, nor one of a
    newer version of the rule. One statement, and an event for each.
    """
    if run.watching or run.as_of is not None:
        return
    past = session.scalars(
        select(Run)
        .where(
            Run.project_id == run.project_id,
            Run.rule == run.rule,
            Run.rule_version <= run.rule_version,
            Run.id < run.id,
            or_(Run.state.in_((RunState.STOPPED, RunState.FAILED)), _RESUMED),
            Run.superseded_by.is_(None),
            Run.as_of.is_(None),
            Run.watching.is_(False),
        )
        .order_by(Run.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    for one in past:
        one.superseded_by, one.obsolete_plan = run.id, True
        record(
            session,
            project_id=one.project_id,
            tag=Tag.RUN_SUPERSEDE,
            subject=f"run:{one.id}",
            by=by,
            after={"rule": one.rule_name, "left": one.left, "run": run.id},
        )


def drop_obsolete_plans(_at: Micros) -> None:
    """Drop the plans of all projects that nobody will use, each piece in a short transaction, for
    some seconds at most; the next tick goes on. One query when there is nothing to do."""
    until = time.monotonic() + LIMIT_S
    session = db.session()
    session.rollback()  # see what is, not what was when this process last looked
    more = session.scalar(select(exists().where(Run.obsolete_plan)))
    session.rollback()
    while more and time.monotonic() < until:
        with write_transaction() as writing:
            more = _drop_piece(writing)
        time.sleep(COURTESY_S)


def _drop_piece(session: Session) -> bool:
    """Drop a piece of a plan; whether there was one that nobody else is at. What says why a case
    was left out stays, as with every run that is over."""
    run = session.scalar(
        select(Run)
        .where(Run.obsolete_plan)
        .order_by(Run.id)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if run is None:
        return False
    run.obsolete_plan = drop_some(session, run.project_id, run.id)
    return True
