"""Rules that do the same to others whoever comes first are counted, and not rehearsed."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.rules.running import CLOSES, copies, equals, rule_that, sets
from tests.rules.worlds import MOMENT, CaseRow, make_world
from webapp.projects.models import Project
from webapp.rules import counting
from webapp.rules import preview as previews
from webapp.rules.alike import alike
from webapp.rules.definition import Action, Definition, Match, NotModifiedSince, ParentClosed
from webapp.rules.moment import moment_at
from webapp.rules.preview import Owners, Preview, preview
from webapp.rules.rehearse import rehearse

AT = moment_at(MOMENT, "UTC")


STALE = equals("status", "stale")
OF_PARENT = sets("parent/seen", "yes")


def closing(*actions: Action) -> Definition:
    return rule_that(CLOSES, *actions, where=STALE)


ALIKE = {
    "a property": closing(OF_PARENT),
    "two": closing(OF_PARENT, sets("parent/why", "child closed")),
    "to nothing": closing(sets("parent/seen", "")),
    "far away": closing(sets("parent/host/seen", "yes")),
    "of the extended": closing(sets("host/seen", "yes")),
    "and its own": closing(sets("status", "lost"), copies("why", "status"), OF_PARENT),
    "and its owner": closing(sets("owner_id", "owner-2"), OF_PARENT),
    "any": replace(
        closing(OF_PARENT),
        match=Match.ANY,
        criteria=(ParentClosed(), equals("parent/seen", "yes")),
    ),
    "every case": replace(closing(OF_PARENT), match=Match.EVERY_CASE, criteria=()),
    "by time": replace(closing(OF_PARENT), criteria=(NotModifiedSince(0),)),
}
OTHERS = {
    "closes nothing": replace(closing(OF_PARENT), actions=(OF_PARENT,)),
    "nothing of others": closing(sets("seen", "yes")),
    "a copy": closing(copies("parent/seen", "status")),
    "a copy that may not fit": closing(copies("name", "status"), OF_PARENT),
    "two ways": closing(OF_PARENT, sets("host/why", "yes")),
    "the same name twice": closing(OF_PARENT, sets("parent/seen", "no")),
    "the same name of its own": closing(sets("seen", "no"), OF_PARENT),
    "an owner": closing(sets("parent/owner_id", "owner-2")),
    "a name": closing(sets("parent/name", "Ana")),
}


@pytest.mark.parametrize("rule", OTHERS.values(), ids=OTHERS)
def test_what_depends_on_who_comes_first_is_rehearsed(rule: Definition):
    assert alike(rule) is None


def world(random: Random) -> list[CaseRow]:
    """A few cases that point to each other, to themselves, and to deleted ones."""
    size = random.randint(2, 14)
    return [
        CaseRow(
            type=random.choice(("patient", "patient", "household")),
            properties={"status": random.choice(("stale", "stale", "open"))}
            | {
                name: random.choice(("", "yes", "child closed", " "))
                for name in ("seen", "why")
                if random.random() < 0.7
            },
            owner_id=random.choice(("owner-1", "owner-2", "")),
            closed=random.random() < 0.1,
            deleted=random.random() < 0.1,
            server_modified_on=MOMENT - random.randint(0, 2),
            indices={
                identifier: (random.randrange(size), relationship)
                for identifier, relationship in (("parent", "child"), ("host", "extension"))
                if random.random() < 0.8
            },
        )
        for _ in range(size)
    ]


@pytest.mark.parametrize("rule", ALIKE.values(), ids=ALIKE)
def test_the_numbers_are_those_of_a_rehearsal(
    session: Session, project: Project, rule: Definition, monkeypatch: pytest.MonkeyPatch
):
    rehearsed: list[Definition] = []

    def noted(session: Session, project_id: int, rule: Definition, *rest: Any, **named: Any) -> Any:
        rehearsed.append(rule)
        return rehearse(session, project_id, rule, *rest, **named)

    monkeypatch.setattr(previews, "rehearse", noted)
    monkeypatch.setattr(previews, "LARGE", 0)
    written, counted = 0, 0
    for seed in range(16):
        rows = [replace(row, type=f"{row.type}-{seed}") for row in world(Random(seed))]
        make_world(session, project.id, rows)
        one = replace(rule, case_type=f"patient-{seed}")
        seen = look(session, project, one)
        counted += one not in rehearsed
        with monkeypatch.context() as patch:
            patch.setattr(counting, "alike", lambda _definition: None)
            assert look(session, project, one) == seen, (seed, rows)
        assert one in rehearsed
        written += seen.related_updates
    assert written > 3, "the worlds have something to write"
    assert counted > 4, "only where a case leads to itself is it rehearsed"


def look(session: Session, project: Project, rule: Definition) -> Preview:
    return preview(session, project.id, rule, AT, shown=100, owners=Owners.YES)


def test_a_case_that_leads_to_itself_has_one_form(session: Session, project: Project):
    stale = {"status": "stale"}
    rows = [
        CaseRow(properties=stale, indices={"parent": (0, "child")}),
        CaseRow(properties=stale, indices={"parent": (0, "child")}),
    ]
    make_world(session, project.id, rows)
    seen = look(session, project, closing(OF_PARENT))
    assert (seen.would_change, seen.related_updates, seen.submissions) == (2, 0, 2)
