"""What people do to rules: versions, states, order, and what is logged (SPEC R18, R29–R31)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.history.statements import counted
from webapp.audit.models import AuditEvent
from webapp.audit.record import events_about
from webapp.clock import now
from webapp.database import write_transaction
from webapp.errors import NotFound, Refused
from webapp.projects.models import Project
from webapp.rules import operations
from webapp.rules.models import Rule, RuleState, Run, RunState, Trigger
from webapp.rules.portable import rule_from_json
from webapp.rules.queries import (
    definition_of,
    get_rule,
    list_rules,
    version_of,
    versions_of,
)

BY = factories.actor()


def saved(session: Session, rule: Rule, based_on: int | None = None, **changes: object) -> Rule:
    """Edit a rule as a person does."""
    data = rule_from_json({**factories.RULE, **changes})
    with write_transaction():
        return operations.edit_rule(
            session, rule.project_id, rule.rule_id, data, by=BY, based_on=based_on
        )


def log(session: Session, rule: Rule) -> list[str]:
    """What was logged about a rule, oldest first."""
    events = session.scalars(events_about(rule.project_id, f"rule:{rule.rule_id}")).all()
    return [event.tag for event in reversed(events)]


def names(session: Session, project: Project) -> list[str]:
    """The names of the rules in their order."""
    return [row.rule.name for row in list_rules(session, project.id)]


def test_a_version_that_nobody_looked_at_does_not_come_into_force(
    session: Session, project: Project
):
    rule = factories.rule(project, state=RuleState.INACTIVE)
    saved(session, rule, name="other")
    here = {"by": BY, "based_on": 1}
    for outdated in (
        lambda: operations.set_state(
            session, rule.project_id, rule.rule_id, RuleState.ACTIVE, **here
        ),
        lambda: operations.restore_version(session, rule.project_id, rule.rule_id, 1, **here),
    ):
        with pytest.raises(operations.Outdated), write_transaction():
            outdated()
    session.refresh(rule)
    assert (rule.version, rule.state) == (2, RuleState.INACTIVE)


def test_a_new_rule_is_the_last_and_has_one_version(session: Session, project: Project):
    factories.rule(project, name="first")
    rule = factories.rule(project, name="second", state=RuleState.DRAFT)
    assert names(session, project) == ["first", "second"]
    assert (rule.version, rule.state) == (1, RuleState.DRAFT)
    (version,) = versions_of(session, rule)
    assert version.definition["name"] == "second"
    assert (version.actor_id, version.actor) == (BY.user_id, BY.name)
    assert log(session, rule) == ["rule.create"]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Another name"},
        {"description": "why"},
        {"case_type": "household"},
        {"match": "any"},
        {"criteria": [{"kind": "parent_closed"}]},
        {"actions": [{"kind": "set", "property": "p", "value": "x"}]},
        {"schedule": {"every": "hand"}},
        {"brake": {"cases": 5, "percent": 5}},
        {"brake": None},
    ],
)
def test_every_edit_makes_a_version(session: Session, project: Project, changes: dict):
    rule = saved(session, factories.rule(project), **changes)
    assert rule.version == 2
    assert [one.number for one in versions_of(session, rule)] == [2, 1]
    newest = version_of(session, rule, 2).definition
    assert newest[next(iter(changes))] == next(iter(changes.values()))
    assert (rule.name, rule.case_type) == (newest["name"], newest["case_type"])
    assert log(session, rule) == ["rule.create", "rule.edit"]


def test_saving_the_same_changes_nothing(session: Session, project: Project):
    rule = saved(session, factories.rule(project))
    assert rule.version == 1
    assert log(session, rule) == ["rule.create"]


def test_an_old_version_stays_as_it_was_and_can_be_in_force_again(
    session: Session, project: Project
):
    rule = saved(session, factories.rule(project, name="old"), name="new")
    assert definition_of(session, version_of(session, rule, 1)).name == "old"
    with write_transaction():
        rule = operations.restore_version(session, project.id, rule.rule_id, 1, by=BY)
    assert (rule.version, rule.name) == (3, "old")
    assert definition_of(session, rule) == definition_of(session, version_of(session, rule, 1))
    for number in (0, 4, -1, 2**31, 10**30):
        with pytest.raises(NotFound):
            version_of(session, rule, number)


def test_the_second_of_two_editors_is_told(session: Session, project: Project):
    rule = factories.rule(project)
    saved(session, rule, based_on=1, name="theirs")
    with pytest.raises(Refused, match="version 2 is in force"):
        saved(session, rule, based_on=1, name="mine")
    assert get_rule(session, project.id, rule.rule_id).name == "theirs"
    assert saved(session, rule, based_on=2, name="mine").version == 3


def test_two_editors_at_once_make_one_version_each(app: Flask, session: Session, project: Project):
    rule_id = factories.rule(project).rule_id
    project_id = project.id

    def edit(number: int) -> bool:
        with app.app_context():
            data = rule_from_json({**factories.RULE, "name": f"editor {number}"})
            try:
                with write_transaction() as own:
                    operations.edit_rule(own, project_id, rule_id, data, by=BY, based_on=1)
            except Refused:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(edit, range(4))) == 1
    session.rollback()
    assert get_rule(session, project_id, rule_id).version == 2


def test_states_are_logged_and_make_no_version(session: Session, project: Project):
    rule = factories.rule(project)
    for state in (RuleState.ACTIVE, RuleState.ACTIVE, RuleState.WATCHING):
        with write_transaction():
            operations.set_state(session, project.id, rule.rule_id, state, by=BY)
    rule = get_rule(session, project.id, rule.rule_id)
    assert (rule.state, rule.version) == (RuleState.WATCHING, 1)
    assert log(session, rule) == ["rule.create", "rule.state", "rule.state"]


def test_a_deleted_rule_is_hidden_off_and_can_be_brought_back(session: Session, project: Project):
    rule = factories.rule(project, state=RuleState.ACTIVE)
    with write_transaction():
        operations.delete_rule(session, project.id, rule.rule_id, by=BY)
    assert names(session, project) == []
    assert [row.rule.id for row in list_rules(session, project.id, deleted=True)] == [rule.id]
    with pytest.raises(NotFound):
        get_rule(session, project.id, rule.rule_id)
    assert get_rule(session, project.id, rule.rule_id, deleted=True).state is RuleState.INACTIVE
    for _ in range(2):
        with write_transaction():
            operations.undelete_rule(session, project.id, rule.rule_id, by=BY)
    assert names(session, project) == [rule.name]
    assert log(session, rule) == ["rule.create", "rule.delete", "rule.undelete"]


@pytest.mark.parametrize("operation", ["edit", "state", "delete", "duplicate", "move", "restore"])
def test_what_is_deleted_or_unknown_or_elsewhere_is_not_found(
    session: Session, project: Project, operation: str
):
    gone = factories.rule(project)
    with write_transaction():
        operations.delete_rule(session, project.id, gone.rule_id, by=BY)
    elsewhere = factories.rule(factories.project())
    data = rule_from_json(factories.RULE)
    calls = {
        "edit": lambda of: operations.edit_rule(session, project.id, of, data, by=BY),
        "state": lambda of: operations.set_state(session, project.id, of, RuleState.ACTIVE, by=BY),
        "delete": lambda of: operations.delete_rule(session, project.id, of, by=BY),
        "duplicate": lambda of: operations.duplicate_rule(session, project.id, of, by=BY),
        "move": lambda of: operations.move_rule(session, project.id, of, "up", by=BY),
        "restore": lambda of: operations.restore_version(session, project.id, of, 1, by=BY),
    }
    for rule_id in (gone.rule_id, elsewhere.rule_id, "nothing", ""):
        with pytest.raises(NotFound), write_transaction():
            calls[operation](rule_id)


def test_a_duplicate_is_a_draft_of_its_own(session: Session, project: Project):
    rule = factories.rule(project, name="x" * 126, state=RuleState.ACTIVE)
    with write_transaction():
        copy = operations.duplicate_rule(session, project.id, rule.rule_id, by=BY)
    assert copy.rule_id != rule.rule_id
    assert (copy.state, copy.version) == (RuleState.DRAFT, 1)
    assert copy.name == ("Copy of " + "x" * 126)[:126]
    ours, theirs = definition_of(session, rule), definition_of(session, copy)
    assert (ours.criteria, ours.actions) == (theirs.criteria, theirs.actions)


def test_the_order_can_be_changed(session: Session, project: Project):
    a, b, c = (factories.rule(project, name=name) for name in "abc")
    for rule, direction, moved, order in [
        (a, "up", False, "abc"),
        (c, "up", True, "acb"),
        (c, "up", True, "cab"),
        (c, "down", True, "acb"),
        (b, "down", False, "acb"),
    ]:
        with write_transaction():
            assert (
                operations.move_rule(session, project.id, rule.rule_id, direction, by=BY) is moved
            )
        assert "".join(names(session, project)) == order
    assert log(session, c) == ["rule.create", *["rule.move"] * 3]


def test_a_deleted_rule_is_passed_over_in_moves(session: Session, project: Project):
    _a, b, c = (factories.rule(project, name=name) for name in "abc")
    with write_transaction():
        operations.delete_rule(session, project.id, b.rule_id, by=BY)
    with write_transaction():
        operations.move_rule(session, project.id, c.rule_id, "up", by=BY)
    with write_transaction():
        operations.undelete_rule(session, project.id, b.rule_id, by=BY)
    assert "".join(names(session, project)) == "cba"


def test_moves_and_new_rules_at_once_leave_an_order(app: Flask, session: Session, project: Project):
    rules = [factories.rule(project, name=f"{n}") for n in range(6)]
    ids = [rule.rule_id for rule in rules]
    project_id = project.id

    def work(number: int) -> None:
        with app.app_context(), write_transaction() as own:
            if number % 5 == 0:
                data = rule_from_json({**factories.RULE, "name": "new"})
                operations.create_rule(own, project_id, data, by=BY)
            else:
                direction = "up" if number % 2 else "down"
                operations.move_rule(own, project_id, ids[number % 6], direction, by=BY)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(40)))
    session.rollback()
    positions = session.scalars(select(Rule.position).where(Rule.project_id == project_id)).all()
    assert len(positions) == len(set(positions)) == 14


def test_a_rule_is_duplicated_while_it_is_moved(app: Flask, session: Session, project: Project):
    """Each holds the order and the rule: in one order, or they would wait for each other."""
    ids = [factories.rule(project).rule_id for _ in range(2)]
    project_id = project.id
    session.rollback()

    def work(number: int) -> None:
        with app.app_context(), write_transaction() as own:
            if number % 2:
                operations.duplicate_rule(own, project_id, ids[1], by=BY)
            else:
                direction = "up" if number % 4 else "down"
                operations.move_rules(own, project_id, ids, direction, by=BY)
                operations.move_rules(own, project_id, [ids[1]], direction, by=BY)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(24)))
    session.rollback()
    assert len(list_rules(session, project_id)) == 14


def test_the_list_is_filtered_and_has_the_last_runs(app: Flask, session: Session, project: Project):
    one = factories.rule(project, name="Close 100% stale")
    factories.rule(project, name="Other", case_type="household", state=RuleState.ACTIVE)

    def run(
        state: RunState,
        errors: int = 0,
        finished_on: int | None = None,
        started_on: int | None = None,
    ) -> int:
        with write_transaction():
            made = Run(
                project_id=project.id,
                rule=one.id,
                version=versions_of(session, one)[0].id,
                rule_name=one.name,
                rule_version=1,
                trigger=Trigger.PERSON,
                actor_id="",
                actor="",
                state=state,
                errors=errors,
                queued_on=now(),
                started_on=started_on,
                finished_on=finished_on or (now() if state is RunState.FINISHED else None),
            )
            session.add(made)
        return made.id

    # Stopped, and resumed after the next one had finished.
    good = run(RunState.FINISHED, finished_on=now() + 1_000_000)
    run(RunState.FINISHED)
    run(RunState.FINISHED, errors=1)
    tried = run(RunState.FAILED)
    with counted(app) as statements:
        rows = list_rules(session, project.id)
    assert len(statements) <= 4
    assert [row.last_run and row.last_run.id for row in rows] == [good, None]
    assert [row.last_attempt and row.last_attempt.id for row in rows] == [tried, None]
    # Stopped before it began, and resumed after the next one had ended.
    resumed = run(RunState.FINISHED, started_on=now() + 2_000_000, finished_on=now() + 3_000_000)
    run(RunState.FINISHED)
    row = list_rules(session, project.id)[0]
    assert (row.last_run.id, row.last_attempt.id) == (resumed, resumed)
    for which, found in [
        ({"name": "100%"}, ["Close 100% stale"]),
        ({"name": "STALE"}, ["Close 100% stale"]),
        ({"name": "_"}, []),
        ({"case_type": "household"}, ["Other"]),
        ({"state": RuleState.ACTIVE}, ["Other"]),
        ({"state": RuleState.DRAFT}, []),
    ]:
        assert [row.rule.name for row in list_rules(session, project.id, **which)] == found


def test_every_event_of_a_rule_names_the_person(session: Session, project: Project):
    rule = saved(session, factories.rule(project), name="new")
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.subject == f"rule:{rule.rule_id}")
        .order_by(AuditEvent.id)
    ).all()
    assert {event.actor for event in events} == {BY.name}
    assert events[-1].before == {"name": "Close stale patients", "version": 1}
    assert events[-1].after == {"name": "new", "version": 2}
