"""Making and changing projects."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.factories import actor, unique
from webapp.audit.record import events_about
from webapp.clock import take_ticks
from webapp.database import write_transaction
from webapp.errors import Invalid, NotFound
from webapp.projects.models import Project
from webapp.projects.operations import create_project, get_project, set_project
from webapp.projects.rights import STANDARD_ROLES, Right


def test_a_project_comes_with_its_roles_its_tick_and_its_event(session: Session):
    name = unique("p")
    with write_transaction():
        project = create_project(session, name, title="Malaria — North", by=actor())
        assert take_ticks(session, project.id) > 0
    roles = {role.name: {Right(right) for right in role.rights} for role in project.roles}
    assert roles == {role: set(rights) for role, rights in STANDARD_ROLES.items()}
    (event,) = session.scalars(events_about(project.id, f"project:{name}"))
    assert event.tag == "project.create"
    assert event.after == {"name": name, "title": "Malaria — North"}


@pytest.mark.parametrize(
    "name", ["", "Demo", "a b", "a_b", "-a", "a-", "é", "a/b", "x" * 64, "a\n"]
)
def test_names_that_cannot_stand_in_an_address_are_refused(session: Session, name: str):
    with pytest.raises(Invalid, match="lower-case"), write_transaction():
        create_project(session, name, by=actor())


def test_a_title_has_a_length(session: Session):
    with pytest.raises(Invalid, match="title"), write_transaction():
        create_project(session, unique("p"), title="x" * 256, by=actor())


def test_a_name_is_taken_once(session: Session, project: Project):
    with pytest.raises(Invalid, match="already"), write_transaction():
        create_project(session, project.name, by=actor())


def test_settings_are_changed_and_told(session: Session, project: Project):
    changes = {"timezone": "Africa/Nairobi", "anonymous_submissions": True, "anonymous_quota": 5}
    with write_transaction():
        set_project(session, project, changes, by=actor())
    event = session.scalars(events_about(project.id, f"project:{project.name}")).first()
    assert event is not None
    assert (event.tag, event.after) == ("project.set", changes)
    assert event.before == {
        "timezone": "UTC",
        "anonymous_submissions": False,
        "anonymous_quota": 1000,
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("timezone", 3),
        ("title", ""),
        ("title", "x" * 256),
        ("anonymous_submissions", "yes"),
        ("anonymous_quota", -1),
        ("anonymous_quota", True),
        ("anonymous_quota", 10**9),
        ("name", "other"),
        ("id", 1),
    ],
)
def test_values_that_a_setting_cannot_have_are_refused(
    session: Session, project: Project, key: str, value: Any
):
    with pytest.raises(Invalid, match=key), write_transaction():
        set_project(session, project, {"title": "New", key: value}, by=actor())
    assert get_project(session, project.name).title == project.name, "all or nothing"


def test_an_unknown_project_is_not_found(session: Session):
    with pytest.raises(NotFound):
        get_project(session, unique("none"))
