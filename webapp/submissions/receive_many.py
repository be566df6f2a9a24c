"""Receiving many forms with few statements: what `receive` would leave, had each come by itself.

For forms that are not sent one by one over the wire, such as those of the demonstration project. A
form that is more than plain (an edit, a duplicate, one that cannot be applied, one with
attachments) goes through `receive` at its turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from webapp.cases.apply import CaseState, apply, change_to_json, difference
from webapp.cases.models import CaseTransaction
from webapp.cases.store import HeldCase, batches, hold_cases, keys_of, write_cases_at
from webapp.clock import Micros, pretend, take_ticks_at
from webapp.dictionary.learn import learn_form, learn_properties
from webapp.dictionary.queries import sharing_of
from webapp.submissions.models import State, Submission, SubmissionXml
from webapp.submissions.parse import ParsedForm
from webapp.submissions.queries import known_as
from webapp.submissions.receive import Arrival, Outcome, receive, row_of
from webapp.submissions.resolve import changes_of, types_named


@dataclass(frozen=True, slots=True)
class Timed:
    """A form with the instant at which it arrives."""

    at: Micros
    arrival: Arrival


def receive_many(session: Session, project_id: int, forms: Sequence[Timed]) -> None:
    """Receive forms in their order, each as at its instant, which must not go back.

    The keys of new cases are in the order of their ids, whatever the forms' order.
    All of their cases are locked until the commit, and all of it is in memory: a few hundred at a
    time. Raises as `receive`, and `IntegrityError` when one of their ids comes in elsewhere at the
    same moment. Some 15 statements, and a dozen for each form that is not plain.
    """
    ids_there = _ids_there(session, project_id, forms)
    cases_there = _cases_there(session, project_id, forms)
    sharing = sharing_of(session, project_id, _types(forms))
    plain: list[_Plain] = []
    for timed in forms:
        form = timed.arrival.incoming.form
        if (
            form is None
            or sharing.keys() & types_named(form)
            or not _is_plain(timed.arrival, form, ids_there, cases_there)
        ):
            _receive_plain(session, project_id, plain)
            plain = []
            with pretend(timed.at):
                received = receive(session, project_id, timed.arrival)
            applied = received.outcome in (Outcome.PROCESSED, Outcome.EDITED)
        else:
            plain.append(_Plain(timed, form))
            applied = True
        if form is not None:
            ids_there.add(form.meta.instance_id)
            if applied:
                cases_there.update(block.case_id for block in form.blocks)
    _receive_plain(session, project_id, plain)


@dataclass(frozen=True, slots=True)
class _Plain:
    timed: Timed
    form: ParsedForm

    @property
    def case_ids(self) -> list[str]:
        return [block.case_id for block in self.form.blocks]


def _is_plain(
    arrival: Arrival,
    form: ParsedForm,
    ids_there: set[str | None],
    cases_there: set[str],
) -> bool:
    """Whether a form is a new one that can be applied and has nothing with it."""
    if form.meta.instance_id is None or form.meta.instance_id in ids_there:
        return False
    if form.problem is not None or arrival.attachments:
        return False
    own = {block.case_id for block in form.blocks}
    return _targets(form) <= cases_there | own


def _types(forms: Sequence[Timed]) -> set[str]:
    """The case types that the forms name."""
    read = (timed.arrival.incoming.form for timed in forms)
    return {name for form in read if form is not None for name in types_named(form)}


def _targets(form: ParsedForm) -> set[str]:
    return {index.target for block in form.blocks for index in block.indices if index.target}


def _ids_there(session: Session, project_id: int, forms: Sequence[Timed]) -> set[str | None]:
    """Those ids of the forms that earlier ones have, or asked for."""
    asked = sorted(
        {
            timed.arrival.incoming.form.meta.instance_id
            for timed in forms
            if timed.arrival.incoming.form and timed.arrival.incoming.form.meta.instance_id
        }
    )
    found: set[str | None] = set()
    for some in batches(asked):
        rows = session.execute(
            select(Submission.submission_id, Submission.asked_id).where(known_as(project_id, some))
        )
        for row in rows:
            found |= {row.submission_id, row.asked_id}
    return found - {None}


def _cases_there(session: Session, project_id: int, forms: Sequence[Timed]) -> set[str]:
    """Those cases that the forms point to which the project has or had."""
    targets: set[str] = set()
    for timed in forms:
        if timed.arrival.incoming.form is not None:
            targets |= _targets(timed.arrival.incoming.form)
    return set(keys_of(session, project_id, targets))


def _receive_plain(session: Session, project_id: int, plain: Sequence[_Plain]) -> None:
    if not plain:
        return
    rows = [row_of(session, project_id, one.form, one.timed.arrival) for one in plain]
    for row in rows:
        learn_form(session, project_id, app_id=row.app_id, xmlns=row.xmlns, name=row.name)
    held = hold_cases(session, project_id, {each for one in plain for each in one.case_ids})
    keys = {one.case_id: one.key for one in held}
    outside = {target for one in plain for target in _targets(one.form)} - keys.keys()
    keys |= keys_of(session, project_id, outside)
    firsts = take_ticks_at(
        session, project_id, [(one.timed.at, max(1, len(one.form.blocks))) for one in plain]
    )
    for one, row, first in zip(plain, rows, firsts, strict=True):
        row.submission_id, row.state = one.form.meta.instance_id or "", State.NORMAL
        row.received_on = row.indexed_on = first
    _add(session, project_id, plain, rows)
    after, transactions = _after(project_id, zip(plain, rows, strict=True), held, keys)
    if transactions:
        session.connection().execute(_INSERT_TRANSACTION, transactions)
        given = defaultdict[str, set[str]](set)
        for _held, state, _tick in after:
            given[state.type].update(state.properties)
        learn_properties(session, project_id, given)
    write_cases_at(session, project_id, after)


_INSERT, _INSERT_XML, _INSERT_TRANSACTION = (
    insert(table.__table__)  # type: ignore[arg-type]  # a Table, as its class says
    for table in (Submission, SubmissionXml, CaseTransaction)
)


def _add(
    session: Session, project_id: int, plain: Sequence[_Plain], rows: Sequence[Submission]
) -> None:
    """Store the rows, which learn their keys from it, and what came."""
    given = [{name: vars(row)[name] for name in vars(row) if name[0] != "_"} for row in rows]
    session.connection().execute(_INSERT, given)
    # Asked for afterwards: SQLite would give them back only for one row at a time.
    keys = session.execute(
        select(Submission.id)
        .where(
            Submission.project_id == project_id,
            Submission.received_on.between(rows[0].received_on, rows[-1].received_on),
        )
        .order_by(Submission.received_on)
    ).scalars()
    for row, key in zip(rows, keys, strict=True):
        row.id = key
    session.connection().execute(
        _INSERT_XML,
        [
            {
                "project_id": project_id,
                "submission": row.id,
                "sha256": one.timed.arrival.incoming.sha256,
                "content": one.timed.arrival.incoming.xml,
            }
            for one, row in zip(plain, rows, strict=True)
        ],
    )


def _after(
    project_id: int,
    forms: Iterable[tuple[_Plain, Submission]],
    held: Sequence[HeldCase],
    keys: Mapping[str, int],
) -> tuple[list[tuple[HeldCase, CaseState, Micros]], list[dict[str, Any]]]:
    """What the cases are after the forms, with their ticks; and the rows of the transactions."""
    states = {one.key: one.state for one in held}
    ticks: dict[int, Micros] = {}
    transactions: list[dict[str, Any]] = []
    for one, row in forms:
        changes = changes_of(one.form, user=row.user_id, arrived_on=row.received_on, keys=keys)
        for place, key in enumerate(sorted(changes)):
            ticks[key] = row.received_on + place
        for key, change in changes.items():
            before = states[key]
            states[key] = apply(before, change)
            transactions.append(
                {
                    "project_id": project_id,
                    "case": key,
                    "submission": row.id,
                    "change": change_to_json(change),
                    "before": difference(before, states[key]),
                }
            )
    return [(one, states[one.key], ticks[one.key]) for one in held], transactions
