"""Groups, locations and who is in them, put straight into the tables."""

from __future__ import annotations

from collections.abc import Sequence

from tests import factories
from webapp.audit.actor import Actor
from webapp.database import write_transaction
from webapp.people.members import remove_member
from webapp.people.models import MobileWorker, WebUser
from webapp.people.sharing_models import Assignment, Group, GroupMember, Level, Location
from webapp.projects.models import Project


def group(
    project: Project,
    name: str,
    *members: MobileWorker,
    sharing: bool = True,
    deleted: bool = False,
) -> Group:
    """A group with members."""
    with write_transaction() as session:
        made = Group(
            project_id=project.id,
            group_id=_id(),
            name=name,
            case_sharing=sharing,
            deleted=deleted,
            created_on=1,
        )
        session.add(made)
        session.flush()  # its key
        session.add_all(
            GroupMember(project_id=project.id, group=made.id, worker=one.id) for one in members
        )
    return made


def level(project: Project, *, owns: bool = True, views: bool = False) -> Level:
    """A level of locations."""
    with write_transaction() as session:
        made = Level(
            project_id=project.id,
            name=factories.unique("level"),
            owns_cases=owns,
            views_child_data=views,
        )
        session.add(made)
    return made


def location(
    project: Project,
    name: str,
    of: Level,
    *workers: MobileWorker,
    above: Location | None = None,
    archived: bool = False,
) -> Location:
    """A location with the workers assigned to it."""
    with write_transaction() as session:
        made = Location(
            project_id=project.id,
            location_id=_id(),
            site_code=name.lower().replace(" ", "-"),
            name=name,
            level_id=of.id,
            parent_id=None if above is None else above.id,
            archived=archived,
            created_on=1,
        )
        session.add(made)
        session.flush()  # its key
        session.add_all(
            Assignment(project_id=project.id, location=made.id, worker=one.id) for one in workers
        )
    return made


def deactivate(*workers: MobileWorker) -> None:
    """They cannot sign in any more."""
    with write_transaction() as session:
        for one in workers:
            session.merge(one).active = False


def web_user_who_left(project: Project) -> WebUser:
    """Somebody whom an administrator took out of the project."""
    user, boss = factories.web_user(project), factories.web_user(project)
    by = Actor(boss.user_id, boss.email, "tests")
    with write_transaction() as session:
        remove_member(session, project, user.user_id, by=by)
    return user


def workers(project: Project, *names: str) -> Sequence[MobileWorker]:
    """Workers of these names."""
    return [factories.mobile_worker(project, name) for name in names]


def _id() -> str:
    return factories.unique("")[1:].ljust(32, "0")
