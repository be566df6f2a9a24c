"""Commands that change what phones carry say whose, and with `--dry-run` do no more (C5, C7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click
from sqlalchemy.orm import Session

from webapp.cli.command import cases_words, say
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.people.owner_changes import OwnerChange, OwnerChanges, Phone, compare, phones_of
from webapp.projects.models import Project
from webapp.projects.operations import get_project
from webapp.sharing.phone_changes import PhoneChanges, by_sets

F = TypeVar("F", bound=Callable[..., Any])

#: So many phones are told of one by one to people; machines get all.
SHOWN = 20


def dry_run_option(command: F) -> F:
    """`--dry-run`, as `dry_run`."""
    return click.option(
        "--dry-run", is_flag=True, help="Say whose phones would change, and change nothing."
    )(command)


@dataclass(slots=True)
class Changing:
    """A change that is being made in a project: when it is over, `document` says what becomes of
    phones."""

    session: Session
    project: Project
    dry_run: bool
    document: dict[str, Any] = field(default_factory=dict)


class _TakenBack(Exception):
    """A dry run is over."""


@contextmanager
def changing(project_name: str, *, dry_run: bool = False) -> Iterator[Changing]:
    """A transaction for a change of groups, locations or workers; what it does to phones is said on
    standard error when it is over. Two queries more before the change and after, over all that
    workers are in, and one that counts the cases."""
    try:
        with write_transaction() as session:
            project = get_project(session, project_name)
            change = Changing(session, project, dry_run)
            before = phones_of(session, project.id)
            yield change
            session.flush()  # else it is not there to be read
            after = phones_of(session, project.id)
            if dry_run:
                raise _TakenBack
    except _TakenBack:
        pass
    found = compare(before, after)
    cases = by_sets(db.session(), change.project.id, _sets(before), _sets(after))
    change.document |= {"phones": [_document(one, cases) for one in found.changes]}
    if dry_run:
        change.document["dry_run"] = True
    _tell(found, cases, dry_run=dry_run)


def _sets(phones: dict[int, Phone]) -> dict[str, frozenset[str]]:
    return {phone.username: phone.owners.ids for phone in phones.values()}


def _document(one: OwnerChange, cases: PhoneChanges) -> dict[str, Any]:
    numbers = {phone.username: phone for phone in cases.phones}.get(one.username)
    loses, receives = (numbers.loses, numbers.receives) if numbers else (0, 0)
    return {
        "username": one.username,
        # Of a phone that cannot sync any more nothing goes.
        "loses": (loses if one.after else 0) if cases.counted else None,
        "receives": receives if cases.counted else None,
        "sharing_owners": len(one.after.sharing) if one.after else 0,
        "can_sync": one.after is not None,
    }


def _tell(found: OwnerChanges, cases: PhoneChanges, *, dry_run: bool) -> None:
    for one in found.changes[:SHOWN]:
        said = _document(one, cases)
        if one.after is None:
            say(f"The phone of {one.username} can no longer sync.")
            continue
        counted = (
            f"loses {cases_words(said['loses'])} and gets {said['receives']:,}"
            if cases.counted
            else "has the cases of other owners"
        )
        now = "" if one.after.one else f"; it shares with {said['sharing_owners']}, not with one"
        say(f"The phone of {one.username} {counted}{now}.")
    if len(found.changes) > SHOWN:
        more = len(found.changes) - SHOWN
        say("So does 1 more phone." if more == 1 else f"So do {more:,} more phones.")
    if dry_run:
        say(
            "Nothing was changed."
            if found.changes
            else "No phone would change; nothing was changed."
        )
