"""Archive and restore: taking a form's effect away, and putting it back (SPEC A2–A5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.cases.apply import CaseState, apply, change_from_json, difference, revert
from webapp.cases.store import HeldCase, hold_known_cases, write_cases
from webapp.clock import take_ticks
from webapp.errors import Already, Refused
from webapp.submissions.guards import (
    cases_with_later,
    in_the_way_of_archive,
    in_the_way_of_restore,
)
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import Touch, hold_submission, touches
from webapp.submissions.rebuild import cases_touched, replay_held, write_befores

#: Why a form in a state can be neither archived nor restored, or not again.
WHY_NOT = {
    State.NORMAL: "This form is not archived.",
    State.ARCHIVED: "This form is already archived.",
    State.ERROR: "This form could not be processed, so there is nothing to archive or restore.",
    State.DUPLICATE: "This form is a duplicate and changed nothing. See the form that it repeats.",
    State.DEPRECATED: "A newer version of this form is in force. See that one instead.",
    State.UNPARSED: "This could not be read as a form, so it changed nothing.",
}
#: What the guards say (A5).
OPENED_CASE = "This form opened a case that later forms changed. Archive those forms first."
OPENER_ARCHIVED = "The form that opened this form's case is archived. Restore that form first."


def archive(
    session: Session, project_id: int, submission_id: str, *, by: Actor, reason: str = ""
) -> int:
    """Take a form's effect away and return how many cases changed.

    Raises `NotFound`, `Already`, or `Refused`: it is not live, or it opened a case that later live
    forms touched; these are then `in_the_way`, newest first. About ten statements. A case of which
    the form was the last is brought back from the before-values, any other is replayed.
    """
    submission = hold_submission(session, project_id, submission_id)
    if submission.state == State.ARCHIVED:
        raise Already(WHY_NOT[submission.state])
    if submission.state != State.NORMAL:
        raise Refused(WHY_NOT[submission.state])
    return _switch(
        session,
        submission,
        to=State.ARCHIVED,
        guard=in_the_way_of_archive,
        refusal=OPENED_CASE,
        last=_undo,
        tag=Tag.SUBMISSION_ARCHIVE,
        by=by,
        reason=reason,
    )


def restore(
    session: Session, project_id: int, submission_id: str, *, by: Actor, reason: str = ""
) -> int:
    """The exact inverse of `archive` (A3), at the same cost.

    Raises `NotFound`, `Already`, or `Refused`: it is not archived, or the form that opened its case
    still is; that one is then `in_the_way`.
    """
    submission = hold_submission(session, project_id, submission_id)
    if submission.state == State.NORMAL:
        raise Already(WHY_NOT[submission.state])
    if submission.state != State.ARCHIVED:
        raise Refused(WHY_NOT[submission.state])
    return _switch(
        session,
        submission,
        to=State.NORMAL,
        guard=in_the_way_of_restore,
        refusal=OPENER_ARCHIVED,
        last=_redo,
        tag=Tag.SUBMISSION_RESTORE,
        by=by,
        reason=reason,
    )


def _switch(
    session: Session,
    submission: Submission,
    *,
    to: State,
    guard: Callable[[Session, Submission], tuple[str, ...]],
    refusal: str,
    last: Callable[[CaseState, Touch], tuple[CaseState, dict[str, Any]]],
    tag: Tag,
    by: Actor,
    reason: str,
) -> int:
    project_id = submission.project_id
    held = hold_known_cases(session, project_id, cases_touched(session, project_id, submission.id))
    # Only now: whoever held the cases before may have rewritten what was there before this form.
    touched = {touch.case: touch for touch in touches(session, submission)}
    in_the_way = guard(session, submission)
    if in_the_way:
        raise Refused(refusal, in_the_way)
    later = cases_with_later(session, submission)
    submission.state, submission.archived_by, submission.restored_by = to, None, None
    session.flush()  # the replay reads the state
    changes, befores = _last(held, touched, later, last)
    write_befores(session, befores)
    changes += replay_held(session, project_id, [one for one in held if one.key in later])
    first = take_ticks(session, project_id, max(1, len(changes)))
    submission.indexed_on = first
    changed = write_cases(session, project_id, changes, first)
    record(
        session,
        project_id=project_id,
        tag=tag,
        subject=f"submission:{submission.submission_id}",
        by=by,
        reason=reason,
        after={"cases": changed},
    )
    return changed


def _last(
    held: Sequence[HeldCase],
    touched: dict[int, Touch],
    later: set[int],
    step: Callable[[CaseState, Touch], tuple[CaseState, dict[str, Any]]],
) -> tuple[list[tuple[HeldCase, CaseState]], dict[int, dict[str, Any]]]:
    """The new states of the cases that no later live form touched, and before-values to store."""
    changes: list[tuple[HeldCase, CaseState]] = []
    befores: dict[int, dict[str, Any]] = {}
    for one in held:
        if one.key in later:
            continue
        touch = touched[one.key]
        state, was = step(one.state, touch)
        changes.append((one, state))
        if was != touch.before:
            befores[touch.transaction] = was
    return changes, befores


def _undo(state: CaseState, touch: Touch) -> tuple[CaseState, dict[str, Any]]:
    return revert(state, touch.before), touch.before


def _redo(state: CaseState, touch: Touch) -> tuple[CaseState, dict[str, Any]]:
    after = apply(state, change_from_json(touch.change))
    return after, difference(state, after)
