"""Names of the kinds of jobs."""

from __future__ import annotations

from enum import StrEnum

from flask_babel import gettext as _


class Kind(StrEnum):
    """What a job does. Its task stands in `webapp.jobs.kinds.TASKS`."""

    #: Params: `submission_ids` (public ids), or `all_errors` (true).
    REPROCESS = "reprocess"
    #: Params: `run_id`.
    RUN = "run"

    @property
    def label(self) -> str:
        """What a job of this kind does, as people read it."""
        labels = {Kind.REPROCESS: _("Process forms again"), Kind.RUN: _("Run a rule")}
        return str(labels[self])
