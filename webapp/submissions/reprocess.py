"""Processing a form again that could not be applied when it came (SPEC S5, S10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.models import AuditEvent
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import take_ticks
from webapp.database import lock_name
from webapp.dictionary.queries import sharing_of
from webapp.errors import Refused
from webapp.submissions.apply_form import apply_edit, apply_late
from webapp.submissions.blocks import Problem
from webapp.submissions.models import State, Submission
from webapp.submissions.parse import parse
from webapp.submissions.place import first_came
from webapp.submissions.queries import content_of, get_submission, hold_submission
from webapp.submissions.resolve import known_targets, missing_target, types_named
from webapp.submissions.sharing import new_owners

_SUBJECT, _TO = "submission:", "to"


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
    in_force = _meant_to_replace(session, row)
    owners: dict[str, str] = {}
    problem = form.problem or missing_target(form, targets)
    if problem is None:
        try:
            owners = new_owners(
                session,
                project_id,
                form,
                sharing_of(session, project_id, types_named(form)),
                user=row.user_id,
                place=(in_force or row).received_on,
                replaces=in_force,
            )
        except Problem as error:
            problem = error.message
    if problem is not None:
        if problem != row.problem:
            row.problem = problem
            row.indexed_on = take_ticks(session, project_id)
            _note(session, project_id, row.submission_id, by, reason=problem)
        return problem
    if in_force is None:
        apply_late(session, row, form, targets, owners)
    else:
        if first_came(session, in_force) >= row.received_on:  # or this very one was sent again
            raise Refused("A newer version of this form is in force, so this one stays aside.")
        row.problem = None
        apply_edit(session, row, form, targets, owners, replaces=in_force)
    now = row.submission_id
    if now == submission_id:
        _note(session, project_id, now, by)
    else:  # whoever looks for it by the id that it had is led on
        _note(session, project_id, submission_id, by, after={_TO: now})
        _note(session, project_id, now, by, after={"from": submission_id})
    return None


def ids_now(session: Session, project_id: int, ids: Collection[str]) -> dict[str, str]:
    """Of forms that had these ids when they failed, and got another when they were processed
    again: the ids that they have, by those that they had. One query."""
    events = session.scalars(
        select(AuditEvent).where(
            AuditEvent.project_id == project_id,
            AuditEvent.subject.in_([_SUBJECT + one for one in ids]),
        )
    )
    # Which of them say it is not asked of the database: it would read all of the same tag.
    return {
        event.subject.removeprefix(_SUBJECT): event.after[_TO]
        for event in events
        if event.after and _TO in event.after
    }


def _note(
    session: Session,
    project_id: int,
    submission_id: str,
    by: Actor,
    *,
    reason: str = "",
    after: Mapping[str, str] | None = None,
) -> None:
    record(
        session,
        project_id=project_id,
        tag=Tag.SUBMISSION_REPROCESS,
        subject=_SUBJECT + submission_id,
        by=by,
        reason=reason,
        after=after,
    )


def _meant_to_replace(session: Session, row: Submission) -> Submission | None:
    if row.asked_id is None:
        return None
    return session.scalar(
        select(Submission)
        .where(
            Submission.project_id == row.project_id,
            Submission.id != row.id,
            or_(
                Submission.submission_id == row.asked_id,
                Submission.asked_id == row.asked_id,  # it was given another id itself
            ),
            Submission.state.in_((State.NORMAL, State.ARCHIVED)),
            Submission.xmlns == row.xmlns,
            Submission.own.is_(False),
        )
        .order_by(Submission.id)
        .limit(1)
        .with_for_update(key_share=True)
    )
