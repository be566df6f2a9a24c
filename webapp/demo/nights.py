"""The last weeks of nights: the rules run as they would have run, each at its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.clock import SECOND, now
from webapp.database import write_transaction
from webapp.demo import hours, rules
from webapp.demo.events import Scene
from webapp.demo.office import actor
from webapp.demo.programme import Programme
from webapp.demo.rules import Json
from webapp.demo.staff import DATA_OFFICER, MANAGER
from webapp.extensions import db
from webapp.jobs.models import Job, JobState
from webapp.jobs.tasks import work
from webapp.projects.models import Project
from webapp.rules.held import approve, reject
from webapp.rules.models import Rule, RuleState, Run, RunState, Trigger
from webapp.rules.moment import moment_at
from webapp.rules.nights import open_night
from webapp.rules.operations import create_rule, edit_rule
from webapp.rules.portable import rule_from_json
from webapp.rules.preview import preview
from webapp.rules.runs import start_run
from webapp.rules.undo import start_undo

#: The hour at which the rules of the project run.
HOUR = 1
GRACE, JAMES = actor(DATA_OFFICER), actor(MANAGER)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody does so many days before the last one, at a minute of the day."""

    days: int
    minute: int
    play: Callable[[int], object]


#: From the first rule on, in order.
STORY = (
    Told(25, 14 * 60 + 22, lambda project: _switch_on(project, rules.CLOSE_AFTER_BIRTH)),
    # Its first night found the births of two years.
    Told(24, 8 * 60 + 41, lambda project: _approve(project, rules.CLOSE_AFTER_BIRTH)),
    Told(23, 11 * 60 + 5, lambda project: _switch_on(project, rules.CLOSE_REFERRALS)),
    Told(23, 11 * 60 + 9, lambda project: _run_by_hand(project, rules.CLOSE_REFERRALS)),
    Told(21, 15 * 60 + 40, lambda project: _switch_on(project, rules.OVERDUE_TOO_EARLY)),
    Told(20, 9 * 60 + 2, lambda project: _reject(project, rules.OVERDUE_TOO_EARLY)),
    Told(20, 9 * 60 + 15, lambda project: _edit(project, rules.OVERDUE)),
    Told(19, 10 * 60 + 33, lambda project: _switch_on(project, rules.CARD_NUMBER)),
    Told(18, 16 * 60 + 12, lambda project: _switch_on(project, rules.HIGH_RISK_TOO_MANY)),
    Told(17, 10 * 60 + 37, lambda project: _undo(project, rules.HIGH_RISK_TOO_MANY)),
    Told(17, 10 * 60 + 44, lambda project: _edit(project, rules.HIGH_RISK)),
    Told(15, 9 * 60 + 50, lambda project: _switch_on(project, rules.VISIT_DUE)),
    Told(13, 13 * 60 + 27, lambda project: _switch_on(project, rules.MOVED_AWAY)),
    Told(7, 11 * 60 + 48, lambda project: _watch(project, rules.TO_SUPERVISOR)),
    # Tonight it will ask before it closes nearly every household.
    Told(1, 16 * 60 + 18, lambda project: _edit(project, rules.MOVED_AWAY_FLIPPED)),
)


def nights(programme: Programme) -> Iterator[Scene]:
    """All of it, in no order; some after the programme's last instant."""
    for told in STORY:
        day = programme.last - timedelta(days=told.days)
        yield Scene(hours.instant(day, told.minute), told.play)
    for days in range(STORY[0].days):
        day = programme.last - timedelta(days=days)
        yield Scene(hours.instant(day, HOUR * 60) + 11 * SECOND, _night)


def finish_jobs(project_id: int) -> None:
    """Let the jobs of the project that wait be done, in their order."""
    while True:
        session = db.session()
        session.rollback()
        waiting = session.scalars(
            select(Job.id)
            .where(
                Job.project_id == project_id,
                Job.state.in_((JobState.QUEUED, JobState.RUNNING)),
            )
            .order_by(Job.id)
            .limit(1)
        ).first()
        if waiting is None:
            return
        work(waiting)


def _night(project_id: int) -> None:
    with write_transaction() as session:
        open_night(session, project_id, now())
    finish_jobs(project_id)


def _switch_on(project_id: int, rule: Json) -> None:
    _create(project_id, rule, RuleState.ACTIVE)


def _watch(project_id: int, rule: Json) -> None:
    _create(project_id, rule, RuleState.WATCHING)


def _create(project_id: int, rule: Json, state: RuleState) -> None:
    with write_transaction() as session:
        if _found(session, project_id, rule) is None:
            create_rule(session, project_id, rule_from_json(rule), by=GRACE, state=state)


def _edit(project_id: int, rule: Json) -> None:
    with write_transaction() as session:
        found = _rule(session, project_id, rule)
        edit_rule(session, project_id, found.rule_id, rule_from_json(rule), by=GRACE)


def _approve(project_id: int, rule: Json) -> None:
    with write_transaction() as session:
        run = _last_run(session, project_id, rule)
        if run is not None and run.state is RunState.HELD:
            reason = "Looked at twenty of them with the promoters: all are over"
            approve(session, project_id, run.id, by=JAMES, reason=reason)
    finish_jobs(project_id)


def _reject(project_id: int, rule: Json) -> None:
    with write_transaction() as session:
        run = _last_run(session, project_id, rule)
        if run is not None and run.state is RunState.HELD:
            reason = "Too early: births are reported in the second and third week"
            reject(session, project_id, run.id, by=JAMES, reason=reason)


def _run_by_hand(project_id: int, rule: Json) -> None:
    session = db.session()
    timezone = session.get_one(Project, project_id).timezone
    data = rule_from_json(rule)
    moment = moment_at(now(), timezone)
    changes = preview(session, project_id, data.definition, moment, limit_s=None).would_change
    with write_transaction() as writing:
        if _last_run(writing, project_id, rule) is None:
            start_run(
                writing,
                project_id,
                _rule(writing, project_id, rule),
                trigger=Trigger.PERSON,
                by=GRACE,
                confirmed=changes,
                reason="Agreed in the review meeting",
            )
    finish_jobs(project_id)


def _undo(project_id: int, rule: Json) -> None:
    with write_transaction() as session:
        run = _last_run(session, project_id, rule)
        if run is not None and run.undo_id is None and run.submissions:
            reason = "The nurses say that 125 is no high blood pressure"
            start_undo(session, project_id, run.id, by=GRACE, reason=reason)
    finish_jobs(project_id)


def _rule(session: Session, project_id: int, rule: Json) -> Rule:
    found = _found(session, project_id, rule)
    if found is None:
        raise LookupError(rule["name"])
    return found


def _found(session: Session, project_id: int, rule: Json) -> Rule | None:
    return session.scalar(
        select(Rule).where(Rule.project_id == project_id, Rule.name == rule["name"])
    )


def _last_run(session: Session, project_id: int, rule: Json) -> Run | None:
    found = _rule(session, project_id, rule)
    return session.scalar(
        select(Run)
        .where(Run.project_id == project_id, Run.rule == found.id)
        .order_by(Run.id.desc())
        .limit(1)
    )
