"""Owner sets, as a table of situations (SPEC C1, C2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor, group, level, location, mobile_worker
from tests.factories import project as make_project
from webapp.database import write_transaction
from webapp.people.belonging import set_locations
from webapp.people.groups import delete_group
from webapp.people.locations import archive_location, unarchive_location
from webapp.people.models import MobileWorker
from webapp.people.operations import set_worker
from webapp.people.owner_sets import owner_set, sharing_owners
from webapp.people.sharing_models import Location
from webapp.projects.models import Project


class Place:
    """Where a worker called Amina is put somewhere: what each situation does."""

    def __init__(self, session: Session, project: Project) -> None:
        self.session, self.project = session, project
        self.amina = mobile_worker(project)
        self.plain = level(project, owns_cases=False)
        self.owning = level(project)
        self.viewing = level(project, owns_cases=False, views_child_data=True)
        self.both = level(project, views_child_data=True)

    def group(self, name: str, *members: MobileWorker, **said: bool) -> None:
        group(self.project, *(members or [self.amina]), name=name, **said)

    def at(self, *locations: Location) -> None:
        with write_transaction():
            set_locations(self.session, self.amina, locations, by=actor())

    def archive(self, one: Location) -> None:
        with write_transaction():
            archive_location(self.session, one, by=actor())

    def location(self, name: str, of: str = "owning", parent: Location | None = None) -> Location:
        return location(self.project, getattr(self, of), parent=parent, name=name)


def in_nothing(place: Place) -> None:
    place.group("others", mobile_worker(place.project))


def in_one_group(place: Place) -> None:
    place.group("g")


def in_two_groups(place: Place) -> None:
    place.group("g")
    place.group("h")


def in_a_group_with_sharing_off(place: Place) -> None:
    place.group("g", case_sharing=False)


def in_one_that_shares_and_one_that_does_not(place: Place) -> None:
    place.group("g")
    place.group("h", case_sharing=False)


def in_a_group_that_is_deleted(place: Place) -> None:
    made = group(place.project, place.amina, name="g")
    with write_transaction():
        delete_group(place.session, made, by=actor())


def inactive_but_in_a_group(place: Place) -> None:
    place.group("g")
    with write_transaction():
        set_worker(place.session, place.amina, active=False, by=actor())


def at_a_location_that_owns_cases(place: Place) -> None:
    place.at(place.location("clinic"))


def at_a_location_that_owns_none(place: Place) -> None:
    place.at(place.location("office", "plain"))


def at_an_archived_location(place: Place) -> None:
    clinic = place.location("clinic")
    place.at(clinic)
    place.archive(clinic)


def at_a_location_that_came_back(place: Place) -> None:
    clinic = place.location("clinic")
    place.at(clinic)
    place.archive(clinic)
    with write_transaction():
        unarchive_location(place.session, clinic, by=actor())


def in_a_group_and_at_a_location(place: Place) -> None:
    place.group("g")
    place.at(place.location("clinic"))


def at_a_level_that_views_child_data_over_several_levels(place: Place) -> None:
    country = place.location("country", "viewing")
    district = place.location("district", "plain", country)
    clinic = place.location("clinic", "owning", district)
    place.location("post", "owning", clinic)
    place.location("elsewhere")
    place.at(country)


def at_a_level_that_owns_and_views(place: Place) -> None:
    district = place.location("district", "both")
    place.location("clinic", "owning", district)
    place.at(district)


def above_a_level_that_views_but_itself_does_not(place: Place) -> None:
    country = place.location("country", "owning")
    district = place.location("district", "both", country)
    place.location("clinic", "owning", district)
    place.at(country)


def at_a_viewing_level_that_is_archived(place: Place) -> None:
    district = place.location("district", "viewing")
    place.location("clinic", "owning", district)
    place.at(district)
    with write_transaction():  # alone, which no operation does
        district.archived = True


def above_an_archived_one_in_the_middle(place: Place) -> None:
    country = place.location("country", "viewing")
    middle = place.location("middle", "owning", country)
    place.location("clinic", "owning", middle)
    place.at(country)
    with write_transaction():  # no operation leaves it so: what is below is archived with it
        middle.archived = True


def above_what_was_archived_with_all_below(place: Place) -> None:
    country = place.location("country", "viewing")
    district = place.location("district", "owning", country)
    place.location("clinic", "owning", district)
    place.location("other", "owning", country)
    place.at(country)
    place.archive(district)


def two_assignments_that_overlap(place: Place) -> None:
    country = place.location("country", "viewing")
    district = place.location("district", "both", country)
    place.location("clinic", "owning", district)
    place.at(country, district)


def a_viewing_and_a_plain_assignment_below_each_other(place: Place) -> None:
    district = place.location("district", "plain")
    clinic = place.location("clinic", "both", district)
    place.location("post", "owning", clinic)
    place.location("other", "owning", district)
    place.at(district, clinic)


def of_another_project(place: Place) -> None:
    other = Place(place.session, make_project())
    in_one_group(other)
    at_a_level_that_owns_and_views(other)


SITUATIONS: list[tuple[Callable[[Place], None], str]] = [
    (in_nothing, ""),
    (in_one_group, "g"),
    (in_two_groups, "g h"),
    (in_a_group_with_sharing_off, ""),
    (in_one_that_shares_and_one_that_does_not, "g"),
    (in_a_group_that_is_deleted, ""),
    (inactive_but_in_a_group, "g"),
    (at_a_location_that_owns_cases, "clinic"),
    (at_a_location_that_owns_none, ""),
    (at_an_archived_location, ""),
    (at_a_location_that_came_back, "clinic"),
    (in_a_group_and_at_a_location, "g clinic"),
    (at_a_level_that_views_child_data_over_several_levels, "clinic post"),
    (at_a_level_that_owns_and_views, "clinic district"),
    (above_a_level_that_views_but_itself_does_not, "country"),
    (at_a_viewing_level_that_is_archived, ""),
    (above_an_archived_one_in_the_middle, "clinic"),
    (above_what_was_archived_with_all_below, "other"),
    (two_assignments_that_overlap, "clinic district"),
    (a_viewing_and_a_plain_assignment_below_each_other, "clinic post"),
    (of_another_project, ""),
]


@pytest.mark.parametrize(
    ("situation", "owners"), SITUATIONS, ids=[one.__name__ for one, _owners in SITUATIONS]
)
def test_whose_cases_a_phone_carries(
    session: Session, project: Project, situation: Callable[[Place], None], owners: str
):
    place = Place(session, project)
    situation(place)
    found = owner_set(session, place.amina)
    assert " ".join(one.name for one in found.sharing) == owners
    assert found.ids == {place.amina.user_id, *(one.owner_id for one in found.sharing)}
    assert (found.one is not None) == (len(owners.split()) == 1)
    # Asked for all workers at once it is the same.
    every = sharing_owners(project.id)
    of_amina = select(every.c.owner_id).where(every.c.worker == place.amina.id)
    assert sorted(session.scalars(of_amina)) == sorted(found.ids - {place.amina.user_id})
