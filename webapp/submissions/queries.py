"""Finding submissions and what they touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from webapp.cases.models import CaseTransaction
from webapp.errors import NotFound
from webapp.joins import same_project
from webapp.submissions.models import Attachment, Submission, SubmissionXml
from webapp.submissions.rule_forms import is_rule_form, render_rule_form


@dataclass(frozen=True, slots=True)
class Touch:
    """One case transaction: its key, the case's key, what it asks and what was before."""

    transaction: int
    case: int
    change: dict[str, Any]
    before: dict[str, Any]


def known_as(project_id: Any, ids: Sequence[Any]) -> ColumnElement[bool]:
    """Whether a submission of the project has one of these ids, or asked for it.

    The project stands in both halves: only then SQLite uses an index for each, and does not read
    all submissions of the project.
    """
    return or_(
        *(
            and_(Submission.project_id == project_id, column.in_(ids))
            for column in (Submission.submission_id, Submission.asked_id)
        )
    )


def get_submission(session: Session, project_id: int, submission_id: str) -> Submission:
    """A submission by its public id. Raises `NotFound`. One query."""
    submission = session.scalar(
        select(Submission).where(
            Submission.project_id == project_id, Submission.submission_id == submission_id
        )
    )
    if submission is None:
        raise NotFound("There is no form with this id in this project.")
    return submission


def hold_submission(session: Session, project_id: int, submission_id: str) -> Submission:
    """The same, locked until the commit. Submissions are locked before cases, everywhere."""
    statement = (
        select(Submission)
        .where(Submission.project_id == project_id, Submission.submission_id == submission_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    # Twice: whoever waited for an edit finds the id gone from the row that had it, and another
    # row with it only when looking again.
    submission = session.scalar(statement) or session.scalar(statement)
    if submission is None:
        raise NotFound("There is no form with this id in this project.")
    return submission


def touches(session: Session, submission: Submission) -> list[Touch]:
    """The transactions of a submission, by case. One query."""
    rows = session.execute(
        select(
            CaseTransaction.id,
            CaseTransaction.case,
            CaseTransaction.change,
            CaseTransaction.before,
        )
        .where(
            CaseTransaction.project_id == submission.project_id,
            CaseTransaction.submission == submission.id,
        )
        .order_by(CaseTransaction.case)
    )
    return [Touch(*row) for row in rows]


def is_content_of(content: Any, submission: Any) -> ColumnElement[bool]:
    """Whether a row of `SubmissionXml` has the bytes of a row of `Submission`: for joins."""
    return and_(same_project(content, submission), content.submission == submission.id)


def content_of(session: Session, submission: Submission) -> bytes:
    """The bytes as they came; of a form that a rule wrote, as it is rendered. One query."""
    if is_rule_form(submission):
        return render_rule_form(session, submission)
    return session.scalars(
        select(SubmissionXml.content).where(
            SubmissionXml.project_id == submission.project_id,
            SubmissionXml.submission == submission.id,
        )
    ).one()


def attachments_of(session: Session, submission: Submission) -> list[Attachment]:
    """The files that came with a form, by name. One query."""
    return list(
        session.scalars(
            select(Attachment)
            .where(
                Attachment.project_id == submission.project_id,
                Attachment.submission == submission.id,
            )
            .order_by(Attachment.name)
        )
    )
