"""What a held run shows is what it does once it is approved (SPEC R22)."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import open_case
from tests.rules.nights import (
    NIGHT,
    NOON,
    careful_project,
    held_run,
    night_at,
    project_at,
    rule_at,
    work_at,
)
from tests.rules.running import case, changes, child
from webapp.clock import DAY, HOUR, MINUTE, pretend
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.rules.changes import ValueChange
from webapp.rules.held import approve
from webapp.rules.models import Rule, Run
from webapp.rules.operations import edit_rule
from webapp.rules.orders import orders_of
from webapp.rules.planned_cases import PlannedCase, planned_cases
from webapp.rules.portable import rule_from_json
from webapp.rules.queries import data_of, version_of
from webapp.rules.runs_before import runs_before


@pytest.fixture
def careful(session: Session) -> Project:
    return careful_project(session)


def listed(session: Session, run: Run) -> dict[str, PlannedCase]:
    session.rollback()
    found = planned_cases(session, orders_of(session, run), 0, run.matched)
    assert [one.place for one in found] == list(range(run.matched))
    return {one.change.case_id: one for one in found}


def test_before_and_after_of_each_and_what_no_longer_matches(session: Session, careful: Project):
    said = [{"kind": "copy", "property": "was", "from": "status"}, {"kind": "close"}]
    run = held_run(session, careful, actions=said)
    later = NIGHT + DAY // 2
    with pretend(later):
        changes(session, careful, "c0", status="fresh")  # no longer matches
        changes(session, careful, "c1", was="stale", note="is as wanted but for the closing")
        changes(session, careful, "c9", status="stale")  # was not in the plan
    shown = listed(session, run)
    assert set(shown) == {f"c{number}" for number in range(6)}
    assert shown["c0"].left_out is not None and "no longer matches" in shown["c0"].left_out
    assert not shown["c0"].failed and not shown["c0"].change.closes
    assert (shown["c1"].change.changes, shown["c1"].change.closes) == ((), True)
    assert shown["c2"].change.changes == (ValueChange("c2", "was", None, "stale"),)
    with pretend(later + HOUR), write_transaction() as writing:
        approve(writing, careful.id, run.id, by=actor())
    work_at(later + HOUR + MINUTE, session, careful)
    session.refresh(run)
    assert (run.changed, run.skipped) == (5, 1)
    for case_id, one in shown.items():
        now = case(session, careful, case_id)
        assert now.closed == one.change.closes
        for change in one.change.changes:
            assert now.properties[change.property] == change.after


def test_copies_are_those_of_the_plan_also_from_a_parent(session: Session):
    project = project_at(NOON, brake_cases=1, brake_percent=50)
    with pretend(NOON):
        open_case(session, project.id, "home", village="old")
        for number in range(3):
            child(session, project, f"v{number}", "home")
    rule_at(
        NOON,
        project,
        case_type="visit",
        match="every_case",
        criteria=[],
        actions=[{"kind": "copy", "property": "village", "from": "parent/village"}],
    )
    (run,) = night_at(NIGHT, session, project)
    with pretend(NIGHT + HOUR):
        changes(session, project, "home", village="new")  # nothing that the match was based on
        changes(session, project, "v2", village="old")
    shown = listed(session, run)
    # A parent that is read was changed, so each row is looked at again, and copies what is there.
    after = {one.change.changes[0].after for one in shown.values()}
    assert after == {"new"}
    assert shown["v2"].change.changes[0].before == "old"
    with pretend(NIGHT + DAY // 2), write_transaction() as writing:
        approve(writing, project.id, run.id, by=actor())
    work_at(NIGHT + DAY // 2, session, project)
    assert {case(session, project, f"v{n}").properties["village"] for n in range(3)} == {"new"}


def test_what_stays_and_what_cannot_be_done(session: Session, careful: Project):
    said = [{"kind": "copy", "property": "note", "from": "other"}]
    said += [{"kind": "copy", "property": "external_id", "from": "long"}]
    with pretend(NOON):
        changes(session, careful, "c0", long="x" * 300)
        changes(session, careful, "c1", other="same", note="same")  # as wanted already
        for number in range(2, 6):
            changes(session, careful, f"c{number}", long="short")
    shown = listed(
        session, held_run(session, careful, actions=said, brake={"cases": 1, "percent": 9})
    )
    assert shown["c0"].failed and "at most 255" in (shown["c0"].left_out or "")
    assert shown["c1"].stays
    assert not shown["c2"].stays


class TestRunsBefore:
    def test_the_numbers_of_those_that_finished_and_what_was_edited(
        self, session: Session, careful: Project
    ):
        with pretend(NOON):
            for number in range(3, 6):
                changes(session, careful, f"c{number}", status="fresh")
        rule = rule_at(NOON, careful)
        (first,) = night_at(NIGHT, session, careful)
        assert runs_before(session, first).runs == []
        with pretend(NIGHT + HOUR):
            for number in range(4, 10):
                changes(session, careful, f"c{number}", status="stale")
        with pretend(NIGHT + 2 * HOUR), write_transaction() as writing:
            rule = writing.get_one(Rule, rule.id)
            said = data_of(version_of(writing, rule, 1)).document() | {"description": "new"}
            edit_rule(writing, careful.id, rule.rule_id, rule_from_json(said), by=actor())
        (second,) = night_at(NIGHT + DAY, session, careful)
        before = runs_before(session, second)
        assert [run.id for run in before.runs] == [first.id]
        assert (before.least, before.most, before.finished) == (3, 3, 1)
        assert before.edited is not None
        assert (before.edited.old, before.edited.version.number) == (1, 2)
        assert before.edited.differences == ["Note: “” became “new”."]
