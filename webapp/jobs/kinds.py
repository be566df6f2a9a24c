"""What the application does in the background: a task for each kind of job, and duties of the tick.

The rooms that do the work stand above this one, so `create_app` hands it in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Flask, current_app

from webapp.clock import Micros
from webapp.jobs.kind import Kind
from webapp.jobs.task import Task

#: What makes a task, anew for each slice of the work.
Tasks = Mapping[Kind, Callable[[], Task]]
#: What the tick has done at an instant. Any number of ticks may do it at once.
Duties = Sequence[Callable[[Micros], object]]


@dataclass(frozen=True, slots=True)
class _Background:
    tasks: Tasks
    duties: Duties


def init_jobs(app: Flask, tasks: Tasks, duties: Duties) -> None:
    """Let an application know its background work. Raises `ValueError` for a kind without a
    task."""
    lacking = set(Kind) - set(tasks)
    if lacking:
        raise ValueError(f"no task for {', '.join(sorted(lacking))}")
    app.extensions["background"] = _Background(tasks, duties)


def task_for(kind: str) -> Task:
    """The task of a job of this kind."""
    return _background().tasks[Kind(kind)]()


def duties() -> Duties:
    """What the tick has done, in this order."""
    return _background().duties


def _background() -> _Background:
    background: _Background = current_app.extensions["background"]
    return background
