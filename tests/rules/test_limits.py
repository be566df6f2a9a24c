"""Limits: forms a day, hours a run (SPEC R20)."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import case_block, form, open_case, send
from tests.rules.nights import at, night_at, project_at, rule_at, tick_at, work_at
from tests.rules.running import WAYS, before_each_piece, child, chunks_of, forms_of, the
from tests.rules.test_apply_parity import assert_clean
from webapp.clock import DAY, HOUR, MINUTE, pretend
from webapp.database import write_transaction
from webapp.jobs import tasks
from webapp.projects.models import Project
from webapp.projects.operations import get_project, set_project
from webapp.rules.limits import Use, count_use, use_today
from webapp.rules.models import Rule, RuleState, Run, RunState, Trigger
from webapp.rules.queries import list_rules
from webapp.rules.runs import resume, run_cases, start_run
from webapp.rules.undo import start_undo

NOON = at("2026-03-10T12:00:00")
NIGHT = at("2026-03-11T00:00:10")


def stale_cases(session: Session, project: Project, number: int) -> None:
    with pretend(NOON):
        for one in range(number):
            open_case(session, project.id, f"c{one:02}", status="stale")


def limited(session: Session, daily: int, *, cases: int = 25) -> Project:
    project = project_at(NOON, daily_limit=daily)
    stale_cases(session, project, cases)
    return project


def resumed(run: Run, moment: int, session: Session, project: Project) -> Run:
    with pretend(moment), write_transaction() as writing:
        resume(writing, project.id, run.id, by=actor())
    work_at(moment, session, project)
    session.rollback()
    return session.get_one(Run, run.id, populate_existing=True)


@pytest.mark.parametrize(
    ("use", "left", "cuts"),
    [
        (Use(0, 5), None, False),
        (Use(10, 4), 6, True),
        (Use(10, 3), 7, False),
        (Use(10, 12), 0, True),
    ],
)
def test_use(use: Use, left: int | None, cuts: bool):
    assert (use.left, use.cuts(7)) == (left, cuts)


def test_what_was_used_today_does_not_count_for_a_run_of_another_day():
    use = Use(10, 8, until=1000)
    assert use.at(999).left == 2
    assert use.at(1000).left == 10


@WAYS
def test_a_run_ends_at_the_limit_and_is_resumed_the_next_day(
    app: Flask, session: Session, way: str
):
    project = limited(session, 10)
    rule = rule_at(NOON, project)
    with the(way):
        (run,) = night_at(NIGHT, session, project)
        assert (run.state, run.changed, run.left) == (RunState.STOPPED, 10, 15)
        assert "limit of 10 automatic updates a day" in run.problem
        # The same day there is nothing to be had.
        run = resumed(run, NIGHT + 10 * HOUR, session, project)
        assert (run.state, run.changed, run.left) == (RunState.STOPPED, 10, 15)
        run = resumed(run, NIGHT + DAY, session, project)
        assert (run.state, run.changed, run.left) == (RunState.STOPPED, 20, 5)
        # Last run moves only when one finishes; last attempt stands beside it.
        (row,) = list_rules(session, project.id)
        assert (row.last_run, row.last_attempt) == (None, run)
        run = resumed(run, NIGHT + 2 * DAY, session, project)
    assert (run.state, run.changed, run.left, run.problem) == (RunState.FINISHED, 25, 0, None)
    (row,) = list_rules(session, project.id)
    assert (row.rule.id, row.last_run) == (rule.id, run)
    assert_clean(app, session, project)


def test_the_next_slot_plans_anew(session: Session):
    project = limited(session, 10)
    rule_at(NOON, project)
    (first,) = night_at(NIGHT, session, project)
    (second,) = night_at(NIGHT + DAY, session, project)
    assert (second.matched, second.changed, second.left) == (15, 10, 5)
    (third,) = night_at(NIGHT + 2 * DAY, session, project)
    assert (third.state, third.changed) == (RunState.FINISHED, 5)
    session.refresh(first)
    assert first.state is RunState.STOPPED


def test_just_enough_is_no_limit(session: Session):
    project = limited(session, 25)
    rule_at(NOON, project, brake=None)
    (run,) = night_at(NIGHT, session, project)
    assert (run.state, run.changed) == (RunState.FINISHED, 25)


def test_all_rules_of_a_day_share_it_by_hand_too(session: Session):
    project = limited(session, 30)
    rule_at(NOON, project, brake=None)
    marks = [{"kind": "set", "property": "seen", "value": "1"}]
    by_hand = rule_at(NOON, project, state=RuleState.INACTIVE, name="marks", actions=marks,
                      criteria=[], match="every_case", brake=None)  # fmt: skip
    (first,) = night_at(NIGHT, session, project)
    assert first.state is RunState.FINISHED
    for one in range(10):
        open_case(session, project.id, f"new{one}", status="fresh")
    with pretend(NIGHT + HOUR), write_transaction() as writing:
        rule = writing.get_one(Rule, by_hand.id)
        run_id = start_run(writing, project.id, rule, trigger=Trigger.PERSON, by=actor()).id
    work_at(NIGHT + HOUR, session, project)
    run = session.get_one(Run, run_id)
    assert (run.state, run.changed, run.left) == (RunState.STOPPED, 5, 5)


def test_an_undo_does_not_count(session: Session):
    project = limited(session, 25)
    rule_at(NOON, project, brake=None)
    (run,) = night_at(NIGHT, session, project)
    with pretend(NIGHT + HOUR):
        with write_transaction() as writing:
            job_id = start_undo(writing, project.id, run.id, by=actor()).id
        tasks.work(job_id)
        session.rollback()
        assert use_today(session, project).used == 25
        assert {form.state.value for form in forms_of(session, run)} == {"archived"}


@pytest.mark.parametrize("daily", [10, 11])
def test_a_case_is_done_whole_or_not_at_all(app: Flask, session: Session, daily: int):
    """Each child is closed and marks its parent: two forms a case, so 10 and 11 both do five."""
    project = project_at(NOON, daily_limit=daily)
    for number in range(8):
        open_case(session, project.id, f"p{number}")
        child(session, project, f"v{number}", f"p{number}", status="stale")
    rule_at(
        NOON,
        project,
        case_type="visit",
        actions=[
            {"kind": "copy", "property": "parent/seen", "from": "case_id"},
            {"kind": "close"},
        ],
    )
    (run,) = night_at(NIGHT, session, project)
    assert (run.state, run.changed, run.related_updates, run.submissions, run.left) == (
        RunState.STOPPED, 5, 5, 10, 3,
    )  # fmt: skip
    assert_clean(app, session, project)
    run = resumed(run, NIGHT + DAY, session, project)
    assert (run.state, run.changed, run.submissions) == (RunState.FINISHED, 8, 16)
    assert_clean(app, session, project)


def household(session: Session, project: Project, number: int, *, marked_above: bool) -> None:
    """A visit to a patient, who lives in a household or not."""
    open_case(session, project.id, f"p{number}")
    if marked_above:
        open_case(session, project.id, f"h{number}", case_type="household")
        lives_in = case_block(f"p{number}", index={"parent": ("household", f"h{number}")})
        send(session, project.id, form(lives_in))
    child(session, project, f"v{number}", f"p{number}", status="stale")


@pytest.mark.parametrize("daily", [2, 5])
def test_a_case_that_no_day_can_do_is_left_out_and_the_others_go_on(
    app: Flask, session: Session, daily: int
):
    """The first visit marks a patient and a household: three forms."""
    project = project_at(NOON, daily_limit=daily)
    with pretend(NOON):
        for number in range(3):
            household(session, project, number, marked_above=number == 0)
    marks = [
        {"kind": "set", "property": f"{path}seen", "value": "1"}
        for path in ("parent/", "parent/parent/")
    ]
    rule_at(NOON, project, case_type="visit", actions=[*marks, {"kind": "close"}], brake=None)
    changed = []
    for night in range(3):
        (run,) = night_at(NIGHT + night * DAY, session, project)
        changed.append(run.changed)
        if night == 0 and daily == 2:
            assert (run.state, run.errors, run.left) == (RunState.STOPPED, 1, 1)
            (fault,) = run_cases(session, run, failed=True)
            assert fault.case_id == "v0"
            assert "needs 3 automatic updates" in fault.reason
            assert "the project's limit is 2 a day" in fault.reason
    # Five a day are enough for the three forms of the first.
    assert changed == ([1, 1, 0] if daily == 2 else [2, 1, 0])
    assert (run.state, run.errors) == (RunState.FINISHED, 1 if daily == 2 else 0)
    assert_clean(app, session, project)


def test_a_day_is_one_of_the_project(session: Session):
    """Nairobi's day begins at 21:00 UTC."""
    project = project_at(NOON, timezone="Africa/Nairobi", daily_limit=100)
    with pretend(at("2026-03-10T20:59:00")), write_transaction() as writing:
        count_use(writing, get_project(writing, project.name), 7)
        count_use(writing, get_project(writing, project.name), 5)
        assert use_today(writing, get_project(writing, project.name)).used == 12
    with pretend(at("2026-03-10T21:01:00")):
        assert use_today(session, project).used == 0


