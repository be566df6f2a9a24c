"""Archiving and restoring many forms of a run in one transaction (SPEC A2–A6).

The forms of a rule touch one case each, and open none, so archiving them is never in the way of
others; restoring one is, where its case was opened by a form that is archived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.cases.models import CaseTransaction
from webapp.cases.store import HeldCase, batches, hold_known_cases, write_cases
from webapp.clock import take_ticks
from webapp.jobs.models import JobItem
from webapp.submissions.archive import WHY_NOT
from webapp.submissions.guards import in_the_way_of_restore
from webapp.submissions.models import State, Submission
from webapp.submissions.rebuild import replay_held


@dataclass(frozen=True, slots=True)
class Switch:
    """The items of a job from the place `first` to before `end`, and what their forms become."""

    project_id: int
    job_id: int
    first: int
    end: int
    to: State
    tag: Tag
    by: Actor
    reason: str


@dataclass(slots=True)
class HeldForms:
    """Forms that are locked with their cases: public id by key, and the case of each; and the
    places of those that cannot be switched, with the sentence why."""

    ids: dict[int, str] = field(default_factory=dict)
    case_of: dict[int, int] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)

    def in_order(self) -> list[int]:
        """The keys of the forms that are switched, in the order of their places."""
        return sorted(self.ids, key=self.places.__getitem__)

    def skip(self, submission: int, reason: str) -> None:
        """Leave a form as it is."""
        self.skipped[self.places.pop(submission)] = reason
        del self.ids[submission]
        self.case_of.pop(submission, None)


def hold_forms(session: Session, switch: Switch) -> HeldForms:
    """Lock the forms of a chunk. Those that are not in the other state are left out. Two queries,
    and one for each thousand forms."""
    held = HeldForms()
    wanted = State.NORMAL if switch.to is State.ARCHIVED else State.ARCHIVED
    rows = session.execute(
        select(JobItem.place, Submission.id, Submission.submission_id, Submission.state)
        .join(
            Submission,
            (Submission.project_id == JobItem.project_id)
            & (Submission.submission_id == JobItem.item),
        )
        .where(
            JobItem.project_id == switch.project_id,
            JobItem.job_id == switch.job_id,
            JobItem.place >= switch.first,
            JobItem.place < switch.end,
        )
        .order_by(Submission.id)
        .with_for_update(key_share=True, of=Submission)
    ).all()
    for place, key, submission_id, state in rows:
        if state is wanted:
            held.ids[key], held.places[key] = submission_id, place
        else:
            held.skipped[place] = WHY_NOT[state]
    for some in batches(list(held.ids)):
        touched = session.execute(
            select(CaseTransaction.submission, CaseTransaction.case).where(
                CaseTransaction.project_id == switch.project_id,
                CaseTransaction.submission.in_(some),
            )
        )
        held.case_of |= dict(touched.all())
    return held


def replay_forms(session: Session, switch: Switch, held: HeldForms) -> None:
    """Switch forms that are held, and rebuild each of their cases once: always right, however much
    came between. A few queries a thousand forms."""
    cases = hold_known_cases(session, switch.project_id, set(held.case_of.values()))
    if switch.to is State.NORMAL:
        _leave_out_blocked(session, held, cases)
    _set_state(session, switch, held.ids)
    changes = replay_held(session, switch.project_id, cases)
    changed = {one.key for one, state in changes if state != one.state}
    first = take_ticks(session, switch.project_id, max(1, len(held.ids), len(changed)))
    _set_ticks(session, held, first)
    write_cases(session, switch.project_id, changes, first)
    for key in held.in_order():
        record(
            session,
            project_id=switch.project_id,
            tag=switch.tag,
            subject=f"submission:{held.ids[key]}",
            by=switch.by,
            reason=switch.reason,
            after={"cases": int(held.case_of.get(key) in changed)},
        )


def _leave_out_blocked(session: Session, held: HeldForms, cases: Sequence[HeldCase]) -> None:
    """A form of a case that is deleted has the form that opened it in the way (A5)."""
    deleted = {one.key for one in cases if one.state.deleted}
    for key in [key for key, case in held.case_of.items() if case in deleted]:
        submission = session.get_one(Submission, key, populate_existing=True)
        if in_the_way_of_restore(session, submission):
            held.skip(
                key,
                str(_("The form that opened this case is archived. Restore that form first.")),
            )


def _set_state(session: Session, switch: Switch, keys: Iterable[int]) -> None:
    for some in batches(list(keys)):
        session.execute(
            update(Submission)
            .where(Submission.project_id == switch.project_id, Submission.id.in_(some))
            .values(state=switch.to)
            .execution_options(synchronize_session=False)
        )


def _set_ticks(session: Session, held: HeldForms, first: int) -> None:
    if held.ids:
        rows: list[dict[str, Any]] = [
            {"key": key, "tick": first + number} for number, key in enumerate(held.in_order())
        ]
        session.connection().execute(
            update(Submission.__table__)  # type: ignore[arg-type]  # a Table, as its class says
            .where(Submission.id == bindparam("key"))
            .values(indexed_on=bindparam("tick")),
            rows,
        )
