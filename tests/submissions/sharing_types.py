"""A project whose new cases are shared or private by their type (SPEC C4)."""

from __future__ import annotations

from tests.factories import PASSWORD, actor
from webapp.database import write_transaction
from webapp.dictionary.models import Sharing
from webapp.dictionary.operations import add_case_type, set_case_type
from webapp.people.belonging import set_groups
from webapp.people.groups import create_group, get_group
from webapp.people.models import MobileWorker
from webapp.people.operations import create_worker
from webapp.projects.models import Project


def share(project: Project, *owners: str, **types: Sharing) -> MobileWorker:
    """The worker `worker-1`, whose groups of `owner-1` and `owner-2` are the `owners`, and case
    types of the project with their sharing."""
    with write_transaction() as session:
        worker = create_worker(
            session, project, "worker-1", PASSWORD, by=actor(), user_id="worker-1"
        )
        for owner in ("owner-1", "owner-2"):
            create_group(session, project.id, owner, case_sharing=True, by=actor(), group_id=owner)
        put_into(project, worker, *owners)
        for name, sharing in types.items():
            add_case_type(session, project.id, name, by=actor())
            set_case_type(session, project.id, name, {"sharing": sharing}, by=actor())
    return worker


def put_into(project: Project, worker: MobileWorker, *owners: str) -> None:
    """Put the worker into exactly these groups, within a transaction that may write."""
    from webapp.extensions import db

    session = db.session()
    groups = [get_group(session, project.id, owner) for owner in owners]
    set_groups(session, worker, groups, by=actor())
