"""The kinds of jobs: a closed table. A new kind is a member here, a `Task` beside it, and a row in
`TASKS`: what makes the task, anew for each slice of the work."""

from __future__ import annotations

from collections.abc import Callable

from webapp.jobs.kind import Kind
from webapp.jobs.reprocess import ReprocessForms
from webapp.jobs.task import Task
from webapp.rules.undo_work import RedoRun, UndoRun
from webapp.rules.work import RunRule

TASKS: dict[Kind, Callable[[], Task]] = {
    Kind.REPROCESS: ReprocessForms,
    Kind.RUN: RunRule,
    Kind.UNDO_RUN: UndoRun,
    Kind.REDO_RUN: RedoRun,
}
