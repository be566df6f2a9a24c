"""What is different this time: a run beside those of its rule that came before (SPEC R22)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.rules.models import RuleVersion, Run, RunState
from webapp.rules.orders import version_of
from webapp.rules.queries import data_of
from webapp.rules.versions import differences

#: So many runs are compared with.
SHOWN = 7


@dataclass(frozen=True, slots=True)
class Edited:
    """The version that acts now, with what differs from that of the run to compare with."""

    old: int
    version: RuleVersion
    differences: Sequence[str]


@dataclass(frozen=True, slots=True)
class RunsBefore:
    """The runs of the same rule before one, newest first. `least` and `most` are the numbers of
    cases that those of them changed which finished; None where none did. `edited` says how the rule
    was changed since the last of these, if it was."""

    runs: Sequence[Run]
    least: int | None = None
    most: int | None = None
    finished: int = 0
    edited: Edited | None = None


def changes_of(run: Run) -> int:
    """How many cases a run changed; of one that wrote nothing, how many it would have changed."""
    writes = run.state in {RunState.FINISHED, RunState.STOPPED, RunState.FAILED}
    return run.changed if writes and not run.watching else run.would_change or 0


def runs_before(session: Session, run: Run) -> RunsBefore:
    """The runs of a run's rule that were planned before it. One query, and two where the rule was
    changed since."""
    runs = session.scalars(
        select(Run)
        .where(
            Run.project_id == run.project_id,
            Run.rule == run.rule,
            Run.id < run.id,
            Run.planned_on.is_not(None),
            Run.finished_on.is_not(None),
        )
        .order_by(Run.id.desc())
        .limit(SHOWN)
    ).all()
    finished = [one for one in runs if one.state is RunState.FINISHED]
    if not finished:
        return RunsBefore(runs)
    changed = [changes_of(one) for one in finished]
    edited = None
    if finished[0].version != run.version:
        old, new = version_of(session, finished[0]), version_of(session, run)
        edited = Edited(old.number, new, differences(data_of(old), data_of(new)))
    return RunsBefore(runs, min(changed), max(changed), len(finished), edited)
