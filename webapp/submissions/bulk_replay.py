"""What becomes of cases when some of their forms are archived or restored: in memory, each case
once, and the guards with it (SPEC A2–A5). For the forms that `webapp.submissions.bulk` cannot
switch in SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cases.apply import NOTHING, CaseState, apply, change_from_json, difference, revert
from webapp.cases.models import CaseTransaction
from webapp.cases.store import HeldCase, batches, hold_known_cases
from webapp.clock import Micros
from webapp.submissions.archive import OPENED_CASE, OPENER_ARCHIVED
from webapp.submissions.bulk_guards import Going, left_by_archive, left_by_restore
from webapp.submissions.guards import opened
from webapp.submissions.models import State, Submission


class Form(NamedTuple):
    """A locked form: its key, its public id, and its place in the order of replay."""

    key: int
    id: str
    received_on: Micros


class Step(NamedTuple):
    """A transaction of a form. Whether it is `simple`, and changes `few` columns, is of no concern
    here."""

    transaction: int
    case: int
    simple: bool
    few: bool


class Chain(NamedTuple):
    """A form with its transactions."""

    form: Form
    steps: Sequence[Step]


@dataclass(slots=True)
class Replay:
    """What is to be written: new states, before-values by transaction; how many cases each form
    changed, by its key; and the forms that are blocked, by id, with the sentence why."""

    changes: list[tuple[HeldCase, CaseState]] = field(default_factory=list)
    befores: dict[int, dict[str, Any]] = field(default_factory=dict)
    steps: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    blocked: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Touch:
    """A transaction with what it says; `form` is 0 for one that is not switched."""

    received_on: Micros
    transaction: int
    change: dict[str, Any]
    before: dict[str, Any] | None
    form: int = 0

    @property
    def opened(self) -> bool:
        """Whether the case was not there when it was last applied."""
        return self.before is not None and self.before.get("deleted") is True


def replay_chains(session: Session, project_id: int, to: State, chains: Sequence[Chain]) -> Replay:
    """Work out what archiving (`to` ARCHIVED) or restoring forms, in the order in which they are
    given, makes of their cases. Reads and locks only; a few queries a thousand forms."""
    replay = Replay()
    if not chains:
        return replay
    keys = sorted({step.case for chain in chains for step in chain.steps})
    held = hold_known_cases(session, project_id, keys)
    touches = _touches_of(session, project_id, chains)
    live, openers = _received(session, project_id, keys)
    replay.blocked = _blocked(to, chains, touches, live, openers)
    switched: dict[int, list[_Touch]] = defaultdict(list)
    for chain in chains:
        if chain.form.id not in replay.blocked:
            for step in chain.steps:
                switched[step.case].append(touches[step.transaction])
    kept = {
        case: live[case] - {touch.received_on for touch in some} for case, some in switched.items()
    }
    last = {
        case
        for case, some in switched.items()
        if max(kept[case], default=0) < min(touch.received_on for touch in some)
    }
    histories = _histories(session, project_id, [case for case in switched if case not in last])
    for one in held:
        if one.key in last:
            walk = _take_back if to is State.ARCHIVED else _make_again
            state = walk(replay, one.state, switched[one.key])
        elif one.key in switched:
            state = _replay(replay, to, histories[one.key], switched[one.key])
        else:
            continue
        replay.changes.append((one, state))
    return replay


def _blocked(
    to: State,
    chains: Sequence[Chain],
    touches: dict[int, _Touch],
    live: dict[int, set[Micros]],
    openers: dict[int, set[Micros]],
) -> dict[str, str]:
    """The forms that cannot be switched (A5), with the sentence why."""
    forms = [
        Going(
            chain.form.key,
            chain.form.received_on,
            [(step.case, touches[step.transaction].opened) for step in chain.steps],
        )
        for chain in chains
    ]
    if to is State.ARCHIVED:
        going: dict[int, set[Micros]] = defaultdict(set)
        for form in forms:
            for case, _opened in form.cases:
                going[case].add(form.received_on)
        newest = {case: max(live[case] - some, default=0) for case, some in going.items()}
        left, why = left_by_archive(forms, newest), OPENED_CASE
    else:
        oldest = {case: min(some) for case, some in live.items() if some}
        first = {case: min(some) for case, some in openers.items() if some}
        left, why = left_by_restore(forms, oldest, first), OPENER_ARCHIVED
    return {chain.form.id: why for chain in chains if chain.form.key in left}


def _take_back(replay: Replay, state: CaseState, touches: Sequence[_Touch]) -> CaseState:
    """The last live forms of a case are archived, newest first: as `archive` does."""
    for touch in touches:
        was = revert(state, touch.before or {})
        replay.steps[touch.form] += was != state
        state = was
    return state


def _make_again(replay: Replay, state: CaseState, touches: Sequence[_Touch]) -> CaseState:
    """Forms behind the live ones of a case are restored, oldest first: as `restore` does."""
    for touch in touches:
        after = apply(state, change_from_json(touch.change))
        was = difference(state, after)
        if was != touch.before:
            replay.befores[touch.transaction] = was
        replay.steps[touch.form] += after != state
        state = after
    return state


def _replay(
    replay: Replay, to: State, history: Sequence[_Touch], switched: Sequence[_Touch]
) -> CaseState:
    """Forms between live ones. `history` has all that are live before."""
    going = {touch.transaction: touch for touch in switched}
    staying = [touch for touch in history if touch.transaction not in going]
    every = sorted([*staying, *switched], key=lambda touch: touch.received_on)
    state = NOTHING
    for place, touch in enumerate(every):
        after = apply(state, change_from_json(touch.change))
        if touch.transaction in going:
            # When its turn came, older ones were as they were, or back already, and of the newer
            # ones there were those that stay.
            rest = [one for one in every[place + 1 :] if one.transaction not in going]
            replay.steps[touch.form] += _through(after, rest) != _through(state, rest)
        state = after
    state = NOTHING
    for touch in staying if to is State.ARCHIVED else every:
        after = apply(state, change_from_json(touch.change))
        was = difference(state, after)
        if was != touch.before:
            replay.befores[touch.transaction] = was
        state = after
    return state


def _through(state: CaseState, touches: Sequence[_Touch]) -> CaseState:
    for touch in touches:
        state = apply(state, change_from_json(touch.change))
    return state


def _touches_of(session: Session, project_id: int, chains: Sequence[Chain]) -> dict[int, _Touch]:
    forms = {step.transaction: chain.form for chain in chains for step in chain.steps}
    found: dict[int, _Touch] = {}
    for some in batches(sorted(forms)):
        rows = session.execute(
            select(CaseTransaction.id, CaseTransaction.change, CaseTransaction.before).where(
                CaseTransaction.project_id + 0 == project_id, CaseTransaction.id.in_(some)
            )
        )
        for key, change, before in rows:
            found[key] = _Touch(forms[key].received_on, key, change, before, forms[key].key)
    return found


def _received(
    session: Session, project_id: int, cases: Sequence[int]
) -> tuple[dict[int, set[Micros]], dict[int, set[Micros]]]:
    """By case, when its live forms were received, and those archived ones that opened it."""
    live: dict[int, set[Micros]] = defaultdict(set)
    openers: dict[int, set[Micros]] = defaultdict(set)
    for some in batches(cases):
        rows = session.execute(
            select(CaseTransaction.case, Submission.state, Submission.received_on)
            .join(Submission, Submission.id == CaseTransaction.submission)
            .where(
                CaseTransaction.project_id == project_id,
                CaseTransaction.case.in_(some),
                Submission.project_id + 0 == project_id,
                (Submission.state == State.NORMAL)
                | ((Submission.state == State.ARCHIVED) & opened(CaseTransaction)),
            )
        )
        for case, state, received_on in rows:
            (live if state == State.NORMAL else openers)[case].add(received_on)
    return live, openers


def _histories(session: Session, project_id: int, cases: Sequence[int]) -> dict[int, list[_Touch]]:
    """The live transactions of cases, in order of replay."""
    found: dict[int, list[_Touch]] = {case: [] for case in cases}
    for some in batches(cases):
        rows = session.execute(
            select(CaseTransaction.case, Submission.received_on, CaseTransaction.id)
            .add_columns(CaseTransaction.change, CaseTransaction.before)
            .join(Submission, Submission.id == CaseTransaction.submission)
            .where(
                CaseTransaction.project_id == project_id,
                CaseTransaction.case.in_(some),
                Submission.project_id + 0 == project_id,
                Submission.state == State.NORMAL,
            )
            # Not the order of the rows: an edited form has a later row and keeps its old place.
            .order_by(CaseTransaction.case, Submission.received_on)
        )
        for case, *touch in rows:
            found[case].append(_Touch(*touch))
    return found
