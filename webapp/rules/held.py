"""Runs that wait for a person: approve, reject, expire (SPEC R22)."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext as _
from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import DAY, Micros, now
from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.jobs import queue
from webapp.jobs.kind import Kind
from webapp.projects.models import Project
from webapp.rules.brake import brake_of_run
from webapp.rules.models import Rule, RuleState, Run, RunState, Trigger
from webapp.rules.runs import get_run
from webapp.rules.tell import tell_held

#: A held run waits so long for a decision.
WAITS: Micros = 7 * DAY
#: As whom a run expires by the clock.
BY = Actor.system("schedule")
#: Where a run no longer follows its job.
DECIDED_BY_PEOPLE = frozenset({RunState.HELD, RunState.REJECTED, RunState.EXPIRED})


def hold_if_needed(session: Session, run: Run, rule: Rule, *, by: Actor) -> bool:
    """Let a run that is planned wait for a person, with its plan, if it would change more than its
    brake allows, and nobody confirmed just that number; whether it does not go on. What it would
    change is counted (`run.would`) wherever so many match that it could be held.

    Where its rule (`lock_rule`) was changed since it was queued, nobody is asked: it expires at
    once.
    """
    brake, changes = brake_of_run(session, run), run.would_change
    if brake is None or changes is None or run.confirmed == changes:
        return False
    if not brake.holds(changes, run.open_cases):
        return False
    why = _why_obsolete(run, rule)
    if why is not None:
        _expire(session, run, why, by)
        return True
    run.state, run.held_on = RunState.HELD, now()
    run.brake_cases, run.brake_percent = brake.cases, brake.percent
    tell_held(session, session.get_one(Project, run.project_id), run, brake)
    record(
        session,
        project_id=run.project_id,
        tag=Tag.RUN_HOLD,
        subject=f"run:{run.id}",
        by=by,
        after={"rule": run.rule_name, "open_cases": run.open_cases, "changes": changes},
    )
    return True


def lock_rule(session: Session, run: Run) -> Rule:
    """The rule of a run that is planned, as it is until the commit: whoever changes it next finds
    the run held. One statement.

    Does not wait for somebody who changes it now, and may wait for the job to stop it: that is
    `Busy`.
    """
    return session.scalars(
        select(Rule)
        .where(Rule.project_id == run.project_id, Rule.id == run.rule)
        .with_for_update(read=True, nowait=True)
        .execution_options(populate_existing=True)
    ).one()


def _why_obsolete(run: Run, rule: Rule) -> str | None:
    """Why a run is not to be asked about any more, as `expire_held` would have said had it been
    held already; None while its rule is what it was."""
    if rule.deleted_on is not None:
        return str(_("The rule was deleted."))
    if run.trigger is Trigger.SCHEDULE and rule.state is not RuleState.ACTIVE:
        return str(_("The rule was switched off."))
    if run.trigger is Trigger.SCHEDULE and rule.version != run.rule_version:
        return str(_("The rule was changed."))
    return None


def approve(session: Session, project_id: int, run_id: int, *, by: Actor, reason: str = "") -> Run:
    """Queue the held plan as it is; `wake_run` after the commit.

    Its cases are looked at again at their turn where something else changed them since, and none
    is added (R18). Raises `NotFound`, or `Refused` when the run does not wait for a decision.
    """
    run = _hold(session, project_id, run_id)
    _decide(run, by, reason)
    run.state, run.working_since = RunState.QUEUED, None
    job = queue.enqueue(session, project_id, Kind.RUN, {"run_id": run.id}, by=by)
    run.job_id = job.id
    _record(session, run, Tag.RUN_APPROVE, by, reason)
    return run


def reject(session: Session, project_id: int, run_id: int, *, by: Actor, reason: str = "") -> Run:
    """Let a held run end without a change. Raises `NotFound`, or `Refused` when it does not wait
    for a decision."""
    run = _hold(session, project_id, run_id)
    _decide(run, by, reason)
    _let_go(run, RunState.REJECTED)
    _record(session, run, Tag.RUN_REJECT, by, reason)
    return run


def expire_held(session: Session, project_id: int, rule: int, why: str, *, by: Actor) -> None:
    """Let the held runs of a rule (its key) end: what they planned is no longer what the rule would
    do. One query, and two statements for each."""
    for run in session.scalars(
        _locked().where(Run.project_id == project_id, Run.rule == rule, Run.state == RunState.HELD)
    ):
        _expire(session, run, why, by)


def held_of(session: Session, *rules: Rule) -> list[Run]:
    """The runs of some rules of a project, at least one, that wait for a decision. One query."""
    found = select(Run).where(
        Run.project_id == rules[0].project_id,
        Run.rule.in_([rule.id for rule in rules]),
        Run.state == RunState.HELD,
    )
    return list(session.scalars(found.order_by(Run.id)))


def ended(waiting: Iterable[Run]) -> list[int]:
    """The numbers of those of some runs that no longer wait; to be asked in the transaction that
    ended them, of runs that waited when it began."""
    return [run.id for run in waiting if run.state is RunState.EXPIRED]


def tidy_held(at: Micros) -> None:
    """Let the runs of all projects end that have waited for a week at an instant. One query when
    there is nothing to do; else a short transaction."""
    session = db.session()
    session.rollback()  # see what is, not what was when this process last looked
    old = (Run.state == RunState.HELD) & (Run.held_on < at - WAITS)
    if not session.scalar(select(exists().where(old))):
        return
    with write_transaction() as writing:
        for run in writing.scalars(_locked().where(old)):
            _expire(writing, run, str(_("Nobody decided within 7 days.")), BY)


def held_run(session: Session, project_id: int, run_id: int) -> Run:
    """A run that waits for a decision. Raises `NotFound`, or `Refused` where it does not wait. One
    query."""
    run = get_run(session, project_id, run_id)
    if run.state is not RunState.HELD:
        raise Refused(_("This run does not wait for a decision."))
    return run


def _hold(session: Session, project_id: int, run_id: int) -> Run:
    get_run(session, project_id, run_id)
    session.scalars(_locked().where(Run.project_id == project_id, Run.id == run_id)).one()
    return held_run(session, project_id, run_id)


def _locked() -> Select[Run]:
    return (
        select(Run)
        .with_for_update(key_share=True)
        .order_by(Run.id)
        .execution_options(populate_existing=True)
    )


def _decide(run: Run, by: Actor, reason: str) -> None:
    run.decided_on, run.decider_id, run.decider = now(), by.user_id, by.name
    run.decision, run.problem = reason.strip() or None, None


def _expire(session: Session, run: Run, why: str, by: Actor) -> None:
    _let_go(run, RunState.EXPIRED)
    run.problem = why
    _record(session, run, Tag.RUN_EXPIRE, by, why)


def _let_go(run: Run, state: RunState) -> None:
    run.state, run.finished_on, run.obsolete_plan = state, run.decided_on or now(), True


def _record(session: Session, run: Run, tag: Tag, by: Actor, reason: str) -> None:
    record(
        session,
        project_id=run.project_id,
        tag=tag,
        subject=f"run:{run.id}",
        by=by,
        reason=reason,
        after={"rule": run.rule_name, "matched": run.matched},
    )
