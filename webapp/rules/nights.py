"""Every night: the slots of projects as they come (SPEC R17, R18).

A night is a row that is written together with the runs of its due rules, under a lock of its
project, and a slot is noted with its rule: however many processes look at the clock, one of them
queues the runs, once. The jobs of a project work one at a time and in the order in which they were
queued, which is that of the list.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import DAY, Micros, iso
from webapp.database import lock_name, write_transaction
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.rules.held import expire_held
from webapp.rules.models import Night, Rule, RuleState, RuleVersion, Run, Trigger
from webapp.rules.runs import start_run
from webapp.rules.schedule import Every, Hour, Schedule, last_slot, next_slot

_log = logging.getLogger(__name__)

#: As whom scheduled runs are queued.
BY = Actor.system("schedule")


@dataclass(frozen=True, slots=True)
class Due:
    """A rule with the slot that it is to run for."""

    rule: Rule
    slot: Micros


def open_nights(at: Micros) -> list[Run]:
    """Queue the runs of all slots that have come by `at`, each project in a transaction of its own;
    wake them after. One query when nothing is due."""
    session = db.session()
    session.rollback()  # see what is, not what was when this process last looked
    runs: list[Run] = []
    for project_id in _projects_with_due_rules(session, at):
        try:
            with write_transaction() as writing:
                runs += open_night(writing, project_id, at)
        except Exception:  # noqa: BLE001  one project must not cost the others their night
            _log.exception("the night of project %d did not begin; it is tried again", project_id)
    return runs


def open_night(session: Session, project_id: int, at: Micros) -> list[Run]:
    """Queue the runs of the rules of a project that are due, in their order.

    Of several slots that a rule missed the latest is made up (R17), in the night of the project's
    latest slot. What the rule held for a decision until now expires (R22).
    """
    lock_name(session, "night", project_id)
    project = session.get_one(Project, project_id, populate_existing=True)
    due = _due(_armed(session, project_id), project, at)
    if not due:
        return []  # somebody else was first
    # Rules before runs, and by their keys, as whoever changes a rule locks them.
    session.execute(
        select(Rule.id)
        .where(Rule.project_id == project_id, Rule.id.in_([one.rule.id for one in due]))
        .order_by(Rule.id)
        .with_for_update(key_share=True)
    )
    night = _night(session, project, max(one.slot for one in due), at)
    runs = []
    for one in due:
        why = _("The rule was due again, on %(day)s.", day=night.day)
        expire_held(session, project_id, one.rule.id, why, by=BY)
        run = start_run(session, project_id, one.rule, trigger=Trigger.SCHEDULE, by=BY)
        run.night_id, run.slot = night.id, one.slot
        one.rule.last_slot = one.slot
        runs.append(run)
    record(
        session,
        project_id=project_id,
        tag=Tag.NIGHT_BEGIN,
        subject=f"night:{night.day}",
        by=BY,
        after={"slot": iso(night.slot), "rules": [one.rule.rule_id for one in due]},
    )
    return runs


def next_runs(session: Session, project: Project, at: Micros) -> dict[int, Micros]:
    """When the rules of a project run next by themselves, by their keys; those that do not are not
    in it. One query."""
    found = {}
    for rule, schedule in _armed(session, project.id):
        slot = next_slot(schedule, hour_of(project), at)
        if slot is not None:
            found[rule.id] = slot
    return found


def overdue(session: Session, project: Project, at: Micros) -> list[Due]:
    """The rules of a project that should have run by an instant and were not even queued. One
    query."""
    return list(_due(_armed(session, project.id), project, at))


def _night(session: Session, project: Project, slot: Micros, at: Micros) -> Night:
    """The night of a slot, made where it is new."""
    found = select(Night).where(Night.project_id == project.id, Night.slot == slot)
    night = session.scalar(found)
    if night is None:
        day = hour_of(project).day_of_slot(slot).isoformat()
        night = Night(project_id=project.id, day=day, slot=slot, begun_on=at)
        session.add(night)
        session.flush()  # its runs need its key
    return night


def hour_of(project: Project) -> Hour:
    """When the rules of a project run."""
    return Hour(project.hour, project.timezone)


def schedule_of(version: RuleVersion) -> Schedule:
    """The schedule that a version of a rule says."""
    said = version.definition.get("schedule", {})
    return Schedule(
        Every(said.get("every", Every.DAY)), tuple(said.get("on", ())), said.get("day", 1)
    )


def _armed(session: Session, project_id: int) -> list[tuple[Rule, Schedule]]:
    """The rules of a project that run by themselves, in their order."""
    rows = session.execute(
        select(Rule, RuleVersion)
        .join(RuleVersion, _IN_FORCE)
        .where(Rule.project_id == project_id, *_RUNS_BY_ITSELF)
        .order_by(Rule.position, Rule.id)
        .execution_options(populate_existing=True)
    )
    return [(rule, schedule_of(version)) for rule, version in rows]


_IN_FORCE = (
    (RuleVersion.project_id == Rule.project_id)
    & (RuleVersion.rule == Rule.id)
    & (RuleVersion.number == Rule.version)
)
_RUNS_BY_ITSELF = (
    Rule.deleted_on.is_(None),
    Rule.state.in_((RuleState.ACTIVE, RuleState.WATCHING)),
    Rule.armed_on.is_not(None),
)


def _due(armed: Iterable[tuple[Rule, Schedule]], project: Project, at: Micros) -> Sequence[Due]:
    """Those of the rules whose latest slot by an instant was not queued: a slot before the rule
    was armed, or before the project's clock was set, is none of theirs (R17)."""
    found = []
    for rule, schedule in armed:
        slot = last_slot(schedule, hour_of(project), at)
        marks = (rule.armed_on, rule.last_slot, project.clock_set_on)
        # One from a day to come was made while the clock was wrong: it stops no rule for years.
        since = max((mark for mark in marks if mark is not None and mark < at + DAY), default=0)
        if slot is not None and slot > since:
            found.append(Due(rule, slot))
    return found


def _projects_with_due_rules(session: Session, at: Micros) -> list[int]:
    """The projects with a rule that is due: read only, for a tick comes every 30 seconds and mostly
    finds nothing."""
    rows = session.execute(
        select(Project, Rule, RuleVersion)
        .join(Rule, Rule.project_id == Project.id)
        .join(RuleVersion, _IN_FORCE)
        .where(*_RUNS_BY_ITSELF)
    )
    return sorted(
        {project.id for project, rule, version in rows if _is_due(project, rule, version, at)}
    )


def _is_due(project: Project, rule: Rule, version: RuleVersion, at: Micros) -> bool:
    try:
        return bool(_due([(rule, schedule_of(version))], project, at))
    except Exception:  # noqa: BLE001  one project must not cost the others their night
        _log.exception("rule %s of project %d cannot be scheduled", rule.rule_id, project.id)
        return False
