"""What the server has of cases that are, or are to be, on a phone (SPEC P4)."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Collection, Container
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from webapp.cases.models import Case, CaseIndex, CaseTransaction
from webapp.cases.store import batches
from webapp.clock import Micros
from webapp.sharing.among import is_among
from webapp.sharing.held import Cases, HeldCases, Point, StateHash
from webapp.submissions.models import State, Submission


@dataclass(slots=True)
class ServerCases:
    """Cases as a phone is to hold them, by key: indexes to deleted cases do not count. Those that
    are `deleted`, and those that were `touched` after a tick. `state` is the hash of the ids of
    those that the phone has."""

    cases: Cases = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    touched: set[int] = field(default_factory=set)
    state: StateHash = field(default_factory=StateHash)


def server_cases(
    session: Session,
    project_id: int,
    keys: Collection[int],
    *,
    held: Container[int] = (),
    since: Micros = 0,
) -> ServerCases:
    """These cases, of which the phone has those that are `held`; `since` is a tick. Two queries a
    thousand."""
    there, make, target = ServerCases(), HeldCases(), aliased(Case)
    for some in batches(sorted(keys)):
        points: dict[int, list[tuple[str, Point]]] = defaultdict(list)
        indices = session.connection().execute(
            select(CaseIndex.case, CaseIndex.identifier, CaseIndex.target, CaseIndex.relationship)
            .join(target, target.id == CaseIndex.target)
            .where(
                CaseIndex.project_id == project_id,
                is_among(session, CaseIndex.case),
                target.project_id + 0 == project_id,
                ~target.deleted,
            ),
            {"keys": some},
        )
        for key, identifier, to, relationship in indices.all():
            points[key].append((sys.intern(identifier), Point(to, relationship == "extension")))
        cases = session.connection().execute(
            select(
                Case.id, Case.case_id, Case.deleted, Case.indexed_on, Case.owner_id, Case.closed
            ).where(Case.project_id == project_id, is_among(session, Case.id)),
            {"keys": some},
        )
        for key, case_id, deleted, indexed_on, owner, closed in cases.all():
            pointing = tuple(sorted(points[key])) if key in points else ()
            there.cases[key] = make.held(owner, closed=closed, points=pointing)
            if deleted:
                there.deleted.add(key)
            if (indexed_on or 0) > since:
                there.touched.add(key)
            if key in held:
                there.state.add(case_id)
    return there


def only_own_changes(
    session: Session, project_id: int, keys: Collection[int], *, log: int, since: Micros
) -> set[int]:
    """Those of these cases that nothing has touched after a tick but plain forms of the phone with
    this sync log: no form of others, no edit, and no archive or restore, whoever's form it was
    (SPEC P4). One query a thousand."""
    own: set[int] = set()
    others: set[int] = set()
    plain = (
        (Submission.sync_log == log)
        & (Submission.state == State.NORMAL)
        # What takes the place of another has that one's, and whatever happened to a form later has
        # moved its tick.
        & (Submission.indexed_on == Submission.received_on)
    ).label("plain")
    for some in batches(sorted(keys)):
        for key, is_plain in session.connection().execute(
            select(CaseTransaction.case, plain)
            .join(Submission, Submission.id == CaseTransaction.submission)
            .where(
                CaseTransaction.project_id == project_id,
                is_among(session, CaseTransaction.case),
                Submission.project_id + 0 == project_id,
                Submission.indexed_on + 0 > since,
            )
            .distinct(),
            {"keys": some},
        ):
            (own if is_plain else others).add(key)
    return own - others