def counted(project: Project, moment: int, submissions: int = 0) -> int:
    """Count some forms at an instant; what counts then."""
    with pretend(moment), write_transaction() as writing:
        found = get_project(writing, project.name)
        count_use(writing, found, submissions)
        return use_today(writing, found).used


def moved(project: Project, moment: int, zone: str) -> None:
    with pretend(moment), write_transaction() as writing:
        set_project(writing, get_project(writing, project.name), {"timezone": zone}, by=actor())


@pytest.mark.parametrize(
    "zone",
    [
        "Pacific/Kiritimati",  # where it is tomorrow already
        "Pacific/Honolulu",  # where it is yesterday still, or the same day
        "Africa/Nairobi",
    ],
)
@pytest.mark.parametrize("hour", [1, 12, 23])
def test_another_zone_brings_no_second_allowance(session: Session, zone: str, hour: int):
    project = project_at(NOON, daily_limit=10)
    used_on = at("2026-03-10T00:00:00") + hour * HOUR
    counted(project, used_on - 2 * DAY, 10)
    assert counted(project, used_on, 10) == 10
    moved(project, used_on + MINUTE, zone)
    for later in (MINUTE, HOUR, 10 * HOUR, 23 * HOUR):
        assert counted(project, used_on + later) == 10
    with pretend(used_on + 2 * MINUTE):
        until = use_today(session, get_project(session, project.name)).until
    assert used_on + DAY - MINUTE <= until <= used_on + DAY + MINUTE
    assert counted(project, until + MINUTE) == 0
    # And a day later there is nothing special about it.
    assert counted(project, used_on + 3 * DAY, 4) == 4
    assert counted(project, used_on + 3 * DAY, 3) == 7


