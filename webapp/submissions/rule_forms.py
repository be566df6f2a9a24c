"""The forms that rules wrote, as XML: rendered on demand, the same bytes each time (SPEC R14).

Nothing of it is stored but the row of the submission and its transaction, which never changes what
it asks for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cases.apply import Change, change_from_json
from webapp.cases.models import Case, CaseTransaction
from webapp.cases.store import batches
from webapp.joins import row_of
from webapp.submissions.blocks import CaseBlock
from webapp.submissions.models import Submission
from webapp.submissions.render import render_case_form

#: Attributes that a rule may write -> their names in a form.
_NAMES = {"name": "case_name", "owner_id": "owner_id", "external_id": "external_id"}


def is_rule_form(submission: Any) -> bool:
    """Whether a rule wrote it; a row of the table will do."""
    return submission.run_id is not None


def render_rule_form(session: Session, submission: Submission) -> bytes:
    """The XML of a form that a rule wrote. One query."""
    return render_rule_forms(session, submission.project_id, [submission])[submission.id]


def sha256_of(session: Session, submission: Submission) -> str:
    """The hash that tells an exact copy of such a form. One query."""
    return hashlib.sha256(render_rule_form(session, submission)).hexdigest()


def render_rule_forms(
    session: Session, project_id: int, submissions: Sequence[Any]
) -> dict[int, bytes]:
    """The XML of several forms of rules (or rows of their table), by key. One query a thousand."""
    blocks: dict[int, list[CaseBlock]] = {one.id: [] for one in submissions}
    for some in batches(sorted(blocks)):
        rows = session.execute(
            select(CaseTransaction.submission, Case.case_id, CaseTransaction.change)
            .join(
                Case,
                row_of(Case, CaseTransaction.case, CaseTransaction.project_id),
            )
            .where(CaseTransaction.project_id == project_id, CaseTransaction.submission.in_(some))
            .order_by(CaseTransaction.submission, CaseTransaction.case)
        )
        for submission, case_id, change in rows:
            blocks[submission].append(_block(case_id, change_from_json(change)))
    return {one.id: _render(one, blocks[one.id]) for one in submissions}


def _block(case_id: str, change: Change) -> CaseBlock:
    # In the order of the names: PostgreSQL keeps the keys of an object in one of its own.
    return CaseBlock(
        case_id,
        opener=change.opener,
        user=change.user,
        date_modified=change.date_modified,
        given={_NAMES[name]: change.given[name] for name in _NAMES if name in change.given},
        properties={name: change.properties[name] for name in sorted(change.properties)},
        closes=change.closes,
    )


def _render(submission: Any, blocks: Sequence[CaseBlock]) -> bytes:
    return render_case_form(
        xmlns=submission.xmlns,
        name=submission.name,
        instance_id=submission.submission_id,
        user_id=submission.user_id,
        username=submission.username,
        device_id=submission.device_id,
        time=submission.time_start,
        blocks=blocks,
    )
