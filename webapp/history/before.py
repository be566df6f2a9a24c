"""Cases as they were before a form: the replay of the live forms that came before it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from webapp.cases.apply import NOTHING, CaseState, apply, change_from_json
from webapp.cases.models import Case, CaseTransaction
from webapp.cases.store import batches
from webapp.clock import Micros
from webapp.joins import row_of
from webapp.rules.view import Cases, Known, Path, Places, target_of
from webapp.submissions.models import State, Submission


@dataclass(frozen=True, slots=True)
class Before:
    """A place in history: what came before the tick `tick`, as the forms say now. With
    `without_run`, what this run itself wrote is left out."""

    project_id: int
    tick: Micros
    without_run: int | None = None

    def counts(self) -> tuple[ColumnElement[bool], ...]:
        """Which submissions came before, live or not."""
        which: list[ColumnElement[bool]] = [
            Submission.project_id == self.project_id,
            Submission.received_on < self.tick,
        ]
        if self.without_run is not None:
            which.append(Submission.run_id.is_distinct_from(self.without_run))
        return tuple(which)


def cases_before(session: Session, place: Before, key: int, paths: Iterable[Path]) -> Cases:
    """A case as it was then, with all that the paths lead to, then: two queries for each step of
    the longest path; grows with the forms of these cases."""
    known: dict[int, Known] = {}
    wanted = {key}
    steps = list(paths)
    for depth in range(1 + max(map(len, steps), default=0)):
        known |= _replayed(session, place, wanted - known.keys())
        nexts = {path[depth] for path in steps if len(path) > depth}
        found = {target_of(known[one].state, step) for one in wanted for step in nexts}
        wanted = {one for one in found if one is not None}
    return Cases(known, Places(session, place.project_id))


def touched_between(session: Session, place: Before, keys: Collection[int], since: Micros) -> bool:
    """Whether a form that came after `since` and before the place touched one of the cases,
    whatever became of it. One query a thousand."""
    return _any(session, place, keys, *place.counts(), Submission.received_on > since)


def rewritten_since(session: Session, place: Before, keys: Collection[int]) -> bool:
    """Whether what came before the place is no longer what it was when it was reached: a form about
    one of the cases was archived, restored, edited or processed again since. One query a thousand.

    An older version of an edited form has a later tick; the version in force stands in its place.
    """
    in_force = aliased(Submission)
    edited = exists().where(
        in_force.project_id == Submission.project_id,
        in_force.id == Submission.of,
        in_force.received_on < place.tick,
        in_force.indexed_on > place.tick,
    )
    moved = and_(*place.counts(), Submission.indexed_on > place.tick)
    older = and_(
        Submission.project_id == place.project_id, Submission.state == State.DEPRECATED, edited
    )
    return _any(session, place, keys, or_(moved, older))


def _any(
    session: Session, place: Before, keys: Collection[int], *which: ColumnElement[bool]
) -> bool:
    return any(
        session.scalar(_touching(place, some, CaseTransaction.id).where(*which).limit(1))
        for some in batches(sorted(keys))
    )


def _touching(place: Before, keys: Collection[int], *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .join_from(
            CaseTransaction,
            Submission,
            row_of(Submission, CaseTransaction.submission, CaseTransaction.project_id),
        )
        .where(CaseTransaction.project_id == place.project_id, CaseTransaction.case.in_(keys))
    )


def _replayed(session: Session, place: Before, keys: Collection[int]) -> dict[int, Known]:
    states: dict[int, CaseState] = dict.fromkeys(keys, NOTHING)
    ids: dict[int, str] = {}
    for some in batches(sorted(keys)):
        ids |= dict(
            session.execute(
                select(Case.id, Case.case_id).where(
                    Case.project_id == place.project_id, Case.id.in_(some)
                )
            ).all()
        )
        rows = session.execute(
            _touching(place, some, CaseTransaction.case, CaseTransaction.change)
            .where(Submission.state == State.NORMAL, *place.counts())
            .order_by(CaseTransaction.case, Submission.received_on)
        )
        for case, change in rows:
            states[case] = apply(states[case], change_from_json(change))
    return {key: Known(ids[key], states[key]) for key in keys}
