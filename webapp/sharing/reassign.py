"""Giving many cases to another owner, each by a form of its own (SPEC C6).

The cases are chosen while nothing is locked and told by a mark; the job has them as its list, so
what was said of them is what it does. The forms are those of *Reassign* on a case's page: each can
be taken back alone, and all of them together by archiving what the job wrote.
"""

from __future__ import annotations

import secrets
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cases.models import Case
from webapp.errors import Invalid
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job, JobItem
from webapp.jobs.queue import enqueue
from webapp.submissions.blocks import valid_id
from webapp.submissions.models import State, Submission
from webapp.submissions.render import can_be_text
from webapp.submissions.snapshot import snapshot
from webapp.time_limit import time_limit

#: So many cases at once.
MOST = 100_000
#: Finding them ends after so many seconds: the page must come.
LIMIT_S = 20.0
#: A job remembers so many owners from whom it takes cases; of more, it takes them from anybody.
OWNERS = 1000


class TooMany(Invalid):
    """More than can be reassigned at once."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "These are more than %(most)s cases, and at most so many can be reassigned at once."
                " Narrow them: one owner, one type.",
                most=f"{MOST:,}",
            )
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """The cases that would be given away: their keys, 8 bytes each, how many each owner has of
    them, and of those that are open. `already` belong to the new owner. `mark` tells whether they
    are still the same."""

    keys: array[int]
    owners: Counter[str]
    open: Counter[str]
    already: int
    mark: str

    def __len__(self) -> int:
        return len(self.keys)

    def moves(self, to: str) -> dict[tuple[str, str | None], int]:
        """How many open cases go from whom to whom."""
        return {(owner, to): count for owner, count in self.open.items()}


def choose(session: Session, cases: Select[Any], to: str | None) -> Chosen:
    """The cases of a statement over `Case`, without those that are deleted and those that have this
    owner (None: all). One query; raises `TooMany`, `TooSlow`. Ends the transaction."""
    snapshot(session)
    says = _("Finding these cases takes too long just now. Narrow them, or try again later.")
    rows = cases.with_only_columns(Case.id, Case.owner_id, Case.closed).where(~Case.deleted)
    keys, owners, open_ones = array("q"), Counter[str](), Counter[str]()
    mark, already = blake2b((to or "").encode(), digest_size=16), 0
    with time_limit(session, LIMIT_S, says):
        for key, owner, closed in session.connection().execute(
            rows.order_by(Case.id + 0).limit(MOST + 1)
        ):
            if owner == to:
                already += 1
                continue
            keys.append(key)
            owners[owner] += 1
            open_ones[owner] += not closed
            mark.update(f"{key} {owner}\n".encode())
    if len(keys) + already > MOST:
        raise TooMany
    return Chosen(keys, owners, +open_ones, already, mark.hexdigest())


def start_reassign(
    session: Session, project_id: int, chosen: Chosen, to: str, *, by: Actor, reason: str = ""
) -> Job:
    """Queue a job that gives these cases to an owner; `wake` it after the commit. Raises `Invalid`
    for what can be no owner, and where there is no case. Two statements, of which one writes the
    list: 100,000 cases take some tenths of a second."""
    if not valid_id(to) or not can_be_text(to):
        raise Invalid(_("An owner's id has 1 to 255 characters and no blanks."))
    if not chosen.keys:
        raise Invalid(_("No case would be reassigned."))
    params: dict[str, Any] = {"to": to, "salt": secrets.token_hex(16)}
    if len(chosen.owners) <= OWNERS:
        params["from"] = sorted(chosen.owners)
    job = enqueue(session, project_id, Kind.REASSIGN_CASES, params, by=by, reason=reason)
    session.connection().execute(
        text(_INSERT[session.get_bind().dialect.name]),
        {"project": project_id, "job": job.id, "keys": f"[{','.join(map(str, chosen.keys))}]"},
    )
    job.total = len(chosen.keys)
    return job


#: As in `webapp.jobs.frozen`.
_INSERT = {
    "sqlite": """INSERT INTO job_item (project_id, job_id, place, item)
        SELECT :project, :job, given.key, cases.case_id
        FROM json_each(:keys) AS given CROSS JOIN cases ON cases.id = given.value""",
    "postgresql": """INSERT INTO job_item (project_id, job_id, place, item)
        SELECT :project, :job, given.n - 1, cases.case_id
        FROM json_array_elements_text(CAST(:keys AS json)) WITH ORDINALITY AS given (key, n)
        JOIN cases ON cases.id = CAST(given.key AS bigint)
        AND cases.project_id + 0 = :project""",
}


def forms_written(session: Session, job: Job) -> array[int]:
    """The keys of the forms that a job wrote and that still count. Two queries a thousand cases
    that it went through."""
    keys = array("q")
    for some in _done(session, job):
        keys.extend(
            session.scalars(
                select(Submission.id).where(
                    Submission.project_id == job.project_id,
                    Submission.submission_id.in_([form_id(job, item) for item in some]),
                    Submission.state == State.NORMAL,
                )
            )
        )
    return keys


def leaves_something(session: Session, job: Job) -> bool:
    """Whether any form that a job wrote still counts. Two queries, where the first thousand have
    one."""
    some = (
        session.scalar(
            select(Submission.id)
            .where(
                Submission.project_id == job.project_id,
                Submission.submission_id.in_([form_id(job, item) for item in items]),
                Submission.state == State.NORMAL,
            )
            .limit(1)
        )
        for items in _done(session, job)
    )
    return any(one is not None for one in some)


def _done(session: Session, job: Job) -> Iterator[Sequence[str]]:
    """The ids of the cases that a job gave away, some at a time."""
    at = 0
    while at < job.processed:
        yield session.scalars(
            select(JobItem.item).where(
                JobItem.project_id == job.project_id,
                JobItem.job_id == job.id,
                JobItem.place.between(at, min(at + 999, job.processed - 1)),
                JobItem.reason.is_(None),
            )
        ).all()
        at += 1000


def form_id(job: Job, case_id: str) -> str:
    """The id of the form that a job writes about a case. The salt is the job's alone: nobody can
    send a form of this id before."""
    salt = str(job.params["salt"])
    return blake2b(case_id.encode(), key=salt.encode(), digest_size=16).hexdigest()
