"""Who gets cases back when a job that reassigned them is taken back (SPEC C6, P8)."""

from __future__ import annotations

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseTransaction
from webapp.errors import TooSlow
from webapp.jobs.models import Job
from webapp.time_limit import time_limit

#: A page may count this long, in seconds.
LIMIT_S = 5.0


def back_moves(
    session: Session, job: Job, forms: Select[int]
) -> dict[tuple[str, str | None], int] | None:
    """How many open cases go from the job's new owner to whom when these of its forms are archived.
    Whoever got a case since keeps it. None where that takes too long. One query over the forms;
    not for a transaction that writes."""
    to, was = str(job.params["to"]), CaseTransaction.before["owner_id"].as_string()
    wanted = forms.subquery()
    rows = (
        select(was, func.count())
        .select_from(wanted)
        # SQLite puts tables into any order, but for outer joins.
        .join(
            CaseTransaction,
            and_(
                CaseTransaction.project_id == job.project_id,
                CaseTransaction.submission == wanted.c[0],
            ),
            isouter=True,
        )
        .join(
            Case,
            and_(Case.id == CaseTransaction.case, Case.project_id + 0 == job.project_id),
            isouter=True,
        )
        .where(~Case.closed, ~Case.deleted, Case.owner_id == to, was != to)
        .group_by(was)
    )
    try:
        with time_limit(session, LIMIT_S, ""):
            return {(to, owner): cases for owner, cases in session.execute(rows)}
    except TooSlow:
        return None
