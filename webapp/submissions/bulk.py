"""Archiving and restoring many forms in one transaction (SPEC A2–A6).

It leaves what `webapp.submissions.archive` leaves when it is given the forms one after the other:
archived newest first, restored oldest first, so that a whole chain goes in one go. Only the ticks
are others. Each case is rebuilt once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.tags import Tag
from webapp.cases.store import write_cases
from webapp.clock import Micros, now, take_ticks
from webapp.database import find_by_key
from webapp.submissions.archive import WHY_NOT
from webapp.submissions.bulk_replay import Chain, Form, Step, replay_chains
from webapp.submissions.bulk_sql import Statements, statements_on
from webapp.submissions.models import State
from webapp.submissions.rebuild import write_befores

_TAGS = {State.ARCHIVED: Tag.SUBMISSION_ARCHIVE, State.NORMAL: Tag.SUBMISSION_RESTORE}
UNKNOWN = "There is no form with this id in this project."
#: By what the forms would become: somebody else has brought them into the state that they have.
NOT_ITS_OWN = {
    State.NORMAL: "This form was archived by hand, or by another job, and stays so.",
    State.ARCHIVED: "This form was restored by hand, or by another job, and stays so.",
}


@dataclass(frozen=True, slots=True)
class Switch:
    """What happens to the forms: `to` is ARCHIVED or NORMAL. `job` is the one that does it; with
    `of_jobs` it takes back only what these jobs have done, and not what somebody else did since."""

    project_id: int
    to: State
    by: Actor
    reason: str
    job: int | None = None
    of_jobs: frozenset[int] | None = None


def archive_many(
    session: Session, project_id: int, ids: Sequence[str], *, by: Actor, reason: str = ""
) -> dict[str, str]:
    """Archive forms by their public ids. Returns those that were left as they are, each with the
    sentence why. About ten statements where the forms are the last of their cases, and the memory
    of a few rows for each form; else that of the cases' histories."""
    return switch_many(session, Switch(project_id, State.ARCHIVED, by, reason), ids)


def restore_many(
    session: Session, project_id: int, ids: Sequence[str], *, by: Actor, reason: str = ""
) -> dict[str, str]:
    """The inverse: restore forms, at the same cost."""
    return switch_many(session, Switch(project_id, State.NORMAL, by, reason), ids)


def switch_many(
    session: Session,
    switch: Switch,
    ids: Sequence[str],
    *,
    before_tick: Callable[[], None] = lambda: None,
) -> dict[str, str]:
    """Either of the two. `before_tick` is called when all is read and locked, and others must wait
    from now on."""
    statements = statements_on(session.get_bind().dialect.name, switch.to)
    find_by_key(session)
    forms, skipped = _hold(session, statements, switch, ids)
    touches = _touches(session, statements, switch, forms)
    simple = _simple(touches)
    # Those that change few columns first: each statement is given the keys of its own.
    in_sql = sorted(
        (form for form in forms if form.key in simple), key=lambda form: not simple[form.key].few
    )
    others = [Chain(form, touches[form.key]) for form in forms if form.key not in simple]
    replay = replay_chains(session, switch.project_id, switch.to, others)
    replayed = [chain.form for chain in others if chain.form.id not in replay.blocked]
    if in_sql or replayed:
        by_cases: dict[int, list[str]] = {1: [form.id for form in in_sql]}
        for form in replayed:
            by_cases.setdefault(replay.steps.get(form.key, 0), []).append(form.id)
        _record(session, statements, switch, by_cases)
        changed = sum(state != one.state for one, state in replay.changes)
        before_tick()
        # A form and its case share a tick only where the case is as that form alone has left it:
        # so it is known when the form is restored. Replayed ones have ticks of their own.
        forms_and_cases = len(in_sql) + len(replayed) + changed
        first = take_ticks(session, switch.project_id, forms_and_cases)
        _change(session, statements, switch, [simple[form.key] for form in in_sql], first)
        keys = statements.array([form.key for form in in_sql + replayed])
        values = {"project": switch.project_id, "tick": first, "keys": keys}
        session.connection().execute(statements.setting, {**values, "job": switch.job})
        write_befores(session, replay.befores)
        of_cases = first + len(in_sql) + len(replayed)
        write_cases(session, switch.project_id, replay.changes, of_cases)
    return skipped | replay.blocked


