"""The organization tree: what can be where, and what comes back after it was archived (C7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from tests.factories import actor, level, location, mobile_worker
from tests.factories import project as make_project
from tests.people.told import told
from webapp.database import write_transaction
from webapp.errors import Invalid, InvalidEntry, NotFound, Refused
from webapp.people.belonging import set_locations
from webapp.people.levels import create_level, delete_level, get_level, set_level
from webapp.people.locations import (
    archive_location,
    create_location,
    get_location,
    move_location,
    set_location,
    unarchive_location,
)
from webapp.people.queries import belongings, levels_of, tree_of
from webapp.people.sharing_models import Level, Location
from webapp.projects.models import Project


class Tree:
    """A country with two districts; the first has two clinics."""

    def __init__(self, project: Project) -> None:
        self.project, self.level = project, level(project)
        self.country = self.add("Country", None)
        self.north, self.south = self.add("North"), self.add("South")
        self.first, self.second = (self.add(name, self.north) for name in ("First", "Second"))

    def add(self, name: str, parent: Location | str | None = "Country") -> Location:
        above = self.country if isinstance(parent, str) else parent
        return location(self.project, self.level, parent=above, name=name)

    def live(self, session: Session) -> str:
        return " ".join(
            f"{row.depth}{row.location.name}" for row in tree_of(session, self.project.id)
        )


@pytest.fixture
def tree(project: Project) -> Tree:
    return Tree(project)


def test_a_tree_is_listed_from_the_top_down(session: Session, tree: Tree):
    amina, biko = mobile_worker(tree.project), mobile_worker(tree.project)
    with write_transaction():
        biko.active = False
        for worker in (amina, biko):
            set_locations(session, worker, [tree.first, tree.south], by=actor())
    Tree(make_project())
    assert tree.live(session) == "0Country 1North 2First 2Second 1South"
    rows = {row.location: row for row in tree_of(session, tree.project.id)}
    assert rows[tree.first].path == (tree.country, tree.north, tree.first)
    assert [rows[one].workers for one in (tree.first, tree.north, tree.south)] == [1, 0, 1]
    assert belongings(session, tree.project.id, [biko])[biko.id].locations == [
        tree.first, tree.south
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "codes"),
    [
        (["Clinic Nº 5 – Garissa"], ["clinic_no_5_garissa"]),
        (["Élodie", "elodie"], ["elodie", "elodie_2"]),
        (["مركز", "诊所"], ["location", "location_2"]),
        (["A_2", "a", "A.", "a-"], ["a_2", "a", "a_3", "a_4"]),
        (["x" * 255, "x" * 254], ["x" * 245, "x" * 245 + "_2"]),
    ],
)
def test_a_site_code_is_made_from_the_name(
    session: Session, project: Project, names: list[str], codes: list[str]
):
    of = level(project)
    assert [location(project, of, name=name).site_code for name in names] == codes


@pytest.mark.parametrize("code", ["a b", "é", "a/b", "x" * 256, "a\0"])
def test_odd_site_codes_are_refused(session: Session, project: Project, code: str):
    of = level(project)
    with pytest.raises(InvalidEntry, match="letters from a to z") as raised, write_transaction():
        create_location(session, project.id, "Clinic", of, site_code=code, by=actor())
    assert raised.value.field == "site_code"


def test_codes_are_one_locations_and_names_differ_where_they_stand(session: Session, tree: Tree):
    def refused(sentence: str, change: Callable[[], object]) -> None:
        with pytest.raises(InvalidEntry, match=sentence), write_transaction():
            change()

    def new(name: str, parent: Location | None, code: str = "") -> Location:
        return create_location(
            session, tree.project.id, name, tree.level, parent=parent, site_code=code, by=actor()
        )

    refused("that of “First” already", lambda: new("Third", tree.south, "FIRST"))
    refused(
        "that of “First”", lambda: set_location(session, tree.south, site_code="first", by=actor())
    )
    refused("“First” at this place", lambda: new("First", tree.north))
    refused("“Country” at this place", lambda: new("Country", None))
    refused("“North” at this", lambda: set_location(session, tree.south, name="North", by=actor()))
    with write_transaction():
        other = new("First", tree.south)
        assert other.site_code == "first_2"
        assert not set_location(session, other, name=" First", site_code="FIRST_2", by=actor())
    refused("“First” at this", lambda: move_location(session, other, tree.north, by=actor()))


def test_nothing_comes_to_lie_below_itself_or_what_is_archived(session: Session, tree: Tree):
    def refused(sentence: str, change: Callable[[], object]) -> None:
        with pytest.raises(Refused, match=sentence), write_transaction():
            change()

    refused("below itself", lambda: move_location(session, tree.north, tree.north, by=actor()))
    refused("“First” lies below “Country”",
            lambda: move_location(session, tree.country, tree.first, by=actor()))  # fmt: skip
    with write_transaction():
        assert move_location(session, tree.north, tree.south, by=actor())
        assert not move_location(session, tree.north, tree.south, by=actor())
        assert move_location(session, tree.second, None, by=actor())
        archive_location(session, tree.second, by=actor())
    assert tree.live(session) == "0Country 1South 2North 3First"
    refused(
        "nothing can be put below",
        lambda: move_location(session, tree.first, tree.second, by=actor()),
    )
    refused("Bring it back", lambda: move_location(session, tree.second, tree.south, by=actor()))
    refused("nothing can be put", lambda: create_location(
        session, tree.project.id, "Third", tree.level, parent=tree.second, by=actor()))  # fmt: skip


def test_what_was_archived_in_one_go_comes_back_together(session: Session, tree: Tree):
    amina, biko = mobile_worker(tree.project), mobile_worker(tree.project)
    with write_transaction():
        set_locations(session, amina, [tree.first, tree.second], by=actor())
        assert archive_location(session, tree.second, by=actor()) == ["second"]
    with write_transaction():
        assert archive_location(session, tree.north, by=actor()) == ["first", "north"]
        assert archive_location(session, tree.north, by=actor()) == []
    assert tree.live(session) == "0Country 1South"
    everything = tree_of(session, tree.project.id, archived=True)
    assert [(row.depth, row.location.archived) for row in everything] == [
        (0, False), (1, True), (2, True), (2, True), (1, False)
    ]  # fmt: skip
    with pytest.raises(Refused, match="“North”, which is archived"), write_transaction():
        unarchive_location(session, tree.first, by=actor())
    with pytest.raises(Refused, match="nobody can be assigned"), write_transaction():
        set_locations(session, biko, [tree.first], by=actor())
    tree.add("Third", tree.south)
    with write_transaction():
        assert unarchive_location(session, tree.north, by=actor()) == ["first", "north"]
        assert unarchive_location(session, tree.north, by=actor()) == []
        # Those that they have are kept or left, archived or not.
        assert set_locations(session, amina, [tree.second], by=actor())
    assert tree.live(session) == "0Country 1North 2First 1South 2Third"
    assert told(session, tree.project, f"location:{tree.north.location_id}")[1:] == [
        ("location.archive", {"site_codes": ["first", "north"]}, None),
        ("location.unarchive", None, {"site_codes": ["first", "north"]}),
    ]
    assert told(session, tree.project, f"worker:{amina.username}")[1:] == [
        ("worker.set", {"locations": []}, {"locations": ["first", "second"]}),
        ("worker.set", {"locations": ["first", "second"]}, {"locations": ["second"]}),
    ]


def test_the_name_of_an_archived_location_may_be_taken_meanwhile(session: Session, tree: Tree):
    with write_transaction():
        archive_location(session, tree.first, by=actor())
    other = tree.add("First", tree.north)
    with pytest.raises(InvalidEntry, match="“First” at this place"), write_transaction():
        unarchive_location(session, tree.first, by=actor())
    with write_transaction():
        set_location(session, other, name="Another", by=actor())
        assert unarchive_location(session, tree.first, by=actor()) == ["first"]


def test_a_location_is_found_by_code_id_and_a_name_that_only_one_has(session: Session, tree: Tree):
    project_id = tree.project.id
    for text in ("first", " FIRST ", tree.first.location_id, "First"):
        assert get_location(session, project_id, text) is tree.first
    other = tree.add("Second", tree.south)
    assert get_location(session, project_id, "second") is tree.second  # its code
    with write_transaction():
        set_location(session, tree.second, site_code="clinic-2", by=actor())
    with pytest.raises(Invalid, match="by its site code: clinic-2, second_2"):
        get_location(session, project_id, "Second")
    with write_transaction():
        archive_location(session, other, by=actor())
    assert get_location(session, project_id, "Second") is tree.second
    for of, text in ((project_id, "none"), (make_project().id, tree.first.location_id)):
        with pytest.raises(NotFound, match="no location"):
            get_location(session, of, text)


def test_each_change_of_a_location_is_told(session: Session, tree: Tree):
    other = level(tree.project)
    with write_transaction():
        assert set_location(
            session, tree.first, name="1st", site_code="one", level=other, by=actor()
        )
        assert tree.first.level is other
        move_location(session, tree.first, tree.south, by=actor())
        move_location(session, tree.first, None, by=actor())
    assert told(session, tree.project, f"location:{tree.first.location_id}") == [
        ("location.create", None,
         {"name": "First", "site_code": "first", "level": tree.level.name, "parent": "north"}),
        ("location.set", {"name": "First", "site_code": "first", "level": tree.level.name},
         {"name": "1st", "site_code": "one", "level": other.name}),
        ("location.move", {"parent": "north"}, {"parent": "south"}),
        ("location.move", {"parent": "south"}, {"parent": ""}),
    ]  # fmt: skip


def test_levels(session: Session, project: Project):
    with write_transaction():
        clinic = create_level(session, project.id, "Clinic", owns_cases=True, by=actor())
        district = create_level(session, project.id, "District", by=actor())
        assert set_level(session, district, views_child_data=True, owns_cases=False, by=actor())
        assert not set_level(session, district, name=" District ", by=actor())
    assert told(session, project, f"level:{district.id}") == [
        (
            "level.create",
            None,
            {"name": "District", "owns_cases": False, "views_child_data": False},
        ),
        ("level.set", {"views_child_data": False}, {"views_child_data": True}),
    ]  # fmt: skip
    assert get_level(session, project.id, "Clinic ") is clinic
    with pytest.raises(NotFound, match="There are: Clinic, District"):
        get_level(session, project.id, "Country")
    with pytest.raises(NotFound, match="nor any other"):
        get_level(session, make_project().id, "Clinic")
    for change in (
        lambda: create_level(session, project.id, "Clinic", by=actor()),
        lambda: set_level(session, district, name="Clinic", by=actor()),
    ):
        with pytest.raises(InvalidEntry, match="“Clinic” already"), write_transaction():
            change()
    one, other = location(project, clinic), location(project, clinic)
    with write_transaction():
        archive_location(session, one, by=actor())
    assert [(row.level, row.locations, row.archived) for row in levels_of(session, project.id)] == [
        (clinic, 1, 1), (district, 0, 0)
    ]  # fmt: skip
    with pytest.raises(Refused, match="level of 2 locations"), write_transaction():
        delete_level(session, clinic, by=actor())
    with write_transaction():
        delete_level(session, district, by=actor())
        assert isinstance(create_level(session, project.id, "District", by=actor()), Level)
    assert other.level is clinic
