"""What says that a project is a demonstration, and whether it is complete: two events in the audit
log. Whatever stands between them is made up, its times too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from webapp.audit.actor import Actor
from webapp.audit.models import AuditEvent
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import Micros, last_tick, now
from webapp.database import lock_name
from webapp.errors import NotFound, Refused
from webapp.projects.models import Project
from webapp.projects.operations import create_project, get_project


@dataclass(frozen=True, slots=True)
class Begun:
    """A demonstration that is being made: which one, and up to which instant."""

    project_id: int
    name: str
    seed: int
    until: Micros


def begin(session: Session, name: str, *, title: str, seed: int, by: Actor) -> Begun:
    """Begin a demonstration in a new project, or an empty one; or go on with one that was not
    finished, with its own seed. Raises `Refused` where the project has forms, `Invalid` for a name
    that cannot be one."""
    lock_name(session, "project", name)
    try:
        project = get_project(session, name)
    except NotFound:
        project = create_project(session, name, title=title, by=by)
    begun = _begun(session, project)
    if begun is not None:
        return begun
    if last_tick(session, project.id):
        raise Refused(
            f"The project “{name}” has been used already. Choose the name of a new one with"
            " --project."
        )
    begun = Begun(project.id, name, seed, now())
    after = {"seed": seed, "until": begun.until}
    _record(session, begun, Tag.DEMO_BEGIN, by, after)
    return begun


def end(session: Session, begun: Begun, *, cases: int, forms: int, by: Actor) -> None:
    """A demonstration is complete."""
    _record(session, begun, Tag.DEMO_END, by, {"cases": cases, "forms": forms})


def unfinished(session: Session) -> Sequence[str]:
    """The names of the projects whose making was broken off. One query."""
    ended = aliased(AuditEvent)
    return session.scalars(
        select(Project.name)
        .join(AuditEvent, AuditEvent.project_id == Project.id)
        .where(
            AuditEvent.tag == Tag.DEMO_BEGIN.value,
            ~exists().where(ended.project_id == Project.id, ended.tag == Tag.DEMO_END.value),
        )
        .order_by(Project.id)
    ).all()


def _begun(session: Session, project: Project) -> Begun | None:
    if project.name not in unfinished(session):
        return None
    event = session.scalars(
        select(AuditEvent).where(
            AuditEvent.project_id == project.id, AuditEvent.tag == Tag.DEMO_BEGIN.value
        )
    ).one()
    said = event.after or {}
    return Begun(project.id, project.name, said["seed"], said["until"])


def _record(session: Session, begun: Begun, tag: Tag, by: Actor, after: dict[str, int]) -> None:
    record(
        session,
        project_id=begun.project_id,
        tag=tag,
        subject=f"demo:{begun.name}",
        by=by,
        after=after,
    )
