"""What is to be sent to a phone, from what it has and what the server has (SPEC P2, P4, P5)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.clock import last_tick, now
from webapp.errors import CasekeeperError
from webapp.people.models import MobileWorker
from webapp.people.owner_sets import OwnerSet, owner_set
from webapp.sharing.held import Cases, packed, purged, unpacked
from webapp.sharing.models import SyncLog
from webapp.sharing.own_forms import apply_own_forms
from webapp.sharing.scope import scope
from webapp.sharing.server_cases import ServerCases, only_own_changes, server_cases
from webapp.sharing.synclog import log_of, same_again
from webapp.sharing.tokens import new_key


class StartAfresh(CasekeeperError):
    """The phone is to forget what it has, and to ask without `since` (412)."""


@dataclass(frozen=True, slots=True)
class Sync:
    """What a phone is to be sent: cases that it lacks, in full, and changes to those that it has,
    by key and ascending. `log` is what it then has, which is stored already where the same answer
    was given before (`again`); `past` the token before the one that it asked with."""

    owners: OwnerSet
    lacks: list[int]
    changed: list[int]
    log: SyncLog
    past: int | None = None
    again: bool = False


def sync(
    session: Session,
    worker: MobileWorker,
    *,
    since: str = "",
    state: str = "",
    web_user: str | None = None,
) -> Sync:
    """What the phone of a worker is to be sent, when it asks with the token `since` (empty: it has
    nothing), and says with `state` what it has (empty: it does not say). A `web_user` who asks in
    the worker's name has a phone of their own.

    Everything is read in one state of the database: see `snapshot`. Raises `StartAfresh`. Nine
    queries, and four for each thousand cases that it has or gets; up to a kilobyte of memory each.
    """
    project_id, tick = worker.project_id, last_tick(session, worker.project_id)
    owners = owner_set(session, worker)
    wanted = set(scope(session, project_id, owners.ids))
    log = SyncLog(
        project_id=project_id,
        id=new_key(),
        worker=worker.id,
        web_user=web_user,
        made_on=now(),
        tick=tick,
        owners=sorted(owners.ids),
    )
    if not since:
        log.cases = packed(server_cases(session, project_id, wanted).cases)
        return Sync(owners, sorted(wanted), [], log)
    asked = log_of(session, project_id, worker.id, since, web_user=web_user)
    if asked is None:
        raise StartAfresh("This phone's last synchronization is not known here any more.")
    held = _held(session, asked)
    there = server_cases(session, project_id, wanted | held.keys(), held=held, since=asked.tick)
    if state and state.removeprefix("ccsh:").lower() not in _said(held, there):
        raise StartAfresh("This phone does not have the cases that it should have.")
    changed = _changed(session, asked, held, there)
    after = _after(held, there, changed, wanted)
    closed_there = any(after[key].closed != there.cases[key].closed for key in wanted)
    if closed_there or purged(after, owners.ids) != wanted:
        raise StartAfresh("What happened since cannot be told to a phone as changes.")
    log.before = asked.id
    log.cases = packed(after)
    again = same_again(session, asked, tick, log.owners)
    if again is not None:
        log.id = again
    return Sync(
        owners,
        sorted(wanted - held.keys()),
        sorted(changed),
        log,
        asked.before,
        again is not None,
    )


def _said(held: Cases, there: ServerCases) -> set[str]:
    """By which hashes a phone may say that it has these cases; where it has none it says nothing
    at all, as phones do, or the hash of nothing."""
    return {str(there.state)} | (set() if held else {""})


def _held(session: Session, log: SyncLog) -> Cases:
    """What the phone has when it asks: what it was given, with what it did, and purged."""
    cases = unpacked(log.cases)
    if not apply_own_forms(session, log, cases):
        raise StartAfresh("A form of this phone could not be applied; what it has is not known.")
    staying = purged(cases, log.owners)
    return {key: case for key, case in cases.items() if key in staying}


def _changed(session: Session, log: SyncLog, held: Cases, there: ServerCases) -> set[int]:
    """Those that the phone has and that are otherwise now: touched by anything but its own forms;
    or with another owner or index than it knows, as when what a case points to became deleted."""
    touched = there.touched & held.keys()
    changed = touched - only_own_changes(
        session, log.project_id, touched, log=log.id, since=log.tick
    )
    return changed | {
        key for key, case in held.items() if there.cases[key] != case and key not in there.deleted
    }


def _after(held: Cases, there: ServerCases, changed: set[int], wanted: set[int]) -> Cases:
    """What the phone has when it has received the answer. It cannot reopen a case."""
    after = dict(held)
    for key in changed:
        closed = held[key].closed
        if key in there.deleted:
            after[key] = held[key]._replace(closed=True)
        else:
            after[key] = there.cases[key]._replace(closed=closed or there.cases[key].closed)
    after.update({key: there.cases[key] for key in wanted - held.keys()})
    return after
