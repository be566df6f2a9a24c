"""Restore: everything that a worker's phone is to have, or what has changed since (SPEC §6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.database import find_by_key, write_transaction
from webapp.people.models import MobileWorker
from webapp.people.owner_sets import OwnerSet
from webapp.people.sharing_models import Assignment, Location
from webapp.sharing import document
from webapp.sharing.sync import Sync, sync
from webapp.sharing.synclog import keep
from webapp.sharing.tokens import token_of
from webapp.submissions.snapshot import snapshot


@dataclass(frozen=True, slots=True)
class Asked:
    """What a phone asks: the token that it has and the hash of its cases (each empty where it does
    not say), whether it wants to know how many elements will come, and which web user asks in the
    worker's name, if one does."""

    since: str = ""
    state: str = ""
    items: bool = False
    by: Actor | None = None


def restore(session: Session, project_name: str, worker: int, asked: Asked, out: IO[bytes]) -> str:
    """Write the document for the phone of a worker (key of `mobile_worker`) and return its token.

    Begins and ends its own transactions: one that only reads, in one state of the database, then a
    short one that notes what the phone is given, in the audit log too where it is a web user's. So
    nothing stays open while a slow phone reads, and none ever gets half a document. Raises
    `StartAfresh`. Memory for one piece of cases, and up to a kilobyte for each case on the phone.
    """
    snapshot(session, limited=True)
    find_by_key(session)
    who = session.get_one(MobileWorker, worker)
    web_user = asked.by.user_id if asked.by else None
    answer = sync(session, who, since=asked.since, state=asked.state, web_user=web_user)
    for piece in _document(session, project_name, who, answer, items=asked.items):
        out.write(piece.encode())
    worker_name, token = who.username, token_of(answer.log.id)
    if answer.again and asked.by is None:
        session.rollback()
        return token
    with write_transaction() as writing:
        if not answer.again:
            keep(writing, answer.log, answer.past)
        if asked.by is not None:
            record(
                writing,
                project_id=answer.log.project_id,
                tag=Tag.WORKER_FETCH,
                subject=f"worker:{worker_name}",
                by=asked.by,
                after={"cases": len(answer.lacks) + len(answer.changed)},
            )
    return token


def _document(
    session: Session, project_name: str, worker: MobileWorker, answer: Sync, *, items: bool
) -> Iterator[str]:
    lacks, changed = answer.lacks, answer.changed
    yield document.head(document.BESIDE_CASES + len(lacks) + len(changed) if items else None)
    yield document.sync_element(token_of(answer.log.id))
    yield document.registration(
        worker.username,
        worker.user_id,
        worker.created_on,
        _user_data(session, project_name, worker, answer.owners),
    )
    yield document.user_groups(answer.owners)
    yield from document.new_cases(session, worker.project_id, lacks)
    yield from document.changed_cases(session, worker.project_id, changed)
    yield document.TAIL


def _user_data(
    session: Session, project_name: str, worker: MobileWorker, owners: OwnerSet
) -> dict[str, str]:
    """The worker's own data, and what apps expect beside it: names, the project, the locations (of
    several the first by name stands for all), and the one owner with whom the worker shares."""
    locations = session.scalars(
        select(Location.location_id)
        .join(Assignment, Assignment.location == Location.id)
        .where(
            Assignment.project_id == worker.project_id,
            Assignment.worker == worker.id,
            Location.project_id == worker.project_id,
            ~Location.archived,
        )
        .order_by(Location.name, Location.location_id)
    ).all()
    known = {name: str(value) for name, value in worker.user_data.items()}
    known |= {
        "commcare_first_name": worker.first_name,
        "commcare_last_name": worker.last_name,
        "commcare_project": project_name,
        "commcare_user_type": "commcare",
    }
    if locations:
        known |= {
            "commcare_location_id": locations[0],
            "commcare_location_ids": " ".join(locations),
        }
    if owners.one is not None:
        known["commcare_primary_case_sharing_id"] = owners.one.owner_id
    return known
