"""What the job of a run does: plan, then chunk by chunk, then drop the plan (SPEC R18, R19, R23).

The run's state and counts are written in the transactions of the job's: whatever is killed, they
say what was done.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import AHEAD, now, take_ticks
from webapp.database_faults import is_busy
from webapp.dictionary.learn import learn_form
from webapp.jobs.models import Job, JobState
from webapp.jobs.pace import Pace
from webapp.jobs.statistics import count_what_has_grown
from webapp.jobs.task import LookFirst, StopHere
from webapp.projects.models import Project
from webapp.rules.apply_cases import Done, apply_rows, hold_chunk
from webapp.rules.apply_sql import ChunkStatements, NotSimple, is_simple
from webapp.rules.going_on import refuse_to_go_on, why_superseded
from webapp.rules.held import DECIDED_BY_PEOPLE, expire_held, hold_if_needed, lock_rule
from webapp.rules.limits import Allowance, allowance, count_use, why_not_whole
from webapp.rules.look import RunLook
from webapp.rules.models import Run, RunState, Trigger
from webapp.rules.moment import moment_at
from webapp.rules.obsolete import supersede
from webapp.rules.orders import Orders, orders_of
from webapp.rules.plan import Row, drop_some, note_left_out, rows_from
from webapp.rules.teach import teach, teach_own
from webapp.rules.tell import tell_failed
from webapp.rules.watch import keep_changes
from webapp.submissions.own import RULE_XMLNS

#: Whether the fast way is gone at all; the other one leaves the same.
FAST = True

_log = logging.getLogger(__name__)


class RunRule:
    """The task of `Kind.RUN`; its job's params: `run_id`."""

    def __init__(self) -> None:
        #: Never changes once the run is planned, so it is read once a slice.
        self._orders: Orders | None = None
        self._run_id: int | None = None
        self._chunks = 0
        self._statements: ChunkStatements | None = None
        self._look: RunLook | None = None

    def plan(self, session: Session, job: Job, *, by: Actor) -> None:
        """Decide which cases are changed, as of the tick that `moved` took. A plan that a person
        approved is there already; any other is looked at first."""
        run = self._run(session, job)
        if run.held_on is not None:
            run.state, job.total = RunState.RUNNING, run.matched
            supersede(session, run, by=by)
            return
        look, rule = self._look, lock_rule(session, run)
        if look is None or not look.suffices(session, run, rule):
            self._look = RunLook(run.project_id, run.id)
            raise LookFirst(self._look)
        seen = look.seen
        if run.trigger is Trigger.SCHEDULE:
            # What the rule held until now, also what an earlier night planned later than this one
            # was queued (R22).
            expire_held(session, run.project_id, run.rule, _("The rule was planned anew."), by=by)
        run.state, run.watching = RunState.RUNNING, seen.watching
        run.open_cases, run.matched = seen.open_cases, seen.matched
        run.would = seen.would
        if seen.watching:
            keep_changes(session, run, seen.cases)
        else:
            learn_form(session, run.project_id, app_id="", xmlns=RULE_XMLNS, name="")
            look.finish(session)
            if not hold_if_needed(session, run, rule, by=by):
                job.total = run.matched
                supersede(session, run, by=by)
        record(
            session,
            project_id=run.project_id,
            tag=Tag.RUN_START,
            subject=f"run:{run.id}",
            by=by,
            after={"rule": run.rule_name, "open_cases": run.open_cases, "matched": run.matched},
        )

    def step(self, session: Session, job: Job, pace: Pace, *, by: Actor) -> bool:  # noqa: ARG002
        """Do the next chunk of the plan; when all is done, drop the plan piece by piece. One that a
        later run has made past while it waited stops here."""
        run = self._run(session, job)
        if run.state is not RunState.RUNNING or run.job_id != job.id or run.watching:
            return False  # it waits for a person, who may have decided already, or only looked
        self._look = None  # the plan is written: what was read for it may be large
        if run.superseded_by is not None:
            raise StopHere(why_superseded(run))
        orders = self._orders = self._orders or orders_of(session, run)
        if run.processed >= run.matched:
            return drop_some(session, run.project_id, run.id)
        self._chunks += 1
        # After 1, 2, 4, 8, … chunks.
        if self._chunks & (self._chunks - 1) == 0 and count_what_has_grown(session):
            return True
        project = session.get_one(Project, run.project_id)
        may = allowance(session, project, run)
        rows = pace.size if may is None else min(pace.size, may.left)
        first, end = run.processed, min(run.processed + rows, run.matched)
        done = self._fast(session, orders, first, end, pace) or _slow(
            session, orders, rows_from(session, orders, first, end), pace, may
        )
        if may is not None and not done.rows:
            raise StopHere(why_not_whole(may.left))
        note_left_out(session, orders, done.left_out)
        _count(run, done)
        count_use(session, project, done.submissions)
        job.processed = run.processed
        job.succeeded = run.processed - run.skipped - run.errors
        return True

    def at(self, session: Session, job: Job) -> str:
        """The place in the plan."""
        run = self._run(session, job)
        return str(
            _(
                "the cases from number %(next)s of %(all)s on",
                next=run.processed + 1,
                all=run.matched,
            )
        )

    def moved(self, session: Session, job: Job, *, by: Actor) -> None:
        """The run's state follows, unless it waits for a person: then only that decides. When
        planning begins, `now` is taken: one tick (R8). One that is undone or past is not resumed
        (`Refused`)."""
        run = self._run(session, job, lock=True)
        if run.state in DECIDED_BY_PEOPLE or run.job_id not in {None, job.id}:
            return
        if job.state == JobState.QUEUED:
            refuse_to_go_on(session, run)
            run.state, run.problem, run.finished_on = RunState.QUEUED, None, None
            run.working_since = None
        elif job.state != JobState.RUNNING:
            run.state, run.problem = RunState(job.state.value), job.problem
            run.finished_on = job.finished_on
            if job.started_on is None and run.held_on is None:
                # Not planned to the end; what is written of the plan goes.
                run.obsolete_plan = run.obsolete_plan or run.planned_on is not None
                run.planned_on = None
            if run.state is RunState.FAILED:
                tell_failed(session, session.get_one(Project, run.project_id), run)
            _record_end(session, run, by)
        else:
            if job.deaths or run.working_since is None:
                run.working_since = now()  # the hours in which nobody lived are none of work
            if job.started_on is not None:
                run.state = RunState.RUNNING
            elif run.held_on is None:
                _begin_planning(session, run)
            else:
                run.started_on = now()  # its forms say when it really began

    def _fast(
        self, session: Session, orders: Orders, first: int, end: int, pace: Pace
    ) -> Done | None:
        """The fast way, where it can be gone: it finds no fault, so it leaves them to the other."""
        if not FAST or not is_simple(orders.definition):
            return None
        if self._statements is None:
            self._statements = ChunkStatements(orders, session.get_bind().dialect.name)
        try:
            with session.begin_nested():
                held = self._statements.hold(session, first, end)
                teach_own(session, orders)
                pace.begin()
                return self._statements.apply(session, held)
        except NotSimple:
            return None
        except DBAPIError as error:
            if is_busy(error):
                raise
            _log.warning("run %d: places %d to %d one by one", orders.run_id, first, end - 1)
            return None

    def _run(self, session: Session, job: Job, *, lock: bool = False) -> Run:
        if self._run_id is None:
            self._run_id = int(job.params["run_id"])
        statement = select(Run).where(Run.project_id == job.project_id, Run.id == self._run_id)
        if lock:
            statement = statement.with_for_update(key_share=True)
        return session.scalars(statement.execution_options(populate_existing=True)).one()


