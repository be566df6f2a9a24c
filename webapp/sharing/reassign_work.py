"""The job that gives many cases to another owner, each by a form of its own (SPEC C6)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from flask_babel import gettext as _
from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cases.store import HeldCase, batches, hold_known_cases, keys_of
from webapp.clock import now
from webapp.database_faults import is_busy
from webapp.errors import Busy
from webapp.jobs.items import WENT_WRONG
from webapp.jobs.models import Job, JobItem
from webapp.jobs.pace import Pace
from webapp.people.kinds import UserKind
from webapp.people.owners import names_of_owners
from webapp.sharing.reassign import form_id
from webapp.submissions.blocks import CaseBlock
from webapp.submissions.own import ASSIGN_XMLNS
from webapp.submissions.receive import Arrival, Sender, read
from webapp.submissions.receive_many import Timed, receive_many
from webapp.submissions.render import render_case_form

_log = logging.getLogger(__name__)


class ReassignCases:
    """The task of `Kind.REASSIGN_CASES`: each case by a form of its own, some in a transaction. One
    bad case stops nothing else."""

    def plan(self, session: Session, job: Job, *, by: Actor) -> None:
        """The list was frozen when the job was asked for."""

    def step(self, session: Session, job: Job, pace: Pace, *, by: Actor) -> bool:
        """Give the next cases away, and count them."""
        items = session.execute(
            select(JobItem.place, JobItem.item)
            .where(
                JobItem.project_id == job.project_id,
                JobItem.job_id == job.id,
                JobItem.place >= job.processed,
            )
            .order_by(JobItem.place)
            .limit(min(pace.size, job.left))
        ).all()
        if not items:
            return False
        items, skipped = self._try(session, job, items, pace, by=by)
        for place, reason in skipped.items():
            session.execute(
                update(JobItem)
                .where(
                    JobItem.project_id == job.project_id,
                    JobItem.job_id == job.id,
                    JobItem.place == place,
                )
                .values(reason=reason[:1000])
            )
        job.processed += len(items)
        job.succeeded += len(items) - len(skipped)
        return True

    def at(self, session: Session, job: Job) -> str:  # noqa: ARG002
        """The place in the list."""
        return str(
            _(
                "the cases from number %(next)s of %(all)s on",
                next=job.processed + 1,
                all=job.total,
            )
        )

    def moved(self, session: Session, job: Job, *, by: Actor) -> None:
        """Nothing moves along."""

    def _try(
        self, session: Session, job: Job, items: Sequence[Row[int, str]], pace: Pace, *, by: Actor
    ) -> tuple[Sequence[Row[int, str]], dict[int, str]]:
        """Give the first of some cases away; give back which those were, and why some of them are
        skipped. All of them, unless something unforeseen is the matter with one: then as many as go
        without it, or that one alone."""
        try:
            with session.begin_nested():
                return items, _give(session, job, items, pace, by=by)
        except Exception as error:
            if isinstance(error, Busy) or is_busy(error):
                raise
            if len(items) == 1:
                _log.exception("job %d: case at %d", job.id, items[0].place)
                return items, {items[0].place: WENT_WRONG}
            return self._try(session, job, items[: len(items) // 2], pace, by=by)


def _give(
    session: Session, job: Job, items: Sequence[Row[int, str]], pace: Pace, *, by: Actor
) -> dict[int, str]:
    to, given_by = str(job.params["to"]), job.params.get("from")
    keys = keys_of(session, job.project_id, {one.item for one in items})
    held = {one.case_id: one for one in hold_known_cases(session, job.project_id, keys.values())}
    skipped: dict[int, str] = {}
    others = {one.state.owner_id for one in held.values()} - set(given_by or ())
    names = names_of_owners(session, job.project_id, others) if given_by is not None else {}
    give = []
    for one in items:
        why = _why_not(held.get(one.item), to, given_by, names)
        if why:
            skipped[one.place] = why
        else:
            give.append(one.item)
    pace.begin()
    at = now()
    forms = [Timed(at, _arrival(job, case_id, to, by)) for case_id in give]
    for some in batches(forms):
        receive_many(session, job.project_id, some)
    return skipped


def _why_not(
    case: HeldCase | None, to: str, given_by: Sequence[str] | None, names: Mapping[str, str]
) -> str:
    """Why a case is left as it is; "" where it is given away."""
    if case is None or case.state.deleted:
        return str(_("The case was deleted meanwhile: no form of it counts."))
    owner = case.state.owner_id
    if owner == to:
        return str(_("The case belongs to the new owner already."))
    if given_by is not None and owner not in given_by:
        name = names.get(owner, owner)
        return str(_("The case was given to %(name)s meanwhile.", name=name))
    return ""


def _arrival(job: Job, case_id: str, to: str, by: Actor) -> Arrival:
    xml = render_case_form(
        xmlns=ASSIGN_XMLNS,
        name="Reassign case",
        instance_id=form_id(job, case_id),
        user_id=by.user_id,
        username=by.name,
        device_id="casekeeper",
        time=now(),
        blocks=[CaseBlock(case_id, user=by.user_id, given={"owner_id": to})],
    )
    return Arrival(read(xml), Sender(by.user_id, by.name, UserKind.WEB), own=True)
