"""Rebuilding cases from their live submissions (SPEC A1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, true, update
from sqlalchemy.orm import Session

from webapp.cases.apply import NOTHING, CaseState, apply, change_from_json, difference
from webapp.cases.models import CaseTransaction
from webapp.cases.store import HeldCase, batches, hold_known_cases, write_cases
from webapp.clock import take_ticks
from webapp.joins import row_of
from webapp.submissions.models import State, Submission


@dataclass(slots=True)
class Replayed:
    """What a case's live submissions make of it, and the before-values (transaction key -> value)
    that differ from the stored ones."""

    state: CaseState
    befores: dict[int, dict[str, Any]]


def replay_cases(
    session: Session, project_id: int, keys: Sequence[int], *, without_run: int | None = None
) -> dict[int, Replayed]:
    """Replay the live submissions of cases, in `received_on` order; maybe without those that a run
    made. Writes nothing.

    Memory grows with the transactions of the given cases; one query a thousand cases.
    """
    found = {key: Replayed(NOTHING, {}) for key in keys}
    for some in batches(keys):
        rows = session.execute(
            select(
                CaseTransaction.id,
                CaseTransaction.case,
                CaseTransaction.change,
                CaseTransaction.before,
            )
            .join(
                Submission,
                # By the key: PostgreSQL may take a project that it has not counted for empty.
                row_of(Submission, CaseTransaction.submission, CaseTransaction.project_id),
            )
            .where(
                CaseTransaction.project_id == project_id,
                CaseTransaction.case.in_(some),
                Submission.state == State.NORMAL,
                true() if without_run is None else Submission.run_id.is_distinct_from(without_run),
            )
            .order_by(CaseTransaction.case, Submission.received_on)
        )
        for transaction, case, change, before in rows:
            replayed = found[case]
            after = apply(replayed.state, change_from_json(change))
            was = difference(replayed.state, after)
            if was != before:
                replayed.befores[transaction] = was
            replayed.state = after
    return found


def write_befores(session: Session, befores: dict[int, dict[str, Any]]) -> None:
    """Store before-values by transaction key. One batched statement."""
    if befores:
        session.connection().execute(
            update(CaseTransaction.__table__)  # type: ignore[arg-type]  # a Table, as its class says
            .where(CaseTransaction.id == bindparam("key"))
            .values(before=bindparam("was")),
            [{"key": key, "was": was} for key, was in befores.items()],
        )


def replay_held(
    session: Session, project_id: int, held: Sequence[HeldCase]
) -> list[tuple[HeldCase, CaseState]]:
    """Replay held cases and store the before-values that moved; the new states are the caller's to
    write, once it has its ticks."""
    found = replay_cases(session, project_id, [one.key for one in held])
    befores: dict[int, dict[str, Any]] = {}
    for replayed in found.values():
        befores |= replayed.befores
    write_befores(session, befores)
    return [(one, found[one.key].state) for one in held]


def rebuild(session: Session, project_id: int, keys: Collection[int]) -> int:
    """Rebuild cases by their keys and return how many were not what they should be.

    That is 0 at any time (invariant 1), and then nothing is written, not even `indexed_on`.
    """
    held = hold_known_cases(session, project_id, keys)
    changes = [
        (one, state) for one, state in replay_held(session, project_id, held) if state != one.state
    ]
    if not changes:
        return 0
    return write_cases(session, project_id, changes, take_ticks(session, project_id, len(changes)))


def cases_touched(session: Session, project_id: int, submission: int) -> list[int]:
    """The keys of the cases that a submission touched, in order. One query."""
    return list(
        session.scalars(
            select(CaseTransaction.case)
            .where(
                CaseTransaction.project_id == project_id,
                CaseTransaction.submission == submission,
            )
            .order_by(CaseTransaction.case)
        )
    )
