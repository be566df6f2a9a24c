"""`flask --app webapp sharing check` (SPEC C5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from webapp.cli.command import answers, json_option, printable, project_option, say, show
from webapp.extensions import db
from webapp.people.owner_sets import WRONG_SHARING
from webapp.projects.operations import get_project
from webapp.sharing.check import SharingCheck, sharing_check

#: What the words of `Why` mean to whoever reads them in a terminal.
_WHY = {
    "no_owner": "they have no owner",
    "nobody": "nobody has this id",
    "deactivated": "the user is deactivated",
    "left": "the user has left the project",
    "deleted": "the group is deleted",
    "archived": "the location is archived",
    "not_sharing": "the group or location does not share cases",
    "empty": "no active worker is in it",
}


@click.group("sharing")
def sharing_group() -> None:
    """Who shares cases with whom."""


@sharing_group.command("check")
@project_option
@json_option
@with_appcontext
@answers
def check(project_name: str, as_json: bool) -> None:
    """Say what is wrong with sharing; mend nothing.

    Active workers who have not exactly one group or location to share cases with, open cases that
    are on no phone for their owner's sake, and groups that share cases and have no active member.
    The exit status is 1 when there is any of these.
    """
    session = db.session()
    project_id = get_project(session, project_name).id
    found = sharing_check(session, project_id, limit_s=None)
    show(_document(found), _lines(found), as_json=as_json)
    if not found.clean:
        say("Sharing is to be mended. Nothing was changed.")
        raise click.exceptions.Exit(1)


def _document(found: SharingCheck) -> dict[str, Any]:
    return {
        "clean": found.clean,
        "uses_sharing": found.used,
        "shared_case_types": list(found.shared_types),
        "phones_say": WRONG_SHARING if found.workers else None,
        "workers": [
            {
                "id": one.user_id,
                "username": one.username,
                "owners": [
                    {"id": owner.owner_id, "name": owner.name, "kind": owner.kind.value}
                    for owner in one.owners
                ],
            }
            for one in found.workers
        ],
        "lost_cases": [
            {
                "owner_id": one.owner_id,
                "name": one.owner.name if one.owner else None,
                "kind": one.owner.kind.value if one.owner else None,
                "why": one.why.value,
                "open_cases": one.cases,
            }
            for one in found.lost or ()
        ],
        "empty_groups": [{"id": one.owner_id, "name": one.name} for one in found.groups],
    }


def _lines(found: SharingCheck) -> Iterator[str]:
    if found.clean:
        yield "Nothing is to be mended."
    if found.workers:
        count = len(found.workers)
        those = "1 worker has" if count == 1 else f"{count:,} workers have"
        yield f"{those} not exactly one sharing owner. Phones say:"
        yield f"  {WRONG_SHARING}"
    for one in found.workers:
        names = ", ".join(printable(owner.name) for owner in one.owners) or "nobody"
        yield f"  {printable(one.username)} shares cases with: {names}"
    if found.lost:
        count = found.lost_cases
        those = "The owner of 1 open case" if count == 1 else f"The owners of {count:,} open cases"
        yield f"{those} {'has' if count == 1 else 'have'} no phone:"
    for lost in found.lost or ():
        name = f" ({printable(lost.owner.name)})" if lost.owner else ""
        yield f"  {lost.cases:,} of {printable(lost.owner_id) or '-'}{name}: {_WHY[lost.why]}"
    for group in found.groups:
        yield f"The group {printable(group.name)} shares cases and has no active member."
