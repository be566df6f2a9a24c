"""Groups: their names, their members, and what is told of it (SPEC §5, X3)."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.factories import actor, group, mobile_worker
from tests.factories import project as make_project
from tests.people.told import told
from webapp.database import write_transaction
from webapp.errors import InvalidEntry, NotFound, Refused
from webapp.people.belonging import set_groups
from webapp.people.groups import (
    add_members,
    create_group,
    delete_group,
    get_group,
    remove_members,
    set_group,
    undelete_group,
)
from webapp.people.queries import belongings, groups_of, workers_of
from webapp.projects.models import Project


@pytest.mark.parametrize("name", ["", "  ", "x" * 256, "a\0b", "\ud800"])
def test_what_no_group_is_called(session: Session, project: Project, name: str):
    with pytest.raises(InvalidEntry), write_transaction():
        create_group(session, project.id, name, by=actor())


def test_a_name_is_one_groups_and_free_again_when_that_is_deleted(
    session: Session, project: Project
):
    first, other = group(project, name="Promoters"), group(project, name="Others")
    group(make_project(), name="Promoters")  # of no concern here
    for change in (
        lambda: create_group(session, project.id, " Promoters ", by=actor()),
        lambda: set_group(session, other, name="Promoters", by=actor()),
    ):
        with pytest.raises(InvalidEntry, match="“Promoters” already"), write_transaction():
            change()
    with write_transaction():
        assert delete_group(session, first, by=actor())
        assert not delete_group(session, first, by=actor())
        assert set_group(session, other, name="Promoters", by=actor())
    with pytest.raises(InvalidEntry, match="already"), write_transaction():
        undelete_group(session, first, by=actor())
    with pytest.raises(Refused, match="deleted"), write_transaction():
        set_group(session, first, case_sharing=False, by=actor())
    with write_transaction():
        set_group(session, other, name="Others", by=actor())
        assert undelete_group(session, first, by=actor())
        assert not undelete_group(session, first, by=actor())


def test_a_group_is_found_by_name_and_id_in_its_project_only(session: Session, project: Project):
    promoters = group(project, name="Promoters of Kilifi")
    assert get_group(session, project.id, " Promoters of  Kilifi ") is promoters
    assert get_group(session, project.id, promoters.group_id) is promoters
    with write_transaction():
        delete_group(session, promoters, by=actor())
    assert get_group(session, project.id, promoters.group_id, deleted=True) is promoters
    for project_id, text in (
        (project.id, "Promoters of Kilifi"),
        (project.id, promoters.group_id),
        (make_project().id, promoters.group_id),
    ):
        with pytest.raises(NotFound, match="no group"):
            get_group(session, project_id, text)


def test_each_change_of_a_group_is_told(session: Session, project: Project):
    amina, biko = (mobile_worker(project, name) for name in ("amina", "biko"))
    with write_transaction():
        promoters = create_group(session, project.id, "Promoters", by=actor())
        assert add_members(session, promoters, [biko, amina, biko], by=actor()) == [amina, biko]
        assert add_members(session, promoters, [biko], by=actor()) == []
        assert remove_members(session, promoters, [biko], by=actor()) == [biko]
        assert remove_members(session, promoters, [biko], by=actor()) == []
        assert set_group(session, promoters, case_sharing=True, reporting=True, by=actor())
        assert not set_group(session, promoters, case_sharing=True, by=actor())
        delete_group(session, promoters, by=actor())
        undelete_group(session, promoters, by=actor())
    assert told(session, project, f"group:{promoters.group_id}") == [
        ("group.create", None, {"name": "Promoters", "case_sharing": False, "reporting": True}),
        ("group.add", None, {"members": ["amina", "biko"]}),
        ("group.remove", {"members": ["biko"]}, None),
        ("group.set", {"case_sharing": False}, {"case_sharing": True}),
        ("group.delete", {"name": "Promoters"}, None),
        ("group.undelete", None, {"name": "Promoters"}),
    ]


def test_a_workers_groups_are_replaced_but_for_those_that_are_deleted(
    session: Session, project: Project
):
    amina, biko = mobile_worker(project, "amina"), mobile_worker(project, "biko")
    first, second, gone = (group(project, amina, biko, name=name) for name in ("A", "B", "C"))
    third = group(project, name="D")
    with write_transaction():
        delete_group(session, gone, by=actor())
        assert set_groups(session, amina, [third, second], by=actor())
        assert not set_groups(session, amina, [second, third], by=actor())
    with pytest.raises(Refused, match="deleted"), write_transaction():
        set_groups(session, amina, [gone], by=actor())
    assert told(session, project, "worker:amina")[-1] == (
        "worker.set", {"groups": ["A", "B"]}, {"groups": ["B", "D"]}
    )  # fmt: skip
    with write_transaction():
        undelete_group(session, gone, by=actor())
    belong = belongings(session, project.id, [amina, biko])
    assert belong[amina.id].groups == [second, gone, third]
    assert belong[biko.id].groups == [first, second, gone]


def test_lists_of_groups_and_workers(session: Session, project: Project):
    amina, biko, chebet = (mobile_worker(project, name) for name in ("amina", "biko", "chebet_x"))
    many, none = group(project, amina, biko, name="many"), group(project, name="None")
    with write_transaction():
        amina.first_name, biko.last_name, biko.active = "Özge", "100% Were", False
        delete_group(session, group_to_delete := create_group(
            session, project.id, "gone", by=actor()), by=actor())  # fmt: skip
    group(make_project(), name="elsewhere")
    rows = groups_of(session, project.id)
    assert [(row.group, row.members, row.active) for row in rows] == [(many, 2, 1), (none, 0, 0)]
    assert [row.group for row in groups_of(session, project.id, deleted=True)] == [group_to_delete]

    def found(**narrowing: object) -> str:
        workers = session.scalars(workers_of(project.id, **narrowing)).all()
        return " ".join(worker.username for worker in workers)

    assert found() == "amina biko chebet_x"
    assert found(search="özg") == "amina"
    assert found(search="IK were") == "biko"
    assert found(search="%") == "biko"
    assert found(search="_") == "chebet_x"
    assert found(active=True) == "amina chebet_x"
    assert found(group=many, active=False) == "biko"
    assert chebet.username not in found(group=many)
