"""Selections: the forms that somebody wants archived or restored, frozen on the server (SPEC U8).

Whatever the confirmation page says and the job does is about these forms and no others. They are
found while nothing is locked, and then written in one go.
"""

from __future__ import annotations

import secrets
import time
from array import array
from collections.abc import Collection
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import Select, delete, exists, select, text
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.clock import DAY, Micros, last_tick, now
from webapp.database import find_by_key, write_transaction
from webapp.errors import Invalid, NotFound
from webapp.extensions import db
from webapp.history.calendar import Calendar
from webapp.history.filters import SubmissionFilter, query_string
from webapp.history.models import SelectedForm, Selection
from webapp.history.search import matching
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job, JobItem
from webapp.submissions.models import State, Submission
from webapp.submissions.snapshot import snapshot
from webapp.time_limit import time_limit

#: So many forms at once.
MOST = 100_000
#: Finding them ends after so many seconds: the page must come.
LIMIT_S = 20.0
#: A selection that nobody uses is kept for so long.
KEPT: Micros = DAY
#: Forms that are let go in one transaction, for so many seconds in a tick, with pauses.
DROPPED = 10_000
TIDY_S = 5.0
COURTESY_S = 0.002


@dataclass(frozen=True, slots=True)
class Found:
    """The keys of forms, 8 bytes each, and the last tick of the state in which they were found."""

    keys: array[int]
    up_to: Micros


class TooMany(Invalid):
    """More than can be selected at once."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "This result has more than %(most)s forms, and at most so many can be selected at"
                " once. Narrow it: fewer days, one form, one user or one rule.",
                most=f"{MOST:,}",
            )
        )


def find_all(
    session: Session, project_id: int, wanted: SubmissionFilter, calendar: Calendar
) -> Found:
    """All forms that a filter leaves now. Raises `TooMany`, `TooSlow`. Ends the transaction; two
    queries, of which one reads as many keys."""
    forms = matching(project_id, wanted, calendar).with_only_columns(Submission.id)
    return _find(session, project_id, forms)


def find_some(session: Session, project_id: int, ids: Collection[str]) -> Found:
    """The forms with these public ids; unknown ones are none. At most some thousand."""
    forms = select(Submission.id).where(
        Submission.project_id == project_id, Submission.submission_id.in_(ids)
    )
    return _find(session, project_id, forms)


def find_forms_of(session: Session, job: Job) -> Found:
    """The forms that are still as a job left them, which taking it back is about."""
    return _find(session, job.project_id, forms_left_by(job), by_key=True)


def forms_left_by(job: Job) -> Select[int]:
    """The keys of the forms that a job has archived or restored, and that nobody else has brought
    into another state since. Told from its list and from what the forms say themselves."""
    archives = job.kind == Kind.ARCHIVE_FORMS.value
    return (
        select(Submission.id)
        .select_from(JobItem)
        # SQLite puts tables into any order, but for outer joins.
        .join(
            Submission,
            (Submission.project_id == JobItem.project_id)
            & (Submission.submission_id == JobItem.item),
            isouter=True,
        )
        .where(
            JobItem.project_id == job.project_id,
            JobItem.job_id == job.id,
            JobItem.place < job.processed,
            JobItem.reason.is_(None),
            Submission.state == (State.ARCHIVED if archives else State.NORMAL),
            (Submission.archived_by if archives else Submission.restored_by) == job.id,
        )
    )


def switched_by(session: Session, of_job: int | None) -> int | None:
    """The job to be taken back, where it is one that brought forms into another state: only what is
    still as it left them goes back. None for one that wrote forms itself: all that count are
    archived. One query."""
    if of_job is None:
        return None
    kind = session.get_one(Job, of_job).kind
    return of_job if kind in (Kind.ARCHIVE_FORMS.value, Kind.RESTORE_FORMS.value) else None


def _find(session: Session, project_id: int, forms: Select[int], *, by_key: bool = False) -> Found:
    snapshot(session)
    says = _("Finding these forms takes too long just now. Narrow the result, or try again later.")
    with time_limit(session, LIMIT_S, says) as limit:
        if by_key:
            find_by_key(session)
        up_to = last_tick(session, project_id)
        limit.renew()
        keys = array("q", session.connection().execute(forms.limit(MOST + 1)).scalars())
    if len(keys) > MOST:
        raise TooMany
    return Found(keys, up_to)


def freeze(
    session: Session,
    project_id: int,
    found: Found,
    *,
    by: Actor,
    wanted: SubmissionFilter | None = None,
    of_job: int | None = None,
) -> Selection:
    """Keep what was found as a selection of this person's. Two statements; 100,000 forms take a
    tenth of a second."""
    at = now()
    selection = Selection(
        project_id=project_id,
        selection_id=secrets.token_hex(16),
        created_by=by.user_id,
        created_on=at,
        query=None if wanted is None else query_string(wanted),
        up_to=found.up_to,
        count=len(found.keys),
        of_job=of_job,
        expires_on=at + KEPT,
    )
    session.add(selection)
    session.flush()  # the rows need its key
    session.connection().execute(
        text(_INSERT[session.get_bind().dialect.name]),
        {
            "project": project_id,
            "selection": selection.id,
            "keys": f"[{','.join(map(str, found.keys))}]",
        },
    )
    return selection


_INSERT = {
    "sqlite": """INSERT INTO selected_form (project_id, selection, submission)
        SELECT :project, :selection, value FROM json_each(:keys)""",
    "postgresql": """INSERT INTO selected_form (project_id, selection, submission)
        SELECT :project, :selection, CAST(value AS bigint)
        FROM json_array_elements_text(CAST(:keys AS json))""",
}


def get_selection(
    session: Session, project_id: int, selection_id: str, *, by: Actor, lock: bool = False
) -> Selection:
    """A selection of this person's. Raises `NotFound`, also for one that has expired. One query."""
    statement = select(Selection).where(
        Selection.project_id == project_id,
        Selection.selection_id == selection_id,
        Selection.created_by == by.user_id,
    )
    if lock:
        statement = statement.with_for_update(key_share=True)
    selection = session.scalar(statement.execution_options(populate_existing=True))
    if selection is None or (selection.job_id is None and (selection.expires_on or 0) < now()):
        raise NotFound(_("This selection is not kept any more. Select the forms again."))
    return selection


