"""What something else has changed since a run was planned (SPEC R18)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseTransaction
from webapp.cases.store import batches
from webapp.joins import row_of
from webapp.rules.orders import Orders
from webapp.rules.view import Cases, Path, target_of
from webapp.submissions.models import Submission
from webapp.submissions.rebuild import replay_cases


def changed_since(session: Session, orders: Orders, keys: Collection[int]) -> set[int]:
    """Which of the cases were changed after the plan by a submission that is not of this run. One
    query a thousand; a case that has no later tick costs nothing more."""
    # By the keys, from each case to its forms. Sums keep the indexes out of it that lead to all
    # forms of the run, or of the project: with old statistics PostgreSQL takes those for few.
    later = exists().where(
        CaseTransaction.project_id == Case.project_id,
        CaseTransaction.case == Case.id,
        Submission.project_id + 0 == CaseTransaction.project_id,
        Submission.id == CaseTransaction.submission,
        Submission.indexed_on + 0 > orders.planned_on,
        Submission.run_id.is_distinct_from(orders.run_id),
    )
    changed: set[int] = set()
    for some in batches(sorted(keys)):
        changed.update(
            session.scalars(
                select(Case.id).where(
                    Case.project_id == orders.project_id,
                    Case.id.in_(some),
                    and_(Case.indexed_on > orders.planned_on, later),
                )
            )
        )
    return changed


def without_own(session: Session, orders: Orders, cases: Cases, keys: Collection[int]) -> Cases:
    """Cases as they would be if the run had changed nothing, of those `keys` that are looked at. A
    query a thousand cases, and a replay of those that it did change."""
    changed: set[int] = set()
    for some in batches(sorted(cases.known.keys() & keys)):
        changed.update(
            session.scalars(
                select(CaseTransaction.case)
                .join(
                    Submission,
                    row_of(Submission, CaseTransaction.submission, CaseTransaction.project_id),
                )
                .where(
                    CaseTransaction.project_id == orders.project_id,
                    CaseTransaction.case.in_(some),
                    Submission.run_id + 0 == orders.run_id,
                )
            )
        )
    replayed = replay_cases(session, orders.project_id, sorted(changed), without_run=orders.run_id)
    return Cases(
        cases.known
        | {key: replace(cases.known[key], state=one.state) for key, one in replayed.items()},
        cases.places,
    )


def on_the_way(cases: Cases, key: int, paths: Iterable[Path]) -> Iterator[int]:
    """The keys of all cases that paths lead over from a case, each path as far as it goes: also of
    one that is deleted, or not known, where it ends."""
    for path in paths:
        at = key
        for step in path:
            target = target_of(cases.known[at].state, step)
            if target is None:
                break
            yield target
            if target not in cases.known or cases.known[target].state.deleted:
                break
            at = target
