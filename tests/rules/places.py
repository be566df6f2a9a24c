"""Locations and workers that own the cases of random worlds (`tests.rules.dirt`)."""

from __future__ import annotations

from random import Random

from sqlalchemy import insert
from sqlalchemy.orm import Session

from tests.rules.dirt import OWNERS, PLACES
from webapp.database import write_transaction
from webapp.people.models import MobileWorker
from webapp.people.sharing_models import Assignment, Level, Location


def make_places(session: Session, project_id: int, random: Random) -> None:
    """A tree of five locations, some archived, and five workers, some deactivated, each assigned to
    some of them or to none."""
    with write_transaction():
        level = Level(project_id=project_id, name="place", owns_cases=random.random() < 0.5)
        session.add(level)
        session.flush()  # its key
        made: list[Location] = []
        for place in PLACES[:5]:
            above = random.choice((None, *made))
            one = Location(
                project_id=project_id,
                location_id=place,
                site_code=place,
                name=f"Place {place[:2]}",
                level_id=level.id,
                parent_id=None if above is None else above.id,
                archived=random.random() < 0.3,
                created_on=1,
            )
            session.add(one)
            session.flush()  # its key
            made.append(one)
        workers = [
            MobileWorker(
                project_id=project_id,
                user_id=owner,
                username=owner[:2],
                password_hash="",
                active=random.random() < 0.7,
                created_on=1,
            )
            for owner in OWNERS[5:10]
        ]
        session.add_all(workers)
        session.flush()  # their keys
        rows = [
            {"project_id": project_id, "worker": worker.id, "location": place.id}
            for worker in workers
            for place in random.sample(made, random.choice((0, 1, 1, 2)))
        ]
        if rows:
            session.execute(insert(Assignment), rows)
