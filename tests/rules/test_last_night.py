"""What the nights did, and what waits for a person, as home reads it (SPEC U1)."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import open_case
from tests.rules.nights import (
    NIGHT,
    NOON,
    at,
    careful_project,
    held_run,
    night_at,
    project_at,
    rule_at,
    tick_at,
    work_at,
)
from tests.rules.running import changes
from webapp.clock import DAY, HOUR, MINUTE, pretend
from webapp.database import write_transaction
from webapp.jobs.models import Job, JobState
from webapp.projects.models import Project
from webapp.rules.attention import GRACE, attention
from webapp.rules.held import approve, reject
from webapp.rules.last_night import DayOfNights, last_night, nights_since
from webapp.rules.models import RuleState, Run, RunState
from webapp.rules.operations import set_state
from webapp.rules.runs import stop


@pytest.fixture
def careful(session: Session) -> Project:
    return careful_project(session)


def test_before_the_first_night(session: Session):
    project = project_at(NOON)
    rule_at(NOON, project)
    assert last_night(session, project.id) is None
    assert nights_since(session, project.id, 0) == []
    assert attention(session, project, NIGHT - HOUR).count == 0


def test_what_came_of_each_rule(session: Session, careful: Project):
    rule_at(NOON, careful)
    rule_at(NOON, careful, name="looks", state=RuleState.WATCHING)
    rule_at(NOON, careful, name="nothing", case_type="other")
    night_at(NIGHT, session, careful)
    last = last_night(session, careful.id)
    assert last is not None
    assert [(one.rule.name, one.run.state.value) for one in last.runs] == [
        ("Tidy", "held"),
        ("looks", "finished"),
        ("nothing", "finished"),
    ]
    assert (last.finished, last.working, last.changed, last.faulty) == (2, 0, 0, 0)
    assert [run.rule_name for run in last.held] == ["Tidy"]
    assert [one.rule.name for one in last.most_important(2)] == ["Tidy", "looks"]
    assert last.recent(NIGHT + DAY) and not last.recent(NIGHT + 2 * DAY)
    assert not last.made_up and last.ended_on is not None
    # An approved run goes on in the night that it is of.
    with pretend(NIGHT + HOUR), write_transaction() as writing:
        approve(writing, careful.id, last.held[0].id, by=actor())
    last = last_night(session, careful.id)
    assert last is not None and (last.working, last.ended_on) == (1, None)
    work_at(NIGHT + HOUR, session, careful)
    last = last_night(session, careful.id)
    assert last is not None
    assert (last.changed, last.closed, last.finished) == (6, 6, 3)
    assert last.ended_on is not None and last.ended_on < NIGHT + HOUR, "it waited for a person"


def test_the_nights_day_by_day(session: Session):
    project = project_at(NOON)
    with pretend(NOON):
        for number in range(5):
            open_case(session, project.id, f"c{number}", status="stale" if number < 2 else "")
    rule_at(NOON, project)
    rule_at(NOON, project, name="weekly", schedule={"every": "week", "on": ["fri"]})
    night_at(NIGHT, session, project)
    with pretend(NIGHT + HOUR):
        changes(session, project, "c3", status="stale")
    night_at(NIGHT + 2 * DAY + HOUR, session, project)  # one was missed; the other made up
    assert nights_since(session, project.id, NIGHT - DAY) == [
        DayOfNights("2026-03-11", 1, 1, 2, made_up=False),
        DayOfNights("2026-03-13", 2, 2, 1, made_up=True),
    ]
    assert [one.day for one in nights_since(session, project.id, NIGHT)] == ["2026-03-13"]
    last = last_night(session, project.id)
    assert last is not None and last.made_up


def test_a_night_in_greenland_is_of_the_day_that_it_is_for(session: Session):
    """On 28 March 2026 the clocks there go from 23:00 to midnight."""
    before = at("2026-03-27T12:00:00")
    project = project_at(before, timezone="America/Nuuk", hour=23)
    rule_at(before, project)
    for night in range(3):
        night_at(at("2026-03-28T01:00:10") + night * DAY, session, project)
    days = [one.day for one in nights_since(session, project.id, 0)]
    assert days == ["2026-03-27", "2026-03-28", "2026-03-29"]


class TestAttention:
    def test_a_clock_that_was_wrong_while_a_form_came(self, session: Session):
        project = project_at(NOON)
        with pretend(NOON + 3650 * DAY):
            open_case(session, project.id, "from the future")
        with pretend(NOON):
            open_case(session, project.id, "c0", status="stale")
        found = attention(session, project, NOON)
        assert found.count == 1
        assert found.ahead is not None and found.ahead > NOON + 3650 * DAY
        assert attention(session, project, NOON + 3651 * DAY).ahead is None
        # Rules go by the right time all the same.
        rule_at(NOON, project)
        (run,) = night_at(NIGHT, session, project)
        assert (run.today, run.changed) == ("2026-03-11", 1)
        assert NIGHT <= run.matched_at < NIGHT + MINUTE

    def test_what_is_held_until_it_is_decided(self, session: Session, careful: Project):
        run = held_run(session, careful)
        found = attention(session, careful, NIGHT + HOUR)
        assert ([one.id for one in found.held], found.broken, found.count) == ([run.id], [], 1)
        with write_transaction() as writing:
            reject(writing, careful.id, run.id, by=actor())
        assert attention(session, careful, NIGHT + HOUR).count == 0

    def test_errors_of_the_last_attempt_of_a_rule_that_is_on(self, session: Session):
        project = project_at(NOON)
        with pretend(NOON):
            open_case(session, project.id, "c0", long="x" * 300)
        copy = [{"kind": "copy", "property": "external_id", "from": "long"}]
        rule = rule_at(NOON, project, match="every_case", criteria=[], actions=copy)
        (run,) = night_at(NIGHT, session, project)
        assert [one.id for one in attention(session, project, NIGHT + HOUR).broken] == [run.id]
        with pretend(NIGHT + HOUR):
            changes(session, project, "c0", long="short")
        night_at(NIGHT + DAY, session, project)
        assert attention(session, project, NIGHT + DAY + HOUR).broken == []
        with pretend(NIGHT + DAY + HOUR):
            changes(session, project, "c0", long="y" * 300)
        night_at(NIGHT + 2 * DAY, session, project)
        assert len(attention(session, project, NIGHT + 2 * DAY + HOUR).broken) == 1
        with write_transaction() as writing:
            set_state(writing, project.id, rule.rule_id, RuleState.INACTIVE, by=actor())
        assert attention(session, project, NIGHT + 2 * DAY + HOUR).broken == []

    def test_one_that_the_limit_stopped_but_none_that_a_person_did(self, session: Session):
        project = project_at(NOON, daily_limit=1)
        with pretend(NOON):
            for number in range(3):
                open_case(session, project.id, f"c{number}", status="stale")
        rule_at(NOON, project)
        (run,) = night_at(NIGHT, session, project)
        assert run.state is RunState.STOPPED
        assert [one.id for one in attention(session, project, NIGHT + HOUR).broken] == [run.id]
        (queued,) = tick_at(NIGHT + DAY, project)
        with pretend(NIGHT + DAY), write_transaction() as writing:
            stop(writing, project.id, queued, by=actor())
        assert attention(session, project, NIGHT + DAY + MINUTE).broken == []

    def test_a_rule_that_should_have_run_and_did_not(self, session: Session):
        project = project_at(NOON)
        rule = rule_at(NOON, project)
        slot = NIGHT // DAY * DAY
        assert attention(session, project, slot + GRACE - MINUTE).overdue == []
        (due,) = attention(session, project, slot + GRACE + MINUTE).overdue
        assert (due.rule.id, due.slot) == (rule.id, slot)
        tick_at(slot + GRACE + MINUTE, project)
        assert attention(session, project, slot + GRACE + MINUTE).overdue == []

    def test_runs_that_wait_while_nobody_works(self, session: Session):
        project = project_at(NOON)
        rule_at(NOON, project)
        (queued,) = tick_at(NIGHT, project)
        assert attention(session, project, NIGHT + GRACE - MINUTE).waiting_since is None
        since = attention(session, project, NIGHT + GRACE + MINUTE).waiting_since
        assert since is not None and since // MINUTE == NIGHT // MINUTE
        # Somebody works in the project: then it is only its turn that it waits for.
        job_id = session.get_one(Run, queued).job_id
        with write_transaction() as writing:
            writing.execute(
                update(Job)
                .where(Job.id == job_id)
                .values(state=JobState.RUNNING, heartbeat_on=NIGHT + GRACE)
            )
        assert attention(session, project, NIGHT + GRACE + MINUTE).waiting_since is None
        assert attention(session, project, NIGHT + HOUR).waiting_since is not None
        with write_transaction() as writing:
            writing.execute(update(Job).where(Job.id == job_id).values(state=JobState.STOPPED))
