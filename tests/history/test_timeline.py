"""What a case's page tells of its past is what the replay says (SPEC A1, A7)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, new_id, open_case, send
from tests.history.statements import counted
from webapp.cases.apply import ATTRIBUTES, NOTHING, CaseState, apply, change_from_json
from webapp.cases.models import Case, CaseIndex, CaseTransaction
from webapp.cases.queries import LEVELS, LINKS, Branch, family, get_case
from webapp.cases.store import states_of
from webapp.database import write_transaction
from webapp.errors import NotFound, Refused
from webapp.history import timeline as module
from webapp.history.changes import SHOWN
from webapp.history.timeline import Timeline, closing_of, forms_of, last_changes, timeline
from webapp.projects.models import Project
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State, Submission

CASES = ("a", "b", "c")
NAMES = ("x", "y", "z")


def past_of(session: Session, case: Case) -> Timeline:
    """All of a case's past."""
    rows = session.execute(forms_of(case).order_by(Submission.received_on.desc())).all()
    return timeline(session, case, rows)


@pytest.mark.parametrize("seed", range(6))
def test_the_past_is_what_the_replay_says(session: Session, project: Project, seed: int):
    chance = random.Random(seed)
    sent: list[tuple[str, list[str]]] = []
    for _step in range(25):
        one_step(session, project, chance, sent)
        session.rollback()
        for case in session.scalars(select(Case).where(Case.project_id == project.id)).all():
            hold_against_the_replay(session, case)


def one_step(
    session: Session, project: Project, chance: random.Random, sent: list[tuple[str, list[str]]]
) -> None:
    """A form, an edit, an archive or a restore; some are refused, as in life."""
    what = chance.choice(("form", "form", "form", "edit", "archive", "archive", "restore"))
    if what in {"archive", "restore"} and sent:
        step = archive if what == "archive" else restore
        try:
            with write_transaction():
                step(session, project.id, chance.choice(sent)[0], by=factories.actor())
        except Refused:
            pass
        return
    if what == "edit" and sent:
        identity, chosen = chance.choice(sent)
    else:
        identity, chosen = new_id(), chance.sample(CASES, chance.randrange(1, 3))
        sent.append((identity, chosen))
    blocks = [block(one, chance) for one in chosen if chance.random() < 0.9]
    send(session, project.id, form(*blocks, instance_id=identity, name=str(chance.random())))


def block(case_id: str, chance: random.Random) -> str:
    values = {name: chance.choice(("", "1", "2")) for name in NAMES if chance.random() < 0.5}
    name = {"case_name": chance.choice(("N", "M"))} if chance.random() < 0.3 else {}
    return case_block(case_id, update={**name, **values}, close=chance.random() < 0.2)


def hold_against_the_replay(session: Session, case: Case) -> None:
    past = past_of(session, case)
    (now,) = states_of(session, case.project_id, [case])
    live = [one for one in past.forms if one.change.live]
    assert past.total == len(past.forms)
    assert past.live == len(live)
    assert [one.number for one in reversed(live)] == list(range(1, len(live) + 1))
    assert all(one.number is None for one in past.forms if not one.change.live)
    assert case.deleted == (not live)

    state = NOTHING
    last: dict[str, str] = {}
    closings: list[int] = []
    for place, one in enumerate(reversed(live)):
        before, state = state, apply(state, change_from_json(asked(session, case, one.submission)))
        told = one.change
        assert told.opened == before.deleted
        assert {(v.name, v.before, v.after) for v in told.properties} == {
            (name, before.properties.get(name), state.properties.get(name))
            for name in {*before.properties, *state.properties}
            if before.properties.get(name) != state.properties.get(name)
        }
        assert {v.name for v in told.attributes} == differing(before, state)
        last |= dict.fromkeys((v.name for v in told.properties), one.submission.submission_id)
        if told.closed:
            closings.append(place)
    assert state == now
    found = last_changes(session, case, case.properties)
    assert {name: one.submission_id for name, one in found.items()} == last
    assert found.keys() == case.properties.keys()

    closing = closing_of(session, case)
    assert (closing is not None) == case.closed == bool(closings)
    if closing is not None:
        submission = live[::-1][closings[-1]].submission
        assert closing.submission.id == submission.id
        assert closing.later == len(live) - 1 - closings[-1]
        assert closing.another == (len(closings) > 1)


def asked(session: Session, case: Case, submission: Submission) -> dict[str, Any]:
    return session.scalars(
        select(CaseTransaction.change).where(
            CaseTransaction.case == case.id, CaseTransaction.submission == submission.id
        )
    ).one()


def differing(before: CaseState, after: CaseState) -> set[str]:
    return {name for name in ATTRIBUTES if getattr(before, name) != getattr(after, name)} & {*SHOWN}


