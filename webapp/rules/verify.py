"""Proving that runs did what their rules say, and counted it (SPEC L3). Mends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.cases.apply import Change, change_from_json
from webapp.cases.models import CaseTransaction
from webapp.joins import same_project
from webapp.people.kinds import SYSTEM
from webapp.rules.apply_cases import Done
from webapp.rules.definition import Definition, Set
from webapp.rules.models import Run, RunCase, RunState
from webapp.rules.orders import Orders, orders_of
from webapp.rules.write_forms import columns_of
from webapp.submissions.findings import Finding, What
from webapp.submissions.models import Submission
from webapp.submissions.snapshot import snapshot

#: Forms looked at in one snapshot.
BATCH = 500

Progress = Callable[[int], None]


def verify_runs(
    session: Session, project_id: int, *, progress: Progress = lambda _done: None
) -> Iterator[Finding]:
    """Look at all forms of all runs and yield what is wrong: a form that its run may not have
    written, and a run whose counts are not those of its forms.

    Memory is that of a batch. `progress` is told how many of `forms_of_runs` were done. A run that
    is at work meanwhile is left out: its counts move.
    """
    snapshot(session)
    keys = session.scalars(
        select(Run.id).where(Run.project_id == project_id, Run.planned_on.is_not(None))
    ).all()
    for key in keys:
        yield from _run(session, project_id, key, progress)
    session.rollback()


def forms_of_runs(session: Session, project_id: int) -> int:
    """How many steps `verify_runs` tells its `progress` in all. One counting query."""
    return (
        session.scalar(
            select(func.count()).where(
                Submission.project_id == project_id, Submission.run_id.is_not(None)
            )
        )
        or 0
    )


def _run(session: Session, project_id: int, key: int, progress: Progress) -> Iterator[Finding]:
    snapshot(session)
    run = session.get_one(Run, key, populate_existing=True)
    if not run.over:
        return
    orders, counts = orders_of(session, run), Done()
    expected = _counts_of(run)
    if run.state == RunState.FINISHED:
        yield from _plan_is_dropped(session, orders)
    after = 0
    while True:
        forms = session.execute(
            select(Submission.__table__, CaseTransaction.change, CaseTransaction.before)
            .outerjoin(
                CaseTransaction,
                same_project(CaseTransaction, Submission)
                & (CaseTransaction.submission == Submission.id),
            )
            .where(
                Submission.project_id == project_id,
                Submission.run_id == key,
                Submission.id > after,
            )
            .order_by(Submission.id)
            .limit(BATCH)
        ).all()
        if not forms:
            break
        for form in forms:
            change = None if form.change is None else change_from_json(form.change)
            if not _is_of_its_run(form, change, orders):
                yield Finding(
                    What.SUBMISSION,
                    form.submission_id,
                    f"The form {form.submission_id} is not what run {key} may have written.",
                )
            counts.submissions += 1
            counts.related_updates += form.run_part != 0
            counts.closed += change is not None and change.closes
        after = forms[-1].id
        progress(len(forms))
        if len(forms) < BATCH:
            break
        snapshot(session)
    counts.changed = session.scalar(_places(project_id, key)) or 0
    if counts != expected:
        yield Finding(What.SUBMISSION, str(key), f"Run {key} has not counted its forms right.")


def _counts_of(run: Run) -> Done:
    return Done(
        changed=run.changed,
        closed=run.closed,
        related_updates=run.related_updates,
        submissions=run.submissions,
    )


def _places(project_id: int, key: int) -> Any:
    return select(func.count(Submission.run_place.distinct())).where(
        Submission.project_id == project_id, Submission.run_id == key
    )


def _plan_is_dropped(session: Session, orders: Orders) -> Iterator[Finding]:
    left = session.scalar(
        select(func.count()).where(
            RunCase.project_id == orders.project_id,
            RunCase.run == orders.run_id,
            RunCase.reason.is_(None),
            RunCase.would.is_(None),
        )
    )
    if left:
        sentence = f"Run {orders.run_id} is finished, but {left} rows of its plan are left."
        yield Finding(What.SUBMISSION, str(orders.run_id), sentence)


def _is_of_its_run(form: Any, change: Change | None, orders: Orders) -> bool:
    """Whether a run with these orders may have written a form (a row) that changes this."""
    common = columns_of(orders)
    del common["state"]  # people may archive it
    return (
        change is not None
        and all(getattr(form, name) == value for name, value in common.items())
        and (change.user, change.opener, change.owner_if_new) == (SYSTEM,) * 3
        and (change.date_modified, change.arrived_on) == (orders.started_on, form.received_on)
        and change.opened_on is None
        and not change.indices
        and change.closes == (orders.definition.closes and form.run_part == 0)
        and (change.closes or bool(change.given or change.properties))
        and _may_write(orders.definition, form.run_part, change)
    )


def _may_write(definition: Definition, part: int, change: Change) -> bool:
    written = [(name, value, True) for name, value in change.given.items()]
    written += [(name, value, False) for name, value in change.properties.items()]
    return all(
        any(
            (action.property.attribute or action.property.name) == name
            and (action.property.attribute is not None) == is_attribute
            and (not isinstance(action, Set) or action.value == value)
            # What points to a relative may lead back to the case that matched.
            and (part == 0 or bool(action.property.path))
            for action in definition.updates
        )
        for name, value, is_attribute in written
    )
