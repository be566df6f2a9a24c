"""What waits for a person, or went wrong and stayed so: for home and the rule list (SPEC U1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.clock import AHEAD, MINUTE, Micros, last_tick
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job, JobState
from webapp.projects.models import Project
from webapp.rules.models import Rule, RuleState, Run, RunState
from webapp.rules.nights import Due, overdue
from webapp.rules.queries import last_runs

#: The tick comes every 30 seconds; a slot that is older and was not queued is not just late. The
#: same for a run that waits while nobody works.
GRACE: Micros = 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Attention:
    """Held runs, oldest first; the last attempts of rules that run by themselves, where they
    failed, were stopped early or had errors; rules that were due and not even queued; since when
    runs have waited without anybody at work, if so; and the time of the last change, where that is
    still to come, because the clock was wrong."""

    held: Sequence[Run]
    broken: Sequence[Run]
    overdue: Sequence[Due]
    waiting_since: Micros | None
    ahead: Micros | None

    @property
    def count(self) -> int:
        """How many things need a person."""
        missed = bool(self.overdue) + (self.waiting_since is not None) + (self.ahead is not None)
        return len(self.held) + len(self.broken) + missed


def attention(session: Session, project: Project, at: Micros) -> Attention:
    """Look. Six queries."""
    held = session.scalars(
        select(Run)
        .where(Run.project_id == project.id, Run.state == RunState.HELD)
        .order_by(Run.held_on, Run.id)
    ).all()
    rules = session.scalars(
        select(Rule.id)
        .where(
            Rule.project_id == project.id,
            Rule.deleted_on.is_(None),
            Rule.state.in_((RuleState.ACTIVE, RuleState.WATCHING)),
        )
        .order_by(Rule.position, Rule.id)
    ).all()
    tried = last_runs(session, project.id, rules)
    return Attention(
        held,
        [tried[key] for key in rules if key in tried and is_broken(tried[key])],
        overdue(session, project, at - GRACE),
        _waiting_since(session, project.id, at),
        _ahead(session, project.id, at),
    )


def is_broken(run: Run) -> bool:
    """Whether a run did not do all that it was to do, by itself."""
    return (
        run.state is RunState.FAILED
        or (run.state is RunState.STOPPED and run.problem is not None)
        or (run.state is RunState.FINISHED and run.errors > 0)
    )


def _waiting_since(session: Session, project_id: int, at: Micros) -> Micros | None:
    """Since when the oldest run has waited for a worker while none is at work in the project."""
    jobs = session.scalars(
        select(Job)
        .where(Job.project_id == project_id, Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        .order_by(Job.id)
    ).all()
    if any(job.state is JobState.RUNNING and (job.heartbeat_on or 0) > at - GRACE for job in jobs):
        return None
    runs = [job.queued_on for job in jobs if job.kind == Kind.RUN]
    first = min(runs, default=at)
    return first if first < at - GRACE else None


def _ahead(session: Session, project_id: int, at: Micros) -> Micros | None:
    """The last tick, where the clock must have been wrong when it was given out."""
    tick = last_tick(session, project_id)
    return tick if tick > at + AHEAD else None
