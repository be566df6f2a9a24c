"""Who gets cases back when a run is undone (SPEC R27, P8)."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.forms import open_case
from tests.rules.running import CLOSES, changes, done, equals, rule_that, sets
from webapp.errors import TooSlow
from webapp.projects.models import Project
from webapp.rules import undo_moves as moving
from webapp.rules.undo_moves import undo_moves


def test_cases_that_open_again_and_those_that_were_given_away(session: Session, project: Project):
    for case_id, owner in (("a", "x"), ("b", "x"), ("c", "y")):
        open_case(session, project.id, case_id, owner_id=owner, status="on")
    where = equals("status", "on")
    gives = done(project, rule_that(sets("owner_id", "new"), where=where, name="Gives"))
    assert undo_moves(session, project.id, gives.id) == {("new", "x"): 2, ("new", "y"): 1}
    changes(session, project, "a", owner_id="later")
    assert undo_moves(session, project.id, gives.id) == {("new", "x"): 1, ("new", "y"): 1}
    both = done(project, rule_that(sets("owner_id", "z"), CLOSES, where=where, name="Both"))
    assert undo_moves(session, project.id, both.id) == {("", "new"): 2, ("", "later"): 1}
    assert undo_moves(session, project.id, gives.id) == {}


def test_what_takes_too_long_is_not_counted(
    session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    open_case(session, project.id, "a")
    run = done(project, rule_that(CLOSES))
    monkeypatch.setattr(moving, "MOST_MOVES", 0)
    assert undo_moves(session, project.id, run.id) is None

    def slowly(*_: object) -> None:
        raise TooSlow("")

    monkeypatch.setattr(moving, "time_limit", slowly)
    assert undo_moves(session, project.id, run.id) is None
