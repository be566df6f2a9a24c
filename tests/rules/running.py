"""Rules, and runs of them, within the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import case_block, form, send
from webapp.cases.models import Case
from webapp.cases.queries import get_case
from webapp.clock import Micros
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.jobs import pace, tasks
from webapp.projects.models import Project
from webapp.rules import work
from webapp.rules.definition import (
    Action,
    Close,
    Copy,
    Criterion,
    Definition,
    Match,
    PropertyIs,
    Set,
)
from webapp.rules.models import Rule, RuleState, Run, Trigger
from webapp.rules.operations import create_rule
from webapp.rules.portable import RuleData
from webapp.rules.references import parse_reference
from webapp.rules.runs import start_run
from webapp.submissions.models import Submission


def rule_that(
    *actions: Action, where: Criterion | None = None, name: str = "Tidy", case_type: str = "patient"
) -> Definition:
    """A rule with these actions for the cases that fulfil a criterion, or for every case."""
    match = Match.EVERY_CASE if where is None else Match.ALL
    return Definition(name, case_type, match, () if where is None else (where,), actions)


def sets(target: str, value: str) -> Set:
    """Set a property."""
    return Set(parse_reference(target), value)


def copies(target: str, source: str) -> Copy:
    """Copy a property."""
    return Copy(parse_reference(target), parse_reference(source))


CLOSES = Close()


def equals(name: str, value: str) -> PropertyIs:
    """A property has a value."""
    return PropertyIs(parse_reference(name), "equals", value)


def saved(project: Project, definition: Definition) -> Rule:
    """The rule as people save it, active, and without a brake."""
    with write_transaction() as session:
        data = RuleData(definition, None, has_brake=True)
        return create_rule(session, project.id, data, by=actor(), state=RuleState.ACTIVE)


def queued(project: Project, rule: Rule, **asked: Any) -> Run:
    """A run that waits; nobody is woken."""
    with write_transaction() as session:
        return start_run(session, project.id, rule, trigger=Trigger.PERSON, by=actor(), **asked)


def done(project: Project, definition: Definition, *, as_of: Micros | None = None) -> Run:
    """A run of a new rule, worked on until it is over."""
    return worked(queued(project, saved(project, definition), as_of=as_of))


def worked(run: Run) -> Run:
    """Work on a run until it is over, or whoever works on it gives up."""
    assert run.job_id is not None
    tasks.work(run.job_id)
    db.session.rollback()
    return run


@contextmanager
def chunks_of(size: int) -> Iterator[None]:
    """Chunks of one size."""
    with pytest.MonkeyPatch.context() as patch:
        for bound in ("FIRST", "LEAST", "MOST"):
            patch.setattr(pace, bound, size)
        yield


@contextmanager
def the_slow_way() -> Iterator[None]:
    """Case by case, where the fast way could be gone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "FAST", False)
        yield


#: Both ways must do what is told here.
WAYS = pytest.mark.parametrize("way", ["fast", "slow"])


@contextmanager
def the(way: str) -> Iterator[None]:
    if way == "fast":
        yield
    else:
        with the_slow_way():
            yield


def case(session: Session, project: Project, case_id: str) -> Case:
    session.rollback()
    return get_case(session, project.id, case_id)


def forms_of(session: Session, run: Run) -> list[Submission]:
    session.rollback()
    return list(
        session.scalars(
            select(Submission)
            .where(Submission.project_id == run.project_id, Submission.run_id == run.id)
            .order_by(Submission.received_on)
        )
    )


def child(session: Session, project: Project, case_id: str, parent: str, **update: str) -> None:
    block = case_block(
        case_id,
        create={"case_type": "visit", "case_name": case_id, "owner_id": "owner-1"},
        update=update,
        index={"parent": ("patient", parent)},
    )
    send(session, project.id, form(block))


def changes(session: Session, project: Project, case_id: str, **update: str) -> str:
    """Somebody changes a case; the id of the form."""
    return send(session, project.id, form(case_block(case_id, update=update))).submission_id


@contextmanager
def in_the_middle(what: Callable[[], object]) -> Iterator[None]:
    """Let something happen after the plan and before the first chunk, as if another process did
    it."""
    did = []

    def once() -> None:
        if not did:
            did.append(True)
            what()

    with before_each_piece(once):
        yield
    assert did


@contextmanager
def before_each_piece(what: Callable[[], object]) -> Iterator[None]:
    """Let something happen before each piece of the work on a job."""
    do_next = tasks._do_next

    def this_first(*args):
        what()
        return do_next(*args)

    with patch.object(tasks, "_do_next", this_first):
        yield
