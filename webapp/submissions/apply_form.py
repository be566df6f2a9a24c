"""Applying a form to its cases: at the end of their history, or at its place inside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, inspect
from sqlalchemy.orm import Session

from webapp.cases.apply import NOTHING, Change, apply, change_to_json, difference
from webapp.cases.models import CaseTransaction
from webapp.cases.store import HeldCase, hold_cases, ids_of, write_cases
from webapp.clock import take_ticks
from webapp.database import one_or_many
from webapp.dictionary.learn import learn_properties
from webapp.submissions.ids import new_id
from webapp.submissions.models import State, Submission
from webapp.submissions.parse import ParsedForm
from webapp.submissions.queries import Touch, touches
from webapp.submissions.rebuild import replay_held
from webapp.submissions.resolve import changes_of

_INSERT = insert(CaseTransaction.__table__)  # type: ignore[arg-type]  # a Table, as its class says


def apply_last(
    session: Session,
    row: Submission,
    form: ParsedForm,
    targets: Mapping[str, int],
    owners: Mapping[str, str],
) -> None:
    """Add the submission at the end of history and apply it: no replay is needed.

    `row` is a new submission; `targets` are the keys of the cases that only its indexes name;
    `owners` are those of `webapp.submissions.sharing.new_owners`.
    """
    held = hold_cases_of(session, row.project_id, form)
    first = take_ticks(session, row.project_id, max(1, len(held)))
    row.received_on = row.indexed_on = first
    session.add(row)
    session.flush()  # the transactions need its key
    changes = _changes(row, form, held, targets, owners)
    after = {one.key: apply(one.state, changes[one.key]) for one in held}
    befores = {one.key: difference(one.state, after[one.key]) for one in held}
    _add_transactions(session, row, changes, befores)
    write_cases(session, row.project_id, [(one, after[one.key]) for one in held], first)


def apply_edit(
    session: Session,
    row: Submission,
    form: ParsedForm,
    targets: Mapping[str, int],
    owners: Mapping[str, str],
    *,
    replaces: Submission,
) -> None:
    """Put a version in the place of the one in force (SPEC S6).

    `row` takes the id and the place in history of `replaces`, which becomes `deprecated` under a
    new id and a new tick; every case that either touches is rebuilt. Where `replaces` is archived
    `row` is so too, and no case changes until somebody restores it (ADR 8). `row` may be new, or
    an earlier failure that is processed again.
    """
    project_id = row.project_id
    is_new = not inspect(row).persistent
    state, old_touches = replaces.state, touches(session, replaces)
    old_cases = ids_of(session, project_id, [touch.case for touch in old_touches])
    new_cases = {block.case_id for block in form.blocks}
    held = hold_cases(session, project_id, new_cases | old_cases)
    _learn(session, project_id, form, held)
    # Edits are rare: they take their ticks before the replay and hold them a little longer.
    first = take_ticks(session, project_id, 2 + len(held))
    place = replaces.received_on
    ids = replaces.submission_id, replaces.asked_id
    # Its sender may send the old version again: it must be found by the id that it asked for.
    replaces.asked_id = replaces.asked_id or replaces.submission_id
    replaces.submission_id = new_id()
    replaces.state, replaces.edited_on = State.DEPRECATED, None
    replaces.received_on = replaces.indexed_on = first + 1
    if is_new:
        row.edited_on = first
    else:
        row.edited_on = row.received_on  # it came when it failed
        row.received_on = first  # out of the way until the other has left the place
    session.flush()  # the place and the id must be free before they are taken
    row.submission_id, row.asked_id = ids
    row.received_on, row.indexed_on, row.state = place, first, state
    if not row.live:
        row.archived_by = replaces.archived_by  # whoever takes that job back restores this version
    session.add(row)
    session.flush()  # the transactions need its key, the replay its state
    replaces.of = row.id
    changes = _changes(row, form, held, targets, owners)
    befores = {} if row.live else _still_opened(changes, old_touches)
    _add_transactions(session, row, changes, befores)
    write_cases(session, project_id, replay_held(session, project_id, held), first + 2)


def _still_opened(
    changes: Mapping[int, Change], old_touches: Sequence[Touch]
) -> dict[int, dict[str, Any]]:
    """The before-values of the cases that the archived version before had opened, as if this one
    had: forms that were archived after it must still wait for its restore (SPEC A5)."""
    opened = {touch.case for touch in old_touches if touch.before and touch.before.get("deleted")}
    return {
        case: difference(NOTHING, apply(NOTHING, change))
        for case, change in changes.items()
        if case in opened
    }


def apply_late(
    session: Session,
    row: Submission,
    form: ParsedForm,
    targets: Mapping[str, int],
    owners: Mapping[str, str],
) -> None:
    """Apply a stored submission at the place that it has in history, and rebuild its cases."""
    project_id = row.project_id
    held = hold_cases_of(session, project_id, form)
    first = take_ticks(session, project_id, max(1, len(held)))
    row.state, row.problem, row.indexed_on = State.NORMAL, None, first
    session.flush()  # the replay reads the state
    _add_transactions(session, row, _changes(row, form, held, targets, owners), {})
    write_cases(session, project_id, replay_held(session, project_id, held), first)


def hold_cases_of(session: Session, project_id: int, form: ParsedForm) -> list[HeldCase]:
    """Lock the cases of a form, and learn from it: what somebody else has just learned must be
    waited for before the tick, not after it."""
    wanted = [block.case_id for block in form.blocks]
    # A form that opens its case says of which type that is.
    known = not any("case_type" in block.given for block in form.blocks)
    held = hold_cases(session, project_id, wanted, one_is_known=known)
    _learn(session, project_id, form, held)
    return held


def _learn(session: Session, project_id: int, form: ParsedForm, held: Sequence[HeldCase]) -> None:
    """Note the types of a form's cases, and which properties they get."""
    states = {one.case_id: one.state for one in held}
    given = defaultdict[str, set[str]](set)
    for block in form.blocks:
        before = states[block.case_id]
        case_type = block.given.get("case_type", before.type)
        given[case_type].update(block.properties)
        if case_type != before.type:  # what the case has goes with it
            given[case_type].update(before.properties)
    learn_properties(session, project_id, given)


def _changes(
    row: Submission,
    form: ParsedForm,
    held: Sequence[HeldCase],
    targets: Mapping[str, int],
    owners: Mapping[str, str],
) -> dict[int, Change]:
    keys = {**targets, **{one.case_id: one.key for one in held}}
    return changes_of(form, user=row.user_id, arrived_on=row.arrived_on, keys=keys, owners=owners)


def _add_transactions(
    session: Session,
    row: Submission,
    changes: Mapping[int, Change],
    befores: Mapping[int, dict[str, Any]],
) -> None:
    if not changes:
        return
    rows = [
        {
            "project_id": row.project_id,
            "case": key,
            "submission": row.id,
            "change": change_to_json(change),
            "before": befores.get(key),
        }
        for key, change in changes.items()
    ]
    session.connection().execute(_INSERT, one_or_many(rows))