def _slow(
    session: Session, orders: Orders, rows: Sequence[Row], pace: Pace, may: Allowance | None
) -> Done:
    chunk = hold_chunk(session, orders, rows)
    teach(session, orders, chunk.cases, [row.key for row in rows])
    pace.begin()
    return apply_rows(session, orders, rows, chunk, may)


def _begin_planning(session: Session, run: Run) -> None:
    """Take the tick in a transaction before that of the plan: whatever the plan does not see has a
    later one, and nobody waits for the tick while it is made."""
    run.state, run.obsolete_plan = RunState.PLANNING, False
    run.started_on = now()
    timezone = session.scalars(select(Project.timezone).where(Project.id == run.project_id)).one()
    session.flush()  # the run's row is locked before the tick, which is the last
    run.planned_on = take_ticks(session, run.project_id)
    at = now()
    if run.planned_on > at + AHEAD:
        _log.warning("run %d: the last tick of its project is ahead of the clock", run.id)
    # The tick, and never later than now: while the clock was wrong, ticks may have gone years ahead
    # and stay there, and what previews and explains goes by the clock.
    moment = moment_at(min(run.planned_on, at) if run.as_of is None else run.as_of, timezone)
    run.matched_at, run.today = moment.now, moment.today.isoformat()


def _count(run: Run, done: Done) -> None:
    run.processed += done.rows
    run.changed += done.changed
    run.closed += done.closed
    run.related_updates += done.related_updates
    run.submissions += done.submissions
    run.unchanged += done.unchanged
    run.errors += sum(one.failed for one in done.left_out)
    run.skipped += sum(not one.failed for one in done.left_out)


def _record_end(session: Session, run: Run, by: Actor) -> None:
    record(
        session,
        project_id=run.project_id,
        tag=Tag.RUN_END,
        subject=f"run:{run.id}",
        by=by,
        after={
            "rule": run.rule_name,
            "state": run.state.value,
            "matched": run.matched,
            "changed": run.changed,
            "closed": run.closed,
            "submissions": run.submissions,
            "unchanged": run.unchanged,
            "skipped": run.skipped,
            "errors": run.errors,
            "left": run.left,
        },
    )
