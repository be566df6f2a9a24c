"""The people of the demonstration belong together as a programme's do: most are at exactly one
facility, and those who are not are there to be found (SPEC C1, C2)."""

from __future__ import annotations

from collections import Counter

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.demo.conftest import begun
from webapp.database import write_transaction
from webapp.demo.build import Demo
from webapp.demo.programme import Size
from webapp.extensions import db
from webapp.people.models import MobileWorker
from webapp.people.owner_sets import sharing_owners
from webapp.people.queries import groups_of, tree_of
from webapp.projects.models import Project


class SetUp(Demo):
    """Its people, on the evening before their first forms."""

    def set_up(self) -> Project:
        """Make them."""
        with write_transaction() as session:
            project = session.get_one(Project, self.begun.project_id)
            self._set_up(session, project)
        return project


@pytest.fixture(scope="module")
def project_id(app: Flask) -> int:
    with app.app_context():
        demo = begun(SetUp, Size(promoters=20, days=200))
        assert isinstance(demo, SetUp)
        made = demo.set_up().id
        db.session.rollback()
        return made


def test_most_share_with_exactly_one_and_each_other_case_is_there(
    session: Session, project_id: int
):
    owners = sharing_owners(project_id)
    counts = session.scalars(
        select(func.count(owners.c.owner_id))
        .select_from(MobileWorker)
        .outerjoin(owners, owners.c.worker == MobileWorker.id)
        .where(MobileWorker.project_id == project_id)
        .group_by(MobileWorker.id)
    )
    # None; two facilities, or one and a group; all six below the sub-county.
    assert Counter(counts) == {1: 15, 0: 1, 2: 3, 6: 1}


def test_there_are_groups_with_and_without_sharing_and_members(session: Session, project_id: int):
    groups = groups_of(session, project_id)
    assert {(row.group.case_sharing, row.members > 0) for row in groups} == {
        (True, True), (True, False), (False, True)
    }  # fmt: skip
    assert sum(row.members for row in groups if not row.group.case_sharing) == 20


def test_places_are_a_tree_of_three_levels(session: Session, project_id: int):
    depths = Counter((row.depth, row.level.name) for row in tree_of(session, project_id))
    assert depths == {(0, "Sub-county"): 1, (1, "Ward"): 6, (2, "Facility"): 6}
