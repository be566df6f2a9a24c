"""Workers who share cases, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor, mobile_worker, unique
from tests.sharing.phone import Phone
from webapp.database import write_transaction
from webapp.people import groups
from webapp.people.models import MobileWorker
from webapp.people.sharing_models import Group, GroupMember
from webapp.projects.models import Project


def group_of(session: Session, project: Project, *workers: MobileWorker) -> Group:
    """A group that shares cases."""
    with write_transaction():
        group = groups.create_group(
            session, project.id, unique("group"), case_sharing=True, by=actor()
        )
        groups.add_members(session, group, workers, by=actor())
    return group


def set_members(session: Session, group: Group, workers: Sequence[MobileWorker]) -> None:
    """Make just these its members."""
    with write_transaction():
        there = set(
            session.scalars(
                select(GroupMember.worker).where(
                    GroupMember.project_id == group.project_id, GroupMember.group == group.id
                )
            )
        )
        wanted = {worker.id for worker in workers}
        gone = [session.get_one(MobileWorker, key) for key in there - wanted]
        groups.remove_members(session, group, gone, by=actor())
        groups.add_members(session, group, list(workers), by=actor())


def phone_of(client: FlaskClient, project: Project, worker: MobileWorker | None = None) -> Phone:
    """A new phone of a worker, who is new too unless given."""
    return Phone(client, project, worker or mobile_worker(project))