def _hold(
    session: Session, statements: Statements, switch: Switch, ids: Sequence[str]
) -> tuple[list[Form], dict[str, str]]:
    """Lock forms, then their cases, and sort the forms in the order of the work. Those that are not
    in the other state are left out."""
    wanted = State.ARCHIVED if switch.to is State.NORMAL else State.NORMAL
    forms: list[Form] = []
    missing = dict.fromkeys(ids, UNKNOWN)
    skipped: dict[str, str] = {}
    connection = session.connection()
    # Twice: whoever waited for an edit finds the id gone from the row that had it, and another
    # row with it only when looking again.
    for _time in (1, 2):
        if not missing:
            break
        rows = connection.execute(
            statements.holding,
            {"project": switch.project_id, "ids": statements.array([*missing])},
        )
        for key, submission_id, state, received_on, done_by in rows:
            if key is None:
                continue
            missing.pop(submission_id, None)
            if state != wanted:
                skipped[submission_id] = WHY_NOT[state]
            elif switch.of_jobs is not None and done_by not in switch.of_jobs:
                skipped[submission_id] = NOT_ITS_OWN[switch.to]
            else:
                forms.append(Form(key, submission_id, received_on))
    if statements.locking is not None:
        keys = statements.array([form.key for form in forms])
        connection.execute(statements.locking, {"project": switch.project_id, "keys": keys})
    forms.sort(key=lambda form: form.received_on, reverse=switch.to is State.ARCHIVED)
    return forms, skipped | missing


def _touches(
    session: Session, statements: Statements, switch: Switch, forms: Sequence[Form]
) -> dict[int, list[Step]]:
    """The transactions of forms, by their keys."""
    found: dict[int, list[Step]] = defaultdict(list)
    values = {
        "project": switch.project_id,
        "keys": statements.array([form.key for form in forms]),
    }
    for transaction, form, case, simple, few in session.connection().execute(
        statements.touching, values
    ):
        if transaction is not None:
            found[form].append(Step(transaction, case, bool(simple), bool(few)))
    return found


def _simple(touches: dict[int, list[Step]]) -> dict[int, Step]:
    """By the keys of forms, what they change, where that can be taken back, or made again, as it
    stands in the table: it is the only change of the form, and of its case."""
    often = Counter(step.case for steps in touches.values() for step in steps)
    return {
        form: step
        for form, (step, *more) in touches.items()
        if step.simple and not more and often[step.case] == 1
    }


def _change(
    session: Session, statements: Statements, switch: Switch, steps: Sequence[Step], first: Micros
) -> None:
    """Change the cases of simple forms; those of which few columns change are in front."""
    for few, some in groupby(steps, key=lambda step: step.few):
        keys = [step.transaction for step in some]
        session.connection().execute(
            statements.changing[few],
            {"project": switch.project_id, "tick": first, "keys": statements.array(keys)},
        )
        first += len(keys)


def _record(
    session: Session, statements: Statements, switch: Switch, by_cases: dict[int, list[str]]
) -> None:
    """An event for each form, as for one that is switched alone; they are given by the number of
    cases that they changed."""
    values: dict[str, Any] = {
        "project_id": switch.project_id,
        "at": now(),
        "tag": _TAGS[switch.to].value,
        "noun": "submission:",
        "actor_id": switch.by.user_id,
        "actor": switch.by.name,
        "source": switch.by.source,
        "reason": switch.reason[:1000] or None,
    }
    for cases, ids in by_cases.items():
        if ids:
            session.connection().execute(
                statements.recording,
                {**values, "ids": statements.array(ids), "after": {"cases": cases}},
            )