def test_errors_duplicates_and_older_versions_are_no_past(session: Session, project: Project):
    one = form(case_block("a", update={"x": "1"}), instance_id="one")
    for xml in (one, one, form(case_block("a", update={"x": "2"}), instance_id="one")):
        send(session, project.id, xml)
    bad = form(case_block("a", update={"x": "3"}, index={"parent": ("t", "missing")}))
    assert send(session, project.id, bad).problem
    case = get_case(session, project.id, "a")
    past = past_of(session, case)
    assert [form.submission.state for form in past.forms] == [State.NORMAL]
    assert (past.total, past.live) == (1, 1)


def test_what_changed_long_ago_is_found_piece_by_piece(
    session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "AT_ONCE", 3)
    monkeypatch.setattr(module, "SEARCHED", 12)
    first = open_case(session, project.id, "a", old="1")
    for n in range(9):
        send(session, project.id, form(case_block("a", update={"x": str(n)})))
    case = get_case(session, project.id, "a")
    assert last_changes(session, case, case.properties)["old"].submission_id == first.submission_id
    for n in range(9, 14):
        send(session, project.id, form(case_block("a", update={"x": str(n)})))
    case = get_case(session, project.id, "a")
    assert last_changes(session, case, case.properties).keys() == {"x"}, (
        "beyond the bound it is not known"
    )


def test_a_short_past_costs_few_statements(session: Session, app: Flask, project: Project):
    open_case(session, project.id, "a", x="1")
    send(session, project.id, form(case_block("a", update={"y": "1"}, close=True)))
    case = get_case(session, project.id, "a")
    with counted(app) as found:
        past_of(session, case)
        last_changes(session, case, {"x", "y"})
        closing_of(session, case)
    assert len(found) == 1 + 3 + 1 + 2


def add(session: Session, project: Project, name: str, *targets: str) -> None:
    index = {f"to_{target}": ("t", target) for target in targets}
    create = {"case_name": name, "case_type": "t"}
    answer = send(session, project.id, form(case_block(name, create=create, index=index)))
    assert not answer.problem


def shape(branches: Sequence[Branch]) -> list[Any]:
    """Names, with `*` for the case itself and `^` for what stands above already."""
    return [
        (f"{'*' if one.here else ''}{one.name}{'^' if one.again else ''}", shape(one.below))
        for one in branches
    ]


def family_of(session: Session, project: Project, name: str) -> Any:
    session.rollback()
    found = family(session, get_case(session, project.id, name))
    return shape(found.trees), found.cut, bool(found)


def test_each_case_stands_under_those_that_it_points_to(session: Session, project: Project):
    add(session, project, "house")
    add(session, project, "clinic")
    add(session, project, "mother", "house", "clinic")
    add(session, project, "baby", "mother", "house")
    add(session, project, "sibling", "house")
    below = [("baby", [])]
    assert family_of(session, project, "mother") == (
        [("house", [("*mother", below)]), ("clinic", [("*mother^", [])])],
        False,
        True,
    )
    trees, _cut, _any = family_of(session, project, "house")
    assert trees == [
        ("*house", [("mother", [("baby", [])]), ("baby^", []), ("sibling", [])]),
    ]
    add(session, project, "alone")
    assert family_of(session, project, "alone") == ([("*alone", [])], False, False)


def test_a_circle_ends(session: Session, project: Project):
    for name in ("a", "b", "c"):
        add(session, project, name)
    for name, target in (("a", "b"), ("b", "c"), ("c", "a")):
        add(session, project, name, target)
    trees, cut, any_ = family_of(session, project, "a")
    assert any_ and not cut
    names = []

    def walk(branches: list[Any]) -> None:
        for name, below in branches:
            names.append(name.strip("*"))
            walk(below)

    walk(trees)
    assert {name for name in names if "^" not in name} == {"a", "b", "c"}
    assert len([name for name in names if "^" not in name]) == 3


def test_a_huge_family_is_cut(session: Session, app: Flask, project: Project):
    add(session, project, "root")
    block = [
        case_block(f"leaf-{n}", create={"case_name": str(n)}, index={"parent": ("t", "root")})
        for n in range(LINKS + 30)
    ]
    send(session, project.id, form(*block))
    case = get_case(session, project.id, "root")
    with counted(app) as found:
        one = family(session, case)
    assert (one.cut, one.more_below) == (True, 30)
    assert len(one.trees[0].below) == LINKS
    assert len(found) <= 4
    chain = ["root", *(f"deep-{n}" for n in range(6))]
    for above, name in pairwise(chain):
        add(session, project, name, above)
    (tree,), cut, _any = family_of(session, project, "deep-5")
    depth = 1
    while tree[1]:
        (tree,), depth = tree[1], depth + 1
    assert (depth, cut) == (LEVELS + 1, False)


def test_another_projects_case_is_not_found(session: Session, project: Project):
    open_case(session, factories.project().id, "a")
    with pytest.raises(NotFound):
        get_case(session, project.id, "a")
    assert session.scalar(select(CaseIndex).where(CaseIndex.project_id == project.id)) is None
