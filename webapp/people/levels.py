"""Making and changing the levels of the organization tree (SPEC C7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.errors import InvalidEntry, NotFound, Refused
from webapp.people.names import checked_name
from webapp.people.sharing_models import Level, Location
from webapp.people.turns import hold_people


def create_level(
    session: Session,
    project_id: int,
    name: str,
    *,
    owns_cases: bool = False,
    views_child_data: bool = False,
    by: Actor,
) -> Level:
    """Make a level. Raises `InvalidEntry` for a name that cannot be, or is taken."""
    name = checked_name(name)
    _check_free(session, project_id, name)
    level = Level(
        project_id=project_id, name=name, owns_cases=owns_cases, views_child_data=views_child_data
    )
    session.add(level)
    session.flush()  # locations refer to it by its key, and so does its event
    _record(session, Tag.LEVEL_CREATE, level, by, after=_said(level))
    return level


def set_level(
    session: Session,
    level: Level,
    *,
    name: str | None = None,
    owns_cases: bool | None = None,
    views_child_data: bool | None = None,
    by: Actor,
) -> bool:
    """Change what is named of a level; whether anything changed. No case is rewritten (SPEC C6).
    Raises `InvalidEntry`."""
    said: dict[str, Any] = {"owns_cases": owns_cases, "views_child_data": views_child_data}
    hold_people(session, level.project_id, level)
    if name is not None:
        said["name"] = checked_name(name)
        _check_free(session, level.project_id, said["name"], but=level)
    after = {key: value for key, value in said.items() if value not in {None, getattr(level, key)}}
    before = {key: getattr(level, key) for key in after}
    for key, value in after.items():
        setattr(level, key, value)
    if after:
        _record(session, Tag.LEVEL_SET, level, by, before=before, after=after)
    return bool(after)


def delete_level(session: Session, level: Level, *, by: Actor) -> None:
    """Delete a level that has no locations, archived ones neither: made by mistake. Raises
    `Refused`."""
    hold_people(session, level.project_id, level)
    there = session.scalar(
        select(func.count()).where(
            Location.project_id == level.project_id, Location.level_id == level.id
        )
    )
    if there:
        raise Refused(
            _(
                "“%(name)s” is the level of %(count)s locations, archived ones among them. Give"
                " them another level first.",
                name=level.name,
                count=there,
            )
        )
    _record(session, Tag.LEVEL_DELETE, level, by, before=_said(level))
    session.delete(level)
    session.flush()  # its name is free for what the same transaction makes


def get_level(session: Session, project_id: int, name: str) -> Level:
    """A level by its name. Raises `NotFound`, with those that there are. One query."""
    name = " ".join(name.split())
    levels = {
        level.name: level
        for level in session.scalars(select(Level).where(Level.project_id == project_id))
    }
    if name not in levels:
        raise NotFound(
            _(
                "There is no level “%(name)s”. There are: %(known)s.",
                name=name[:80],
                known=", ".join(sorted(levels)),
            )
            if levels
            else _("There is no level “%(name)s”, nor any other yet.", name=name[:80])
        )
    return levels[name]


def _check_free(session: Session, project_id: int, name: str, *, but: Level | None = None) -> None:
    hold_people(session, project_id)
    taken = select(Level.id).where(Level.project_id == project_id, Level.name == name)
    if session.scalar(taken) not in {None, but and but.id}:
        raise InvalidEntry("name", _("There is a level “%(name)s” already.", name=name))


def _said(level: Level) -> dict[str, Any]:
    return {
        "name": level.name,
        "owns_cases": level.owns_cases,
        "views_child_data": level.views_child_data,
    }


def _record(
    session: Session,
    tag: Tag,
    level: Level,
    by: Actor,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    record(
        session,
        project_id=level.project_id,
        tag=tag,
        subject=f"level:{level.id}",
        by=by,
        before=before,
        after=after,
    )
