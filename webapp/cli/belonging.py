"""What mobile workers belong to, as options and documents of commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from sqlalchemy.orm import Session

from webapp.people.groups import get_group
from webapp.people.locations import get_location
from webapp.people.models import MobileWorker
from webapp.people.owner_sets import owner_set
from webapp.people.queries import belongings
from webapp.people.sharing_models import Group, Location

F = TypeVar("F", bound=Callable[..., Any])


def belonging_options(command: F) -> F:
    """`--group G` and `--location L`, repeated, as `group_names` and `location_names`."""
    command = click.option(
        "--location",
        "location_names",
        metavar="L",
        multiple=True,
        help="A location they are assigned to: its site code, id or name. May be repeated.",
    )(command)
    return click.option(
        "--group",
        "group_names",
        metavar="G",
        multiple=True,
        help="A group they are in: its name or id. May be repeated.",
    )(command)


def groups_named(session: Session, project_id: int, names: Sequence[str]) -> list[Group]:
    """Groups by name or id, each once. Raises `NotFound`. A query each."""
    return list(dict.fromkeys(get_group(session, project_id, name) for name in names))


def locations_named(session: Session, project_id: int, names: Sequence[str]) -> list[Location]:
    """Locations by site code, id or name, each once. Raises `NotFound`, or `Invalid` for a name
    that several have. A query each."""
    return list(dict.fromkeys(get_location(session, project_id, name) for name in names))


def belonging_document(session: Session, worker: MobileWorker) -> dict[str, Any]:
    """A worker's groups, locations and owner set (SPEC C1, C2). Three queries."""
    belongs = belongings(session, worker.project_id, [worker])[worker.id]
    owners = owner_set(session, worker)
    sharing = [
        {"id": one.owner_id, "name": one.name, "kind": one.kind.value} for one in owners.sharing
    ]
    return {
        "groups": [
            {"id": one.group_id, "name": one.name, "case_sharing": one.case_sharing}
            for one in belongs.groups
        ],
        "locations": [
            {
                "id": one.location_id,
                "name": one.name,
                "site_code": one.site_code,
                "archived": one.archived,
            }
            for one in belongs.locations
        ],
        "owner_set": [
            {"id": worker.user_id, "name": worker.username, "kind": "worker"},
            *sharing,
        ],
        # To whom their shared cases go: null unless it is exactly one.
        "sharing_owner": sharing[0] if owners.one else None,
    }


def belonging_lines(document: dict[str, Any]) -> list[str]:
    """The same for people."""
    owner = document["sharing_owner"]
    return [
        f"groups: {_names(document['groups']) or 'none'}",
        f"locations: {_names(document['locations']) or 'none'}",
        f"owner set: {_names(document['owner_set'])}",
        f"shares with: {owner['name'] if owner else _wrong(len(document['owner_set']) - 1)}",
    ]


def _wrong(count: int) -> str:
    return f"{count or 'nobody'}, and it must be exactly one"


def _names(things: Sequence[dict[str, Any]]) -> str:
    return ", ".join(
        f"{one['name']} (archived)" if one.get("archived") else one["name"] for one in things
    )