def test_a_zone_that_is_changed_back_within_the_day(session: Session):
    project = project_at(NOON, daily_limit=10)
    assert counted(project, NOON, 6) == 6
    moved(project, NOON + HOUR, "Pacific/Kiritimati")
    assert counted(project, NOON + HOUR, 2) == 8
    moved(project, NOON + 2 * HOUR, "UTC")
    assert counted(project, NOON + 2 * HOUR) == 8


def test_a_run_ends_after_its_hours_and_can_be_resumed(
    session: Session, monkeypatch: pytest.MonkeyPatch
):
    project = limited(session, 0)
    with pretend(NOON), write_transaction() as writing:
        set_project(writing, get_project(writing, project.name), {"run_hours": 2}, by=actor())
    rule_at(NOON, project, brake=None)
    hours = count()
    do_next = tasks._do_next

    def an_hour_each(*args: Any) -> bool:
        with pretend(NIGHT + next(hours) * HOUR):
            return do_next(*args)

    (run_id,) = tick_at(NIGHT, project)
    with monkeypatch.context() as patch, chunks_of(5):
        patch.setattr(tasks, "_do_next", an_hour_each)
        work_at(NIGHT, session, project)
    run = session.get_one(Run, run_id, populate_existing=True)
    assert run.state is RunState.STOPPED
    assert "2 hours" in run.problem
    assert 0 < run.changed < 25
    run = resumed(run, NIGHT + 9 * HOUR, session, project)
    assert (run.state, run.changed) == (RunState.FINISHED, 25)


def test_the_hours_of_a_power_cut_are_none_of_work(session: Session):
    project = limited(session, 0)
    rule_at(NOON, project, brake=None)
    (run_id,) = tick_at(NIGHT, project)
    job_id = session.get_one(Run, run_id).job_id
    pieces = count()

    def the_power_goes() -> None:
        if next(pieces) == 2:
            raise KeyboardInterrupt

    with (
        chunks_of(5),
        pretend(NIGHT),
        before_each_piece(the_power_goes),
        pytest.raises(KeyboardInterrupt),
    ):
        tasks.work(job_id)
    with pretend(NIGHT + 30 * HOUR):
        tasks.work(job_id)
    run = session.get_one(Run, run_id, populate_existing=True)
    assert (run.state, run.changed) == (RunState.FINISHED, 25)
