"""Processing a form again that could not be applied when it came (SPEC S5, S10)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.database import lock_name
from webapp.errors import Refused
from webapp.submissions.apply_form import apply_edit, apply_late
from webapp.submissions.models import State, Submission
from webapp.submissions.parse import parse
from webapp.submissions.queries import content_of, get_submission, hold_submission
from webapp.submissions.resolve import known_targets, missing_target


def reprocess(session: Session, project_id: int, submission_id: str, *, by: Actor) -> str | None:
    """Apply a form in state `error` now, at the place that its arrival has in history.

    A failed edit takes the place of the version that it meant to replace. Returns None, or the
    sentence why it still cannot be applied (kept as its problem). Raises `NotFound`, or `Refused`
    when it is not in state `error` or a newer version is in force.
    """
    seen = get_submission(session, project_id, submission_id)
    lock_name(session, "submission", project_id, seen.asked_id or seen.submission_id)
    row = hold_submission(session, project_id, submission_id)
    if row.state != State.ERROR:
        raise Refused("Only forms that could not be processed can be processed again.")
    form = parse(content_of(session, row))
    targets = known_targets(session, project_id, form)
    problem = form.problem or missing_target(form, targets)
    if problem is not None:
        row.problem = problem
        return problem
    in_force = _meant_to_replace(session, row)
    if in_force is None:
        apply_late(session, row, form, targets)
    else:
        if in_force.arrived_on > row.received_on:
            raise Refused("A newer version of this form is in force, so this one stays aside.")
        row.problem = None
        apply_edit(session, row, form, targets, replaces=in_force)
    record(
        session,
        project_id=project_id,
        tag=Tag.SUBMISSION_REPROCESS,
        subject=f"submission:{row.submission_id}",
        by=by,
        after={"from": submission_id} if row.submission_id != submission_id else None,
    )
    return None


def _meant_to_replace(session: Session, row: Submission) -> Submission | None:
    if row.asked_id is None:
        return None
    return session.scalar(
        select(Submission)
        .where(
            Submission.project_id == row.project_id,
            Submission.submission_id == row.asked_id,
            Submission.state.in_((State.NORMAL, State.ARCHIVED)),
            Submission.xmlns == row.xmlns,
            Submission.own.is_(False),
        )
        .with_for_update(key_share=True)
    )
