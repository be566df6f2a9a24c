"""Whose phones lose and receive cases when something changes (SPEC P8, C5–C7)."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import open_case
from tests.people import scene
from webapp.database import write_transaction
from webapp.errors import TooSlow
from webapp.people.models import MobileWorker
from webapp.people.sharing_models import Group
from webapp.projects.models import Project
from webapp.sharing import phone_changes
from webapp.sharing.phone_changes import PhoneChange, by_moves, by_sets, owner_sets, sets_around


@pytest.fixture
def team(project: Project) -> Group:
    """A group of two that does not share yet, beside one who is in none, and one who is gone."""
    amina, beno, _cora, dora = scene.workers(project, "amina", "beno", "cora", "dora")
    scene.deactivate(dora)
    return scene.group(project, "North Team", amina, beno, dora, sharing=False)


def worker(session: Session, project: Project, name: str) -> MobileWorker:
    return session.query(MobileWorker).filter_by(project_id=project.id, username=name).one()


def test_switching_sharing_on_and_a_member_out(session: Session, project: Project, team: Group):
    for n in range(3):
        open_case(session, project.id, f"c{n}", owner_id=team.group_id)
    amina = worker(session, project, "amina")

    def switch_on() -> None:
        team.case_sharing = True

    def deactivate() -> None:
        amina.active = False

    with write_transaction():
        before, after = sets_around(session, project.id, switch_on)
    assert not team.case_sharing, "it is only asked what would be"
    changes = by_sets(session, project.id, before, after)
    assert changes.receiving == (PhoneChange("amina", 0, 3), PhoneChange("beno", 0, 3))
    assert (changes.losing, changes.counted) == ((), True)
    with write_transaction():
        switch_on()
    open_case(session, project.id, "hers", owner_id=amina.user_id)
    with write_transaction():
        gone = sets_around(session, project.id, deactivate)
    assert by_sets(session, project.id, *gone).phones == (PhoneChange("amina", 4, 0),)
    with write_transaction(), pytest.raises(ZeroDivisionError):
        sets_around(session, project.id, lambda: 1 // 0)


def test_cases_that_go_to_others(session: Session, project: Project, team: Group):
    with write_transaction():
        team.case_sharing = True
    cora = worker(session, project, "cora").user_id
    amina = worker(session, project, "amina").user_id
    moves = {
        (team.group_id, cora): 5,
        (team.group_id, amina): 2,
        (cora, None): 1,
        ("nobody", team.group_id): 4,
        ("nobody", "no one"): 9,
    }
    assert by_moves(session, project.id, moves).phones == (
        PhoneChange("beno", 7, 4),
        PhoneChange("amina", 5, 4),
        PhoneChange("cora", 1, 5),
    )
    assert not by_moves(session, project.id, {("", None): 3})


def test_what_takes_too_long_is_not_counted(
    session: Session, project: Project, team: Group, monkeypatch: pytest.MonkeyPatch
):
    def slowly(*_: object, **__: object) -> None:
        raise TooSlow("")

    monkeypatch.setattr(phone_changes, "open_cases_of", slowly)
    before = owner_sets(session, project.id)
    after = {**before, "amina": frozenset({"x"})}
    changes = by_sets(session, project.id, before, after)
    assert (changes.counted, changes.phones) == (False, (PhoneChange("amina", 0, 0),))


def test_another_projects_owners_are_none_of_ours(session: Session, team: Group):
    other = factories.project()
    (stranger,) = scene.workers(other, "stranger")
    assert owner_sets(session, other.id) == {"stranger": frozenset({stranger.user_id})}
