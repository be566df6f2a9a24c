"""The kinds of jobs: a closed table. A new kind is a member here, a `Task` beside it, and a row in
`TASKS`."""

from __future__ import annotations

from webapp.jobs.kind import Kind
from webapp.jobs.reprocess import ReprocessForms
from webapp.jobs.task import Task

TASKS: dict[Kind, Task] = {
    Kind.REPROCESS: ReprocessForms(),
}
