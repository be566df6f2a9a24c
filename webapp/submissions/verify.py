"""Proving on live data that everything is as the invariants say (SPEC L3). Mends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Result, func, or_, select
from sqlalchemy.orm import Session, aliased

from webapp.cases.apply import ATTRIBUTES, CaseState
from webapp.cases.models import Case, CaseIndex, CaseTransaction
from webapp.cases.store import states_of
from webapp.clock import Tick
from webapp.joins import row_of
from webapp.submissions.findings import Finding, What
from webapp.submissions.models import Attachment, State, Submission, SubmissionXml
from webapp.submissions.rebuild import replay_cases
from webapp.submissions.snapshot import snapshot
from webapp.submissions.verify_content import attachments_agree, forms_agree

#: Rows looked at in one snapshot.
BATCH = 500

Progress = Callable[[int], None]


def verify(
    session: Session,
    project_id: int,
    *,
    attachments: Path,
    progress: Progress = lambda _done: None,
) -> Iterator[Finding]:
    """Look at everything of a project and yield what is wrong with it.

    Memory is that of a batch, whatever the size of the project; time grows with it: every case is
    replayed, every form parsed again, every attachment read (from the folder `attachments`).
    `progress` is told how many of `things_to_verify` were done each time. People may go on working:
    each batch is read in a snapshot of its own, for which the session's transaction is ended.
    """
    for check in (_ticks_are_unique, _links_hold):
        snapshot(session)
        yield from check(session, project_id)
    yield from _cases_equal_their_replay(session, project_id, progress)
    yield from forms_agree(session, project_id, progress)
    yield from attachments_agree(session, project_id, attachments, progress)
    session.rollback()


def things_to_verify(session: Session, project_id: int) -> int:
    """How many steps `verify` tells its `progress` in all. Three counting queries."""
    return sum(
        session.scalar(select(func.count()).where(table.project_id == project_id)) or 0
        for table in (Case, Submission, Attachment)
    )


def _cases_equal_their_replay(
    session: Session, project_id: int, progress: Progress
) -> Iterator[Finding]:
    after = 0
    while True:
        snapshot(session)
        cases = session.execute(
            select(Case.__table__)
            .where(Case.project_id == project_id, Case.id > after)
            .order_by(Case.id)
            .limit(BATCH)
        ).all()
        if not cases:
            return
        last = session.scalar(select(Tick.last).where(Tick.project_id == project_id)) or 0
        replayed = replay_cases(session, project_id, [case.id for case in cases])
        for case, state in zip(cases, states_of(session, project_id, cases), strict=True):
            found = replayed[case.id]
            if state != found.state:
                differ = ", ".join(_differing(state, found.state))
                yield _case(case, f"is not what its live forms make of it: {differ}.")
            for transaction in found.befores:
                yield _case(
                    case, f"has a wrong value from before in its transaction {transaction}."
                )
            if case.indexed_on is None:
                yield _case(case, "has no tick.")
            elif case.indexed_on > last:
                yield _case(case, "has a tick that the project has not given out yet.")
            elif case.indexed_on < (case.server_modified_on or 0):
                yield _case(case, "has a tick from before its last form.")
        after = cases[-1].id
        progress(len(cases))
        if len(cases) < BATCH:
            return


def _differing(one: CaseState, other: CaseState) -> Iterator[str]:
    """The names of what differs between two states: never the values, which concern persons."""
    for name in ATTRIBUTES:
        if getattr(one, name) != getattr(other, name):
            yield name
    pairs: tuple[tuple[str, Any, Any], ...] = (
        ("property", one.properties, other.properties),
        ("index", one.indices, other.indices),
    )
    for word, ours, theirs in pairs:
        for name in sorted({*ours, *theirs}):
            if ours.get(name) != theirs.get(name):
                yield f"{word} “{name}”"


def _ticks_are_unique(session: Session, project_id: int) -> Iterator[Finding]:
    """The database's constraints say so too; a damaged or imported file may not keep them."""
    if session.get(Tick, project_id, populate_existing=True) is None:
        yield Finding(What.TICK, "", "The project has no tick, so that it cannot receive forms.")
    for column in (Submission.received_on, Submission.indexed_on, Case.indexed_on):
        table = column.class_
        twice = session.execute(
            select(column, func.count())
            .where(table.project_id == project_id, column.is_not(None))
            .group_by(column)
            .having(func.count() > 1)
            .execution_options(yield_per=BATCH)
        )
        for tick, count in twice:
            where = f"{table.__tablename__}.{column.key}"
            yield Finding(What.TICK, str(tick), f"The tick {tick} is in {where} {count} times.")


def _links_hold(session: Session, project_id: int) -> Iterator[Finding]:
    """Rows that point at rows which are not there, or must not be pointed at."""
    source, target = aliased(Case), aliased(Case)
    indexes: Result[Any, Any, Any, Any] = session.execute(
        select(CaseIndex.id, CaseIndex.identifier, source.case_id, target.id)
        .outerjoin(source, row_of(source, CaseIndex.case, CaseIndex.project_id))
        .outerjoin(target, row_of(target, CaseIndex.target, CaseIndex.project_id))
        .where(CaseIndex.project_id == project_id, or_(source.id.is_(None), target.id.is_(None)))
        .order_by(CaseIndex.id)
        .execution_options(yield_per=BATCH)
    )
    for key, identifier, case_id, target_key in indexes:
        if case_id is None:
            yield Finding(What.INDEX, str(key), f"The index {key} belongs to no case.")
        if target_key is None:
            of = "no case" if case_id is None else f"case {case_id}"
            sentence = f"The index “{identifier}” of {of} points to a case that has no row."
            yield Finding(What.INDEX, case_id or str(key), sentence)
    # An outer join gives NULL where the columns' types say that there is none: hence Any.
    transactions: Result[Any, Any, Any, Any] = session.execute(
        select(CaseTransaction.id, Case.id, Submission.submission_id, Submission.state)
        .outerjoin(Case, row_of(Case, CaseTransaction.case, CaseTransaction.project_id))
        .outerjoin(
            Submission, row_of(Submission, CaseTransaction.submission, CaseTransaction.project_id)
        )
        .where(
            CaseTransaction.project_id == project_id,
            or_(
                Case.id.is_(None),
                Submission.id.is_(None),
                Submission.state.in_((State.ERROR, State.DUPLICATE, State.UNPARSED)),
            ),
        )
        .order_by(CaseTransaction.id)
        .execution_options(yield_per=BATCH)
    )
    for key, case, submission_id, state in transactions:
        if case is None:
            sentence = f"The transaction {key} touches a case that has no row."
            yield Finding(What.TRANSACTION, str(key), sentence)
        if submission_id is None:
            sentence = f"The transaction {key} belongs to no form."
            yield Finding(What.TRANSACTION, str(key), sentence)
        elif state in (State.ERROR, State.DUPLICATE, State.UNPARSED):
            sentence = f"The form {submission_id} is {state.value}, but has a transaction."
            yield Finding(What.SUBMISSION, submission_id, sentence)
    content = session.execute(
        select(SubmissionXml.submission)
        .outerjoin(
            Submission, row_of(Submission, SubmissionXml.submission, SubmissionXml.project_id)
        )
        .where(SubmissionXml.project_id == project_id, Submission.id.is_(None))
        .execution_options(yield_per=BATCH)
    )
    for (key,) in content:
        yield Finding(What.SUBMISSION, str(key), f"The stored XML {key} belongs to no form.")


def _case(case: Any, says: str) -> Finding:
    return Finding(What.CASE, case.case_id, f"Case {case.case_id} {says}")