def selected(project_id: int, selection: int) -> Select[int]:
    """The keys of the forms of a selection."""
    return select(SelectedForm.submission).where(
        SelectedForm.project_id == project_id, SelectedForm.selection == selection
    )


def tidy_selections(at: Micros) -> None:
    """Let go of selections that expired before an instant, each piece in a short transaction, for
    some seconds at most. One query when there is nothing to do."""
    until = time.monotonic() + TIDY_S
    session = db.session()
    session.rollback()  # see what is, not what was when this process last looked
    more = session.scalar(select(exists().where(Selection.expires_on < at)))
    session.rollback()
    while more and time.monotonic() < until:
        with write_transaction() as writing:
            more = _drop_piece(writing, at)
        time.sleep(COURTESY_S)


def _drop_piece(session: Session, at: Micros) -> bool:
    """Let go of a piece of a selection, and of itself when it is empty; whether there was one."""
    one = session.scalar(
        select(Selection)
        .where(Selection.expires_on < at)
        .order_by(Selection.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if one is None:
        return False
    last = session.scalar(
        selected(one.project_id, one.id)
        .order_by(SelectedForm.submission)
        .offset(DROPPED - 1)
        .limit(1)
    )
    rows = delete(SelectedForm).where(
        SelectedForm.project_id == one.project_id, SelectedForm.selection == one.id
    )
    if last is not None:
        rows = rows.where(SelectedForm.submission <= last)
    else:
        session.delete(one)
    session.execute(rows.execution_options(synchronize_session=False))
    return True
