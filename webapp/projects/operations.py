"""Making and changing projects."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import Tick, now
from webapp.database import lock_name
from webapp.errors import Invalid, NotFound
from webapp.projects.models import Project, Role
from webapp.projects.rights import STANDARD_ROLES

#: The settings that are numbers, with the least and the most that they may be.
NUMBERS = {
    "hour": (0, 23),
    "daily_limit": (0, 10_000_000),
    "run_hours": (1, 168),
    "brake_cases": (0, 10_000_000),
    "brake_percent": (0, 100),
    "anonymous_quota": (0, 1_000_000),
}

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,61}[a-z0-9]|[a-z0-9]", re.ASCII)


def create_project(session: Session, name: str, *, title: str = "", by: Actor) -> Project:
    """Make a project with its tick and the standard roles.

    `name` stands in addresses: lower-case letters, digits and hyphens, at most 63. Raises
    `Invalid` when it is not, or is taken.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(
            "A project's name has lower-case letters, digits and hyphens, at most 63, and begins"
            " and ends with a letter or digit."
        )
    if title:
        _check("title", title)
    lock_name(session, "project", name)
    if session.scalar(select(Project.id).where(Project.name == name)) is not None:
        raise Invalid(f"There is a project “{name}” already. Choose another name.")
    project = Project(name=name, title=title or name, created_on=now())
    session.add(project)
    session.flush()  # the rows below need its key
    session.add(Tick(project_id=project.id, last=0))
    session.add_all(
        Role(project_id=project.id, name=role, rights=[right.value for right in rights])
        for role, rights in STANDARD_ROLES.items()
    )
    record(
        session,
        project_id=project.id,
        tag=Tag.PROJECT_CREATE,
        subject=f"project:{name}",
        by=by,
        after={"name": name, "title": project.title},
    )
    session.flush()  # callers look for its roles
    return project


def get_project(session: Session, name: str) -> Project:
    """A project by its name. Raises `NotFound`."""
    project = session.scalar(select(Project).where(Project.name == name))
    if project is None:
        raise NotFound(f"There is no project “{name}”.")
    return project


def set_project(session: Session, project: Project, settings: dict[str, Any], *, by: Actor) -> None:
    """Change settings of a project: title, timezone, anonymous_submissions, and `NUMBERS`.

    Another hour or zone counts from the next slot on (SPEC R17). Raises `Invalid`, naming the
    setting, for an unknown one or a value that it cannot have.
    """
    before = {}
    for name, value in settings.items():
        _check(name, value)
        before[name] = getattr(project, name)
        setattr(project, name, value)
    if any(before[name] != settings[name] for name in ("hour", "timezone") if name in settings):
        project.clock_set_on = now()
    record(
        session,
        project_id=project.id,
        tag=Tag.PROJECT_SET,
        subject=f"project:{project.name}",
        by=by,
        before=before,
        after=settings,
    )


def _check(name: str, value: Any) -> None:
    if name == "timezone":
        if value not in available_timezones():
            raise Invalid(f"timezone: “{value}” is no time zone. Write one like Africa/Nairobi.")
    elif name == "title":
        if not isinstance(value, str) or not 1 <= len(value) <= 255:
            raise Invalid("title: write 1 to 255 characters.")
    elif name == "anonymous_submissions":
        if not isinstance(value, bool):
            raise Invalid("anonymous_submissions: must be true or false.")
    elif name in NUMBERS:
        least, most = NUMBERS[name]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Invalid(f"{name}: must be a whole number from {least} to {most}.")
    else:
        raise Invalid(f"There is no setting “{name}”.")
