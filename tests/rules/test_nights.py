"""Which rules run when: slots, catching up, changes of the clock (SPEC R17, R18)."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import actor
from tests.forms import case_block, form, open_case, send
from tests.rules.nights import at, night_at, project_at, rule_at, runs_of, tick_at, work_at
from tests.rules.running import case
from webapp.audit.record import events_about
from webapp.clock import DAY, HOUR, MINUTE, SECOND, Micros, now, pretend
from webapp.database import write_transaction
from webapp.jobs.tick import tick
from webapp.projects.models import Project
from webapp.projects.operations import get_project, set_project
from webapp.rules.models import Night, RuleState, RunState, Trigger
from webapp.rules.nights import next_runs, open_night, open_nights, overdue
from webapp.rules.operations import (
    delete_rule,
    edit_rule,
    move_rule,
    set_state,
    undelete_rule,
)
from webapp.rules.portable import RuleData, rule_from_json
from webapp.rules.queries import data_of, version_of
from webapp.rules.schedule import Hour

NOON = at("2026-03-10T12:00:00")


def changed(data: RuleData, **changes: object) -> RuleData:
    return rule_from_json(data.document() | changes)


def settings(project: Project, moment: Micros, **changes: object) -> None:
    with pretend(moment), write_transaction() as session:
        set_project(session, get_project(session, project.name), changes, by=actor())


def test_thirty_nights_with_daylight_saving(session: Session):
    """Each slot once, in the order of the list, at two in the morning as Berlin has it: in March
    that hour does not exist, in autumn it comes twice."""
    start = at("2026-03-20T12:00:00")
    project = project_at(start, timezone="Europe/Berlin", hour=2)
    open_case(session, project.id, "a", status="fresh")
    first, second = (rule_at(start, project, name=name) for name in ("First", "Second"))
    hour = Hour(2, "Europe/Berlin")
    assert hour.slot(date(2026, 3, 29)) == at("2026-03-29T01:00:00")
    assert hour.slot(date(2026, 10, 25)) == at("2026-10-25T00:00:00")
    days = [date(2026, 3, 21) + timedelta(days=n) for n in range(15)]
    days += [date(2026, 10, 18) + timedelta(days=n) for n in range(15)]
    for day in days:
        slot = hour.slot(day)
        if day != days[15]:  # the first after a summer that nobody was there for
            assert tick_at(slot - 1, project) == []
        assert len(tick_at(slot + 15 * SECOND, project)) == 2
        assert tick_at(slot + 45 * SECOND, project) == tick_at(slot + 12 * HOUR, project) == []
        work_at(slot + MINUTE, session, project)
    runs = runs_of(session, project)
    assert [run.slot for run in runs] == [hour.slot(day) for day in days for _twice in range(2)]
    assert [run.rule for run in runs] == [first.id, second.id] * 30
    assert {run.state for run in runs} == {RunState.FINISHED}
    assert all(0 < run.started_on - run.slot < 2 * MINUTE for run in runs)
    began = [run.started_on for run in runs]
    assert began == sorted(began)
    assert {(run.trigger, run.actor) for run in runs} == {(Trigger.SCHEDULE, "system")}


def test_of_a_missed_week_the_latest_slot_is_made_up_once(session: Session):
    project = project_at(NOON, hour=1)
    monday = {"schedule": {"every": "week", "on": ["mon"]}}
    daily = rule_at(NOON, project, name="daily")  # a Tuesday
    weekly = rule_at(NOON, project, name="weekly", **monday)
    by_hand = rule_at(NOON, project, name="by hand", schedule={"every": "hand"})
    back = at("2026-03-18T09:30:00")
    assert [one.rule.id for one in overdue(session, project, back)] == [daily.id, weekly.id]
    runs = night_at(back, session, project)
    assert [(run.rule, run.slot) for run in runs] == [
        (daily.id, at("2026-03-18T01:00:00")),
        (weekly.id, at("2026-03-16T01:00:00")),
    ]
    # `now` and today are those of the real start, and they say that they were made up.
    assert {run.today for run in runs} == {"2026-03-18"}
    assert all(run.made_up for run in runs)
    night = session.get_one(Night, runs[0].night_id)
    assert (night.slot, night.day, night.begun_on) == (
        at("2026-03-18T01:00:00"), "2026-03-18", back,
    )  # fmt: skip
    assert night_at(back + MINUTE, session, project) == []
    following = night_at(at("2026-03-19T01:00:10"), session, project)
    assert [(run.rule, run.made_up) for run in following] == [(daily.id, False)]
    assert by_hand.id not in {run.rule for run in runs_of(session, project)}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # A new hour that is still to come today is the next slot.
        ({"hour": 3}, {"hour": 22}, "2026-03-10T22:00:00"),
        # One that has gone by today is not made up.
        ({"hour": 22}, {"hour": 3}, "2026-03-11T03:00:00"),
        ({"hour": 0}, {"timezone": "Africa/Nairobi"}, "2026-03-10T21:00:00"),
        ({"hour": 0}, {"timezone": "America/New_York"}, "2026-03-11T04:00:00"),
    ],
)
def test_another_hour_or_zone_counts_from_the_next_slot(
    session: Session, before: dict[str, object], after: dict[str, object], expected: str
):
    project = project_at(NOON - 3 * DAY, **before)
    rule = rule_at(NOON - 3 * DAY, project)
    for hours in range(0, 72, 3):
        night_at(NOON - (72 - hours) * HOUR, session, project)
    ran = len(runs_of(session, project))
    assert ran == 3
    settings(project, NOON, **after)
    session.refresh(project)
    assert next_runs(session, project, NOON) == {rule.id: at(expected)}
    for hours in range(24):
        night_at(NOON + hours * HOUR, session, project)
    (new,) = runs_of(session, project)[ran:]
    assert new.slot == at(expected)


def test_a_rule_runs_only_for_slots_after_it_was_switched_on(session: Session):
    project = factories.project()
    rule = rule_at(at("2026-03-10T10:00:00"), project)
    assert night_at(at("2026-03-10T10:00:30"), session, project) == []
    assert night_at(at("2026-03-10T23:59:59"), session, project) == []
    assert len(night_at(at("2026-03-11T00:00:00"), session, project)) == 1
    # Off, and on again: what it would have had in between is not made up.
    with pretend(at("2026-03-11T08:00:00")), write_transaction() as writing:
        set_state(writing, project.id, rule.rule_id, RuleState.INACTIVE, by=actor())
    assert night_at(at("2026-03-12T00:00:30"), session, project) == []
    with pretend(at("2026-03-12T08:00:00")), write_transaction() as writing:
        set_state(writing, project.id, rule.rule_id, RuleState.ACTIVE, by=actor())
    assert night_at(at("2026-03-12T08:00:30"), session, project) == []
    # Deleted and brought back, it is off.
    with pretend(at("2026-03-12T09:00:00")), write_transaction() as writing:
        delete_rule(writing, project.id, rule.rule_id, by=actor())
        undelete_rule(writing, project.id, rule.rule_id, by=actor())
    assert night_at(at("2026-03-14T08:00:30"), session, project) == []
    with pretend(at("2026-03-14T09:00:00")), write_transaction() as writing:
        set_state(writing, project.id, rule.rule_id, RuleState.WATCHING, by=actor())
    (watching,) = night_at(at("2026-03-15T00:00:30"), session, project)
    assert watching.watching


def test_another_schedule_counts_from_the_next_slot_and_other_edits_change_no_schedule(
    session: Session,
):
    project = factories.project()
    rule = rule_at(NOON, project, schedule={"every": "week", "on": ["wed"]})
    with pretend(at("2026-03-11T00:00:00") + 5 * SECOND), write_transaction() as writing:
        data = data_of(version_of(writing, rule, 1))
        renamed = edit_rule(
            writing,
            project.id,
            rule.rule_id,
            changed(data, name="Another"),
            by=actor(),
        )
        assert renamed.armed_on == rule.armed_on
    (run,) = night_at(at("2026-03-11T00:00:15"), session, project)
    assert (run.rule_name, run.rule_version) == ("Another", 2)
    with pretend(at("2026-03-12T12:00:00")), write_transaction() as writing:
        data = data_of(version_of(writing, rule, 2))
        daily = changed(data, schedule={"every": "day"})
        edit_rule(writing, project.id, rule.rule_id, daily, by=actor())
    assert night_at(at("2026-03-12T12:00:30"), session, project) == []
    assert len(night_at(at("2026-03-13T00:00:30"), session, project)) == 1


def test_due_rules_run_in_the_order_of_the_list(session: Session):
    project = factories.project()
    names = ["a", "b", "c", "d"]
    rules = [rule_at(NOON, project, name=name) for name in names]
    with write_transaction() as writing:
        move_rule(writing, project.id, rules[3].rule_id, "up", by=actor())
        move_rule(writing, project.id, rules[0].rule_id, "down", by=actor())
    runs = night_at(NOON + DAY, session, project)
    assert [run.rule_name for run in runs] == ["b", "a", "d", "c"]
    starts = [run.started_on for run in runs]
    assert starts == sorted(starts)


def test_a_rule_sees_what_those_before_it_did(session: Session):
    project = factories.project()
    for number in range(5):
        open_case(session, project.id, f"c{number}", status="stale")
    marks = [{"kind": "set", "property": "seen", "value": "yes"}]
    rule_at(NOON, project, name="marks", actions=marks)
    closes = rule_at(
        NOON,
        project,
        name="closes the marked",
        criteria=[{"kind": "property", "property": "seen", "operator": "equals", "value": "yes"}],
    )
    rule_at(NOON, project, name="finds nothing open")
    runs = night_at(NOON + DAY, session, project)
    assert [run.changed for run in runs] == [5, 5, 0]
    assert runs[2].open_cases == 0
    assert runs[1].rule == closes.id


def test_what_fails_on_some_cases_stops_neither_itself_nor_the_next(session: Session):
    project = factories.project()
    blocks = [
        case_block(
            f"c{number}",
            create={"case_type": "patient", "case_name": f"c{number}", "owner_id": "owner"},
            update={"status": "stale", "title": "x" * (300 if number % 150 == 7 else 3)},
        )
        for number in range(400)
    ]
    for first in range(0, 400, 100):
        send(session, project.id, form(*blocks[first : first + 100]))
    renames = [{"kind": "copy", "property": "name", "from": "title"}]
    rule_at(NOON, project, name="renames", actions=renames, brake=None)
    rule_at(NOON, project, name="closes", brake=None)
    renaming, closing = night_at(NOON + DAY, session, project)
    assert (renaming.state, renaming.changed, renaming.errors) == (RunState.FINISHED, 397, 3)
    assert (closing.state, closing.changed) == (RunState.FINISHED, 400)


def test_eight_schedulers_race(app: Flask, session: Session):
    project = factories.project()
    rules = [rule_at(NOON, project, name=f"rule {number}").id for number in range(3)]
    project_id, moment = project.id, at("2026-03-11T00:00:05")
    ready = threading.Barrier(8)
    queued: list[int] = []
    faults: list[BaseException] = []

    def schedule() -> None:
        with app.app_context(), pretend(moment):
            ready.wait()
            try:
                with write_transaction() as writing:
                    queued.extend(run.rule for run in open_night(writing, project_id, moment))
            except BaseException as fault:  # noqa: BLE001  it is looked at below
                faults.append(fault)

    threads = [threading.Thread(target=schedule) for _one in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert queued == rules
    assert len(runs_of(session, project)) == 3


def test_the_tick_opens_nights_of_all_projects(app: Flask, session: Session):
    mine, other = factories.project(), factories.project()
    for project in (mine, other):
        open_case(session, project.id, "a", status="stale")
        rule_at(now() - DAY, project)  # on since yesterday
    tick()
    for project in (mine, other):
        (run,) = runs_of(session, project)
        assert run.trigger is Trigger.SCHEDULE
        assert run.state in {RunState.QUEUED, RunState.FINISHED}
    tick()
    assert len(runs_of(session, mine)) == 1


def test_what_ails_one_project_costs_no_other_its_night(
    session: Session, caplog: pytest.LogCaptureFixture
):
    good, bad = project_at(NOON), project_at(NOON)
    for project in (good, bad):
        rule_at(now() - DAY, project)
    with write_transaction() as writing:
        writing.get_one(Project, bad.id).timezone = "Nowhere/Gone"
    open_nights(now())
    assert len(runs_of(session, good)) == 1
    assert "cannot be scheduled" in caplog.text
    with write_transaction() as writing:
        writing.get_one(Project, bad.id).timezone = "UTC"


def test_a_clock_that_was_wrong_once_stops_no_rule(session: Session):
    project = project_at(NOON)
    rule_at(NOON, project)
    night_at(at("2036-03-10T12:00:00"), session, project)
    assert len(night_at(NOON + DAY, session, project)) == 1
    assert night_at(NOON + DAY + HOUR, session, project) == []
    assert len(night_at(NOON + 2 * DAY, session, project)) == 1


def test_an_event_says_that_a_night_began(session: Session, project: Project):
    rule = rule_at(NOON, project)
    tick_at(NOON + DAY, project)
    (event,) = session.scalars(events_about(project.id, "night:2026-03-11"))
    assert event.after == {"slot": "2026-03-11T00:00:00.000000Z", "rules": [rule.rule_id]}


def test_a_case_closed_by_one_rule_is_out_for_the_later_ones(session: Session, project: Project):
    open_case(session, project.id, "a", status="stale")
    rule_at(NOON, project, name="one")
    rule_at(NOON, project, name="two")
    one, two = night_at(NOON + DAY, session, project)
    assert (one.changed, two.matched) == (1, 0)
    assert case(session, project, "a").closed
