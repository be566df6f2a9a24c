"""Runs of rules: start, look at, stop, resume (SPEC R19, R24)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, false, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.cases.models import Case
from webapp.clock import Micros, iso, now
from webapp.errors import NotFound, Refused
from webapp.jobs import queue
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job
from webapp.joins import row_of
from webapp.rules.models import Rule, RuleState, RuleVersion, Run, RunCase, RunState, Trigger


def start_run(
    session: Session,
    project_id: int,
    rule: Rule,
    *,
    trigger: Trigger,
    by: Actor,
    as_of: Micros | None = None,
    version: int | None = None,
    confirmed: int | None = None,
    reason: str = "",
) -> Run:
    """Queue a run of a rule, in whatever state but draft the rule is (R24); `wake_run` after the
    commit. That of a rule that only watches only looks (R28).

    `version` is the number of a version, the one in force unless given; `as_of` stands in for now
    in matching; `confirmed` is the number of changes over the brake that a person saw and wants
    (R22), with their `reason` for the log. Raises `Refused` for a draft or a deleted rule,
    `NotFound` for an unknown version. A few statements.
    """
    if rule.deleted_on is not None:
        raise Refused(_("This rule is deleted. Restore it to run it."))
    if rule.state is RuleState.DRAFT:
        raise Refused(_("A draft cannot be run. Switch the rule on, or save it switched off."))
    acting = _version(session, rule, rule.version if version is None else version)
    run = Run(
        project_id=project_id,
        rule=rule.id,
        version=acting.id,
        rule_name=acting.definition["name"],
        rule_version=acting.number,
        trigger=trigger,
        actor_id=by.user_id,
        actor=by.name,
        as_of=as_of,
        watching=rule.state is RuleState.WATCHING,
        confirmed=confirmed,
        queued_on=now(),
    )
    session.add(run)
    session.flush()  # the job carries its id
    job = queue.enqueue(session, project_id, Kind.RUN, {"run_id": run.id}, by=by)
    run.job_id = job.id
    after: dict[str, Any] = {
        "rule": run.rule_name,
        "version": run.rule_version,
        "trigger": trigger.value,
    }
    if as_of is not None:
        after["as_of"] = iso(as_of)
    if confirmed is not None:
        after["confirmed"] = confirmed
    _record(session, run, Tag.RUN_QUEUE, by, after, reason)
    return run


def run_again(
    session: Session,
    project_id: int,
    run_id: int,
    *,
    trigger: Trigger,
    by: Actor,
    confirmed: int | None = None,
    reason: str = "",
) -> Run:
    """Queue the same version with the same as-of (R24). Raises `NotFound`, or `Refused` for a
    draft or a deleted rule."""
    run = get_run(session, project_id, run_id)
    return start_run(
        session,
        project_id,
        rule_of(session, run),
        trigger=trigger,
        by=by,
        as_of=run.as_of,
        version=run.rule_version,
        confirmed=confirmed,
        reason=reason,
    )


def wake_run(session: Session, run: Run) -> bool:
    """After the commit: wake the worker for a run; whether that reached Redis. Never raises for
    Redis: the tick finds the run later."""
    return run.job_id is not None and queue.wake(queue.get_job(session, run.project_id, run.job_id))


def get_run(session: Session, project_id: int, run_id: int) -> Run:
    """A run by its number. Raises `NotFound`. One query."""
    # PostgreSQL refuses to compare its integers with a number that is none of them.
    known = Run.id == run_id if 0 < run_id < 2**31 else false()
    run = session.scalar(
        select(Run)
        .where(Run.project_id == project_id, known)
        .execution_options(populate_existing=True)
    )
    if run is None:
        raise NotFound(_("There is no run with this number in this project."))
    return run


def rule_of(session: Session, run: Run) -> Rule:
    """The rule that a run is of, also when it is deleted. One query."""
    return session.scalars(
        select(Rule).where(Rule.project_id == run.project_id, Rule.id == run.rule)
    ).one()


def runs_of(
    project_id: int, *, rule: int | None = None, state: RunState | None = None
) -> Select[Run]:
    """The runs of a project, maybe only those of one rule (its key) or in one state; in no order.
    Their ids rise with the time at which they were queued."""
    statement = select(Run).where(Run.project_id == project_id)
    if rule is not None:
        statement = statement.where(Run.rule == rule)
    if state is not None:
        statement = statement.where(Run.state == state)
    return statement


def list_runs(
    session: Session,
    project_id: int,
    *,
    rule: int | None = None,
    state: RunState | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Run]:
    """Runs, newest first, from in front of the number `before`. One query."""
    statement = runs_of(project_id, rule=rule, state=state)
    if before is not None:
        statement = statement.where(Run.id < before) if before < 2**31 else statement
    return session.scalars(statement.order_by(Run.id.desc()).limit(limit)).all()


def job_of(session: Session, run: Run) -> Job:
    """The job that works on a run. Raises `NotFound` when it has none. One query."""
    if run.job_id is None:
        raise NotFound(_("There is no run with this number in this project."))
    return queue.get_job(session, run.project_id, run.job_id)


def stop(session: Session, project_id: int, run_id: int, *, by: Actor) -> Run:
    """Stop a run: at once if it waits, within seconds while it is planned, else after the chunk
    that it is at. Asking again changes nothing. Raises `NotFound`, or `Refused` when it is over."""
    job = job_of(session, get_run(session, project_id, run_id))
    queue.hold_job(session, project_id, job.id)
    run = get_run(session, project_id, run_id)  # as it is now that its job is held
    if run.over:
        raise Refused(_("This run is over already, so there is nothing to stop."))
    if run.state is RunState.HELD:
        raise Refused(_("This run waits for a decision. Reject it instead."))
    if not job.stop_asked:
        _record(session, run, Tag.RUN_STOP, by, {"rule": run.rule_name})
    queue.ask_stop(session, project_id, job.id, by=by)
    return get_run(session, project_id, run_id)


def resume(session: Session, project_id: int, run_id: int, *, by: Actor) -> Run:
    """Let a run that was stopped or has failed go on where it ended; `wake_run` after the commit.
    Raises `NotFound`, or `Refused` when it is neither, is past (`going_on`), or is undone."""
    run = get_run(session, project_id, run_id)
    job = job_of(session, run)
    if not job.resumable or run.state not in {RunState.STOPPED, RunState.FAILED}:
        raise Refused(_("Only a run that was stopped or has failed can be resumed."))
    _record(session, run, Tag.RUN_RESUME, by, {"rule": run.rule_name})
    queue.resume(session, project_id, job.id, by=by)
    return run


@dataclass(frozen=True, slots=True)
class CaseOfRun:
    """A case of a run's plan: its place, its public id and name, and why it was left out, if it
    was: `failed` tells a fault from a case that no longer matched."""

    place: int
    case_id: str
    name: str
    failed: bool | None
    reason: str | None


def run_cases(
    session: Session, run: Run, *, failed: bool | None = None, after: int = -1, limit: int = 100
) -> list[CaseOfRun]:
    """Cases of a run's plan behind a place, in the order of the run: those at fault (`failed`),
    those that were skipped (False), or all that there are: while it runs the whole plan, afterwards
    what was left out. One query."""
    statement = (
        select(RunCase.place, Case.case_id, Case.name, RunCase.failed, RunCase.reason)
        .join(Case, row_of(Case, RunCase.case, RunCase.project_id))
        .where(
            RunCase.project_id == run.project_id,
            RunCase.run == run.id,
            RunCase.place > max(-1, min(after, 2**31 - 1)),
        )
        .order_by(RunCase.place)
        .limit(limit)
    )
    if failed is not None:
        statement = statement.where(RunCase.failed.is_(failed))
    return [CaseOfRun(*row) for row in session.execute(statement)]


def _version(session: Session, rule: Rule, number: int) -> RuleVersion:
    version = session.scalar(
        select(RuleVersion).where(
            RuleVersion.project_id == rule.project_id,
            RuleVersion.rule == rule.id,
            RuleVersion.number == number,
        )
    )
    if version is None:
        raise NotFound(_("This rule has no version with this number."))
    return version


def _record(  # noqa: PLR0917  # as the columns of the log
    session: Session, run: Run, tag: Tag, by: Actor, after: dict[str, Any], reason: str = ""
) -> None:
    record(
        session,
        project_id=run.project_id,
        tag=tag,
        subject=f"run:{run.id}",
        by=by,
        reason=reason,
        after=after,
    )
