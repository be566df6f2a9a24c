"""Making and changing the organization tree (SPEC C7).

Whoever changes it holds all of it until the commit (`hold_people`): codes stay unique, siblings'
names differ, and no location comes to lie below itself, also when two people are at it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, aliased

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import now
from webapp.errors import Invalid, InvalidEntry, NotFound, Refused
from webapp.people.names import checked_name
from webapp.people.sharing_models import Level, Location
from webapp.people.site_codes import checked_code, made_code
from webapp.people.turns import hold_people


def create_location(
    session: Session,
    project_id: int,
    name: str,
    level: Level,
    *,
    parent: Location | None = None,
    site_code: str = "",
    by: Actor,
    location_id: str | None = None,
) -> Location:
    """Make a location, at the top of the tree or below another. Without a site code one is made
    from the name; `location_id` is a fresh one unless given (32 hexadecimal digits).

    Raises `InvalidEntry` for a name or code that cannot be, or is taken, and `Refused` below one
    that is archived.
    """
    name = checked_name(name)
    _hold(session, project_id, parent, level)
    _check_parent(parent)
    above = parent.id if parent else None
    _check_name(session, project_id, name, above)
    code = (
        checked_code(session, project_id, site_code)
        if site_code.strip()
        else made_code(session, project_id, name)
    )
    location = Location(
        project_id=project_id,
        location_id=location_id or uuid.uuid4().hex,
        site_code=code,
        name=name,
        level_id=level.id,
        parent_id=above,
        archived=False,
        created_on=now(),
    )
    session.add(location)
    session.flush()  # others lie below it by its key, and the next code must differ
    said = {"name": name, "site_code": code, "level": level.name}
    if parent is not None:
        said["parent"] = parent.site_code
    _record(session, Tag.LOCATION_CREATE, location, by, after=said)
    return location


def set_location(
    session: Session,
    location: Location,
    *,
    name: str | None = None,
    site_code: str | None = None,
    level: Level | None = None,
    by: Actor,
) -> bool:
    """Change what is named of a location; whether anything changed. Raises `InvalidEntry`."""
    _hold(session, location.project_id, location, level)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if name is not None and (name := checked_name(name)) != location.name:
        _check_name(session, location.project_id, name, location.parent_id, but=location)
        before["name"], after["name"] = location.name, name
        location.name = name
    if site_code is not None:
        code = checked_code(session, location.project_id, site_code, but=location)
        if code != location.site_code:
            before["site_code"], after["site_code"] = location.site_code, code
            location.site_code = code
    if level is not None and level.id != location.level_id:
        before["level"], after["level"] = location.level.name, level.name
        location.level_id = level.id
    if after:
        session.flush()  # the next name or code must differ
        session.expire(location, ["level"])
        _record(session, Tag.LOCATION_SET, location, by, before=before, after=after)
    return bool(after)


def move_location(
    session: Session, location: Location, parent: Location | None, *, by: Actor
) -> bool:
    """Put a location, with all that is below it, below another one, or with None at the top;
    whether that is a change.

    Raises `Refused` for a place below itself, for one that is archived, or below such a one;
    `InvalidEntry` where there is one of its name already.
    """
    hold_people(session, location.project_id, location, parent)
    above = parent.id if parent else None
    if location.parent_id == above:
        return False
    if location.archived:
        raise Refused(
            _("“%(name)s” is archived. Bring it back before moving it.", name=location.name)
        )
    _check_parent(parent)
    if parent is not None and parent.id in set(session.scalars(_keys_from(location))):
        raise Refused(
            _("“%(name)s” cannot lie below itself.", name=location.name)
            if parent is location
            else _(
                "“%(parent)s” lies below “%(name)s”, which therefore cannot lie below it.",
                parent=parent.name,
                name=location.name,
            )
        )
    _check_name(session, location.project_id, location.name, above, but=location)
    older = session.get(Location, location.parent_id) if location.parent_id else None
    location.parent_id = above
    session.flush()  # the next one that is moved must not lie below it
    _record(
        session,
        Tag.LOCATION_MOVE,
        location,
        by,
        before={"parent": older.site_code if older else ""},
        after={"parent": parent.site_code if parent else ""},
    )
    return True


def archive_location(
    session: Session, location: Location, *, by: Actor, reason: str = ""
) -> list[str]:
    """Archive a location with everything below it: from now on they count nowhere. Who is assigned
    to them stays so, for `unarchive_location`. The site codes of those that were not archived yet,
    by code; none where the location was."""
    hold_people(session, location.project_id, location)
    if location.archived:
        return []
    return _switch(
        session, location, _keys_from(location, archived_on=None), now(), by=by, reason=reason
    )


def unarchive_location(
    session: Session, location: Location, *, by: Actor, reason: str = ""
) -> list[str]:
    """Bring back an archived location, with all below it that was archived in the same go: what was
    archived before that stays so. The site codes of those that came back, by code; none where the
    location was not archived.

    Raises `Refused` where what it lies below is archived, and `InvalidEntry` where there is one of
    its name by now.
    """
    hold_people(session, location.project_id, location)
    if not location.archived:
        return []
    above = session.get(Location, location.parent_id) if location.parent_id else None
    if above is not None and above.archived:
        raise Refused(
            _(
                "“%(name)s” lies below “%(parent)s”, which is archived. Bring that back first.",
                name=location.name,
                parent=above.name,
            )
        )
    _check_name(session, location.project_id, location.name, location.parent_id, back=location)
    keys = _keys_from(location, archived_on=location.archived_on)
    return _switch(session, location, keys, None, by=by, reason=reason)


def get_location(session: Session, project_id: int, text: str) -> Location:
    """A location by its site code, its id, or a name that only one has, archived or not; where
    several have it, the one that is not archived.

    Raises `NotFound`, or `Invalid` with the site codes of those that have the name. One query.
    """
    name = " ".join(text.split())
    found = session.scalars(
        select(Location)
        .where(
            Location.project_id == project_id,
            (Location.site_code == name.lower())
            | (Location.location_id == name)
            | (Location.name == name),
        )
        .order_by(Location.site_code)
    ).all()
    for one in found:
        if name.lower() == one.site_code or name == one.location_id:
            return one
    live = [one for one in found if not one.archived] or found
    if not live:
        raise NotFound(_("There is no location “%(name)s”.", name=name[:80]))
    if len(live) > 1:
        raise Invalid(
            _(
                "Several locations are called “%(name)s”. Say which by its site code: %(codes)s.",
                name=name,
                codes=", ".join(one.site_code for one in live),
            )
        )
    return live[0]


def _hold(
    session: Session, project_id: int, location: Location | None, level: Level | None
) -> None:
    try:
        hold_people(session, project_id, location, level)
    except NotFound as error:  # a level: locations are archived
        raise InvalidEntry("level", error.message) from error


def _check_parent(parent: Location | None) -> None:
    if parent is not None and parent.archived:
        raise Refused(_("“%(name)s” is archived: nothing can be put below it.", name=parent.name))


def _check_name(
    session: Session,
    project_id: int,
    name: str,
    parent: int | None,
    *,
    but: Location | None = None,
    back: Location | None = None,
) -> None:
    """Raise `InvalidEntry` where a location of that name is below the same one (or at the top)
    and not archived; one that is itself archived (`but`) is compared with those of its go, unless
    it is to come `back`."""
    taken = select(Location.id).where(
        Location.project_id == project_id,
        Location.parent_id == parent,
        Location.name == name,
        Location.archived_on == (but.archived_on if but else None),
    )
    itself = but or back
    if session.scalar(taken) not in {None, itself and itself.id}:
        raise InvalidEntry(
            "name", _("There is a location “%(name)s” at this place already.", name=name)
        )


_ANY = object()


def _keys_from(location: Location, *, archived_on: object = _ANY) -> Select[int]:
    """The key of a location and of all below it, or those of them that were archived then (None:
    that are not)."""
    tree = (
        select(Location.id)
        .where(Location.project_id == location.project_id, Location.id == location.id)
        .cte("tree", recursive=True)
    )
    child = aliased(Location, name="child")
    tree = tree.union(
        select(child.id)
        .join(tree, child.parent_id == tree.c.id)
        .where(child.project_id == location.project_id)
    )
    keys = select(Location.id).join(tree, Location.id == tree.c.id)
    return keys if archived_on is _ANY else keys.where(Location.archived_on == archived_on)


def _switch(
    session: Session,
    location: Location,
    keys: Select[int],
    archived_on: int | None,
    *,
    by: Actor,
    reason: str,
) -> list[str]:
    codes = sorted(
        session.scalars(
            update(Location)
            .where(Location.project_id == location.project_id, Location.id.in_(keys))
            .values(archived=archived_on is not None, archived_on=archived_on)
            .returning(Location.site_code)
            .execution_options(synchronize_session="fetch")  # those below may be read already
        )
    )
    tag = Tag.LOCATION_UNARCHIVE if archived_on is None else Tag.LOCATION_ARCHIVE
    side = "after" if archived_on is None else "before"
    _record(session, tag, location, by, reason=reason, **{side: {"site_codes": codes}})
    return codes


def _record(
    session: Session,
    tag: Tag,
    location: Location,
    by: Actor,
    *,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    record(
        session,
        project_id=location.project_id,
        tag=tag,
        subject=f"location:{location.location_id}",
        by=by,
        reason=reason,
        before=before,
        after=after,
    )
