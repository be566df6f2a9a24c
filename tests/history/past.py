"""A project with a past: forms of every kind, state and time, made from a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, new_id, send
from tests.history.by_rules import make_rule, make_run
from tests.people import scene
from webapp import clock
from webapp.database import write_transaction
from webapp.people.models import MobileWorker
from webapp.people.operations import set_worker
from webapp.projects.models import Project
from webapp.rules.models import Run
from webapp.submissions.archive import archive
from webapp.submissions.models import Submission
from webapp.submissions.own import RULE_XMLNS
from webapp.submissions.receive import Outcome, Sender

#: The present of these tests: half past one in the night in Nairobi, the day before in UTC.
PRESENT = datetime(2026, 3, 10, 22, 30, tzinfo=UTC)

XMLNS = ("http://example.org/visit", "http://example.org/birth")
RULE = RULE_XMLNS
APPS = ("", "nutrition", "unknown")


@dataclass(frozen=True)
class Past:
    """The project and those in it."""

    project_id: int
    project_name: str
    users: tuple[str, ...]
    cases: tuple[str, ...]
    rules: tuple[str, ...]
    runs: tuple[int, ...]
    #: The workers in each group, and in each location or below it, by their ids.
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    locations: Mapping[str, frozenset[str]] = field(default_factory=dict)


def make_past(session: Session, *, forms: int = 60, seed: int = 7) -> Past:
    """Receive, edit, repeat and archive forms over the 40 days before `PRESENT`."""
    chance = random.Random(seed)
    project = factories.project(timezone="Africa/Nairobi")
    gone = factories.mobile_worker(project)
    with write_transaction():
        set_worker(session, gone, active=False, by=factories.actor())
    users = (
        factories.mobile_worker(project).user_id,
        gone.user_id,
        factories.web_user(project).user_id,
        "admin",
        "a stranger's id",
    )
    cases = tuple(f"case/{n}" for n in range(4))
    moments = sorted(
        PRESENT - timedelta(minutes=chance.randrange(40 * 24 * 60)) for _ in range(forms)
    )
    with pytest.MonkeyPatch.context() as patch:
        for moment in moments:
            patch.setattr(clock, "now", lambda at=moment: clock.from_datetime(at))
            _one(session, project, users, cases, moment, chance)
    # Afterwards: they take ticks of the real clock.
    rules = [make_rule(session, project.id), make_rule(session, project.id, deleted=True)]
    runs = tuple(make_run(session, rule).id for rule in (*rules, rules[0]))
    _written_by(session, project, runs, chance)
    rule_ids = tuple(rule.rule_id for rule in rules)
    active, others = users[0], {users[0], gone.user_id}
    worker = session.scalars(select(MobileWorker).where(MobileWorker.user_id == active)).one()
    both, empty = scene.group(project, "both", worker, gone), scene.group(project, "empty")
    level = scene.level(project)
    top = scene.location(project, "top", level, gone)
    below = scene.location(project, "below", level, worker, above=top)
    return Past(
        project.id,
        project.name,
        (*users, "system"),
        cases,
        rule_ids,
        runs,
        {both.group_id: frozenset(others), empty.group_id: frozenset()},
        {top.location_id: frozenset(others), below.location_id: frozenset({active})},
    )


def _written_by(
    session: Session, project: Project, runs: tuple[int, ...], chance: random.Random
) -> None:
    """Give the rules' forms to runs, but for a few that only say that they are rules'."""
    with write_transaction():
        forms = session.scalars(
            select(Submission).where(
                Submission.project_id == project.id, Submission.xmlns == RULE, Submission.own
            )
        )
        for place, one in enumerate(forms):
            if place % 4 != 3:
                run = session.get_one(Run, chance.choice(runs))
                one.run_id, one.rule_key = run.id, run.rule
                one.run_place, one.run_part = place, 0


def _one(  # noqa: PLR0917  # all of it is the scene
    session: Session,
    project: Project,
    users: tuple[str, ...],
    cases: tuple[str, ...],
    moment: datetime,
    chance: random.Random,
) -> None:
    what = chance.choice(
        ("form", "form", "form", "none", "rule", "error", "unparsed", "twice", "edit", "archive")
    )
    user, app = chance.choice(users), chance.choice(APPS)
    if what == "unparsed":
        send(session, project.id, b"<broken", sender=Sender(user, user), app_id=app)
        return
    identity, xmlns = new_id(), chance.choice(XMLNS)
    own = what == "rule"
    if own:
        user, app, xmlns = "system", "", RULE
    chosen = () if what == "none" else chance.sample(cases, chance.randrange(1, 4))
    blocks = [
        case_block(
            one,
            update={"seen": str(chance.random())},
            close=chance.random() < 0.2,
            user_id=None,
        )
        for one in chosen
    ]
    if what == "error":
        blocks = [case_block(cases[0], index={"parent": ("x", "never-was")}, user_id=None)]
    started = (moment - timedelta(hours=chance.randrange(100))).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def sent(questions: str) -> bytes:
        xml = form(*blocks, instance_id=identity, xmlns=xmlns, user_id=user, questions=questions)
        return xml.replace(b"2025-03-01T10:00:00.000Z</timeEnd>", f"{started}</timeEnd>".encode())

    first = sent("<note>first</note>")
    received = send(session, project.id, first, sender=Sender(user, user), app_id=app, own=own)
    if what == "twice":
        again = send(session, project.id, first, sender=Sender(user, user), app_id=app)
        assert again.outcome == Outcome.DUPLICATE
    elif what == "edit":
        send(session, project.id, sent("<note>more</note>"), sender=Sender(user, user), app_id=app)
    elif what == "archive":
        with write_transaction():
            archive(session, project.id, received.submission_id, by=factories.actor())
