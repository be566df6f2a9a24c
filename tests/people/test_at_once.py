"""Two people who change members, groups and places at the same moment: a project is not left alone,
names and codes stay one thing's, and no place comes to lie below itself (SPEC C7, X1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor, group, level, location, mobile_worker, web_user
from webapp.audit.actor import Actor
from webapp.database import write_transaction
from webapp.errors import CasekeeperError, NotAllowed
from webapp.people.belonging import set_groups, set_locations
from webapp.people.groups import create_group, get_group
from webapp.people.levels import create_level, delete_level, get_level
from webapp.people.locations import (
    archive_location,
    create_location,
    get_location,
    move_location,
    set_location,
)
from webapp.people.many import Said, set_many
from webapp.people.members import invite, members_of, remove_member, set_role
from webapp.people.models import MobileWorker
from webapp.people.operations import create_worker, get_worker, set_worker
from webapp.people.queries import belongings
from webapp.people.sharing_models import Group, Location
from webapp.projects.models import Project

Change = Callable[[Session], object]


def at_once(app: Flask, *changes: Change) -> list[str]:
    """Make changes side by side, each in a transaction of its own; what was refused."""
    together = Barrier(len(changes))

    def make(change: Change) -> str | None:
        with app.app_context():
            together.wait()
            try:
                with write_transaction() as session:
                    change(session)
            except CasekeeperError as error:
                return error.message
        return None

    with ThreadPoolExecutor(len(changes)) as pool:
        return [one for one in pool.map(make, changes) if one is not None]


def test_who_has_just_lost_a_right_does_not_use_it(app: Flask, session: Session, project: Project):
    ann, ben = (
        Actor(user.user_id, user.email, "tests") for user in (web_user(project), web_user(project))
    )
    project_id = project.id

    def removes(by: Actor, whom: Actor) -> Change:
        return lambda session: remove_member(
            session, session.get_one(Project, project_id), whom.user_id, by=by
        )

    (refused,) = at_once(app, removes(ann, ben), removes(ben, ann))
    assert "Manage people" in refused
    session.rollback()
    (left,) = members_of(session, project_id)
    gone = ben if left.user.user_id == ann.user_id else ann
    with pytest.raises(NotAllowed), write_transaction():
        set_role(session, project, left.user.user_id, "viewer", by=gone)
    with pytest.raises(NotAllowed), write_transaction():
        invite(session, project, gone.name, "admin", by=gone)


def test_a_name_goes_to_one(app: Flask, session: Session, project: Project):
    project_id, session_of_test = project.id, session
    for make in (
        lambda session: create_group(session, project_id, "Promoters", by=actor()),
        lambda session: create_level(session, project_id, "Clinic", by=actor()),
    ):
        (refused,) = at_once(app, *[make] * 3)[1:]
        assert "already" in refused
    session_of_test.rollback()
    assert get_group(session, project_id, "Promoters")


def test_each_gets_a_site_code_of_its_own(app: Flask, session: Session, project: Project):
    of, parents = level(project), [location(project) for _number in range(4)]
    project_id, name, below = project.id, of.name, [one.site_code for one in parents]

    def makes(parent: str) -> Change:
        return lambda session: create_location(
            session,
            project_id,
            "Clinic",
            get_level(session, project_id, name),
            parent=get_location(session, project_id, parent),
            by=actor(),
        )

    assert at_once(app, *map(makes, below)) == []
    session.rollback()
    codes = session.scalars(
        select(Location.site_code).where(
            Location.project_id == project_id, Location.name == "Clinic"
        )
    )
    assert sorted(codes) == ["clinic", "clinic_2", "clinic_3", "clinic_4"]


def test_two_moves_make_no_circle(app: Flask, session: Session, project: Project):
    one, other = (location(project, name=name) for name in ("one", "other"))
    project_id = project.id

    def moves(code: str, below: str) -> Change:
        return lambda session: move_location(
            session,
            get_location(session, project_id, code),
            get_location(session, project_id, below),
            by=actor(),
        )

    (refused,) = at_once(app, moves("one", "other"), moves("other", "one"))
    assert "lies below" in refused
    session.rollback()
    assert [one.parent_id, other.parent_id].count(None) == 1


def test_nothing_is_put_below_what_is_archived_meanwhile(
    app: Flask, session: Session, project: Project
):
    of, district = level(project), location(project, name="district")
    project_id, name = project.id, of.name
    refused = at_once(
        app,
        lambda session: archive_location(
            session, get_location(session, project_id, "district"), by=actor()
        ),
        lambda session: create_location(
            session,
            project_id,
            "clinic",
            get_level(session, project_id, name),
            parent=get_location(session, project_id, "district"),
            by=actor(),
        ),
    )
    session.rollback()
    below = session.scalars(select(Location).where(Location.parent_id == district.id)).all()
    assert district.archived
    # Whoever came first: it is archived with the other, or was refused.
    assert [one.archived for one in below] == ([] if refused else [True])


def test_the_later_list_of_groups_counts(app: Flask, session: Session, project: Project):
    amina = mobile_worker(project, "amina")
    for name in "abc":
        group(project, *([amina] if name == "a" else []), name=name)
    project_id = project.id

    def sets(name: str) -> Change:
        def change(session: Session) -> None:
            worker = get_worker(session, session.get_one(Project, project_id), "amina")
            set_groups(session, worker, [get_group(session, project_id, name)], by=actor())
            time.sleep(0.2)  # the other one has read its own by then, or waits

        return change

    assert at_once(app, sets("b"), sets("c")) == []
    session.rollback()
    (only,) = belongings(session, project_id, [amina])[amina.id].groups
    assert only.name in {"b", "c"}


def test_a_form_and_a_file_that_say_something_else_of_one_worker(
    app: Flask, session: Session, project: Project
):
    amina = mobile_worker(project, "amina")
    of, project_id = level(project), project.id
    for name in ("form", "file"):
        group(project, name=name)
        location(project, of, name=name)

    def of_them(session: Session, name: str) -> tuple[MobileWorker, Group, Location]:
        worker = get_worker(session, session.get_one(Project, project_id), "amina")
        where = get_location(session, project_id, name)
        return worker, get_group(session, project_id, name), where

    def form(session: Session) -> None:
        worker, team, where = of_them(session, "form")
        set_worker(session, worker, first_name="form", by=actor())
        set_groups(session, worker, [team], by=actor())
        time.sleep(0.2)  # the file comes meanwhile
        set_locations(session, worker, [where], by=actor())

    def file(session: Session) -> None:
        time.sleep(0.1)  # the form has begun by then
        worker, team, where = of_them(session, "file")
        said = Said("amina", worker=worker, first_name="file", groups=[team], locations=[where])
        set_many(session, session.get_one(Project, project_id), [said], by=actor())

    assert at_once(app, form, file) == []
    session.rollback()
    belongs = belongings(session, project_id, [amina])[amina.id]
    names = [amina.first_name, *(one.name for one in (*belongs.groups, *belongs.locations))]
    assert names in (["form"] * 3, ["file"] * 3), "what one of them said, and not half of each"


def test_a_worker_is_made_once(app: Flask, session: Session, project: Project):
    project_id = project.id

    def form(session: Session) -> None:
        time.sleep(0.1)  # the file has begun by then
        create_worker(session, session.get_one(Project, project_id), "amina", None, by=actor())

    def file(session: Session) -> None:
        set_many(session, session.get_one(Project, project_id), [Said("amina")], by=actor())
        time.sleep(0.2)  # the form comes meanwhile

    (refused,) = at_once(app, form, file)
    assert "“amina”" in refused


def test_a_level_that_is_deleted_meanwhile_has_no_location(
    app: Flask, session: Session, project: Project
):
    project_id, name, other = project.id, level(project).name, location(project)
    code = other.site_code

    def uses(session: Session) -> None:
        of = get_level(session, project_id, name)
        time.sleep(0.1)  # the level is deleted meanwhile, or waits
        create_location(session, project_id, "Clinic", of, by=actor())

    def moves(session: Session) -> None:
        of, there = get_level(session, project_id, name), get_location(session, project_id, code)
        time.sleep(0.1)  # the same
        set_location(session, there, level=of, by=actor())

    def deletes(session: Session) -> None:
        delete_level(session, get_level(session, project_id, name), by=actor())
        time.sleep(0.2)  # the others have found it by then, or wait

    (*refused,) = at_once(app, uses, moves, deletes)
    # Whoever came first: all who use it were refused, or the one who deletes it was.
    if len(refused) == 2:
        assert all("just deleted" in one or "no level" in one for one in refused)
    else:
        (only,) = refused
        assert "is the level of" in only
