"""Nights in the test's own process: the clock is moved, never waited for."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import actor
from tests.forms import open_case
from webapp.clock import Micros, from_datetime, pretend
from webapp.database import write_transaction
from webapp.jobs import tasks
from webapp.jobs.models import Job, JobState
from webapp.projects.models import Project
from webapp.rules.models import Rule, RuleState, Run, RunState
from webapp.rules.nights import open_night
from webapp.rules.operations import create_rule
from webapp.rules.portable import rule_from_json


def at(text: str) -> Micros:
    """An instant, in UTC."""
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


NOON = at("2026-03-10T12:00:00")
#: Just after the first slot of a rule that was saved at noon.
NIGHT = at("2026-03-11T00:00:10")


def project_at(moment: Micros, **settings: object) -> Project:
    """A project that is made at an instant."""
    with pretend(moment):
        return factories.project(**settings)


def rule_at(
    moment: Micros, project: Project, *, state: RuleState = RuleState.ACTIVE, **changes: object
) -> Rule:
    """A rule that somebody saves, and switches on, at an instant."""
    said = {
        "name": "Tidy",
        "case_type": "patient",
        "criteria": [
            {"kind": "property", "property": "status", "operator": "equals", "value": "stale"}
        ],
        "actions": [{"kind": "close"}],
    }
    with pretend(moment), write_transaction() as session:
        data = rule_from_json(said | changes)
        return create_rule(session, project.id, data, by=actor(), state=state)


def tick_at(moment: Micros, project: Project) -> list[int]:
    """What a tick does at an instant, for one project: the runs that it queued."""
    with pretend(moment), write_transaction() as session:
        return [run.id for run in open_night(session, project.id, moment)]


def work_at(moment: Micros, session: Session, project: Project) -> None:
    """Work on all that waits, in its turn, at an instant."""
    with pretend(moment):
        while True:
            session.rollback()
            job = session.scalar(
                select(Job)
                .where(Job.project_id == project.id, Job.state == JobState.QUEUED)
                .order_by(Job.id)
                .limit(1)
            )
            if job is None:
                return
            tasks.work(job.id)


def night_at(moment: Micros, session: Session, project: Project) -> list[Run]:
    """A tick at an instant, and the work that follows; the runs, in their order."""
    queued = tick_at(moment, project)
    work_at(moment, session, project)
    session.rollback()
    return list(session.scalars(select(Run).where(Run.id.in_(queued)).order_by(Run.id)))


def runs_of(session: Session, project: Project) -> list[Run]:
    """All runs of a project, in the order in which they were queued."""
    session.rollback()
    return list(session.scalars(select(Run).where(Run.project_id == project.id).order_by(Run.id)))


def careful_project(session: Session) -> Project:
    """A project whose brake holds from four cases and more than half on; ten cases, six of which
    are stale."""
    project = project_at(NOON, brake_cases=3, brake_percent=50)
    with pretend(NOON):
        for number in range(10):
            status = "stale" if number < 6 else "fresh"
            open_case(session, project.id, f"c{number}", status=status)
    return project


def held_run(session: Session, project: Project, **changes: object) -> Run:
    """The run of a new rule, which its brake held in the night."""
    rule_at(NOON, project, **changes)
    run = night_at(NIGHT, session, project)[-1]
    assert run.state is RunState.HELD
    return run
