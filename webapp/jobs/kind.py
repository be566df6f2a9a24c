"""Names of the kinds of jobs."""

from __future__ import annotations

from enum import StrEnum

from flask_babel import gettext as _


class Kind(StrEnum):
    """What a job does. Which task does it, `create_app` says."""

    #: Params: `submission_ids` (public ids), or `all_errors` (true).
    REPROCESS = "reprocess"
    #: Params: `run_id`.
    RUN = "run"
    #: Params: `run_id`, `reason`.
    UNDO_RUN = "undo_run"
    #: Params: `run_id`.
    REDO_RUN = "redo_run"
    #: Params: `selection` (its key) unless the list was frozen when it was asked for; `of_job`, if
    #: it takes that one back; `reason`.
    ARCHIVE_FORMS = "archive_forms"
    RESTORE_FORMS = "restore_forms"
    #: Params: `to` (an owner's id), `from` (those of whom the cases were, unless these are very
    #: many), `salt` (tells the forms that it writes). Its items are ids of cases.
    REASSIGN_CASES = "reassign_cases"
    #: Params: `of` (what is exported) and `format`; the rest stands in `export`.
    EXPORT = "export"

    @property
    def only_reads(self) -> bool:
        """Whether it changes no case and no form, and so may work beside a job that does."""
        return self is Kind.EXPORT

    @property
    def label(self) -> str:
        """What a job of this kind does, as people read it."""
        labels = {
            Kind.REPROCESS: _("Process forms again"),
            Kind.RUN: _("Run a rule"),
            Kind.UNDO_RUN: _("Undo a run"),
            Kind.REDO_RUN: _("Take the undo of a run back"),
            Kind.ARCHIVE_FORMS: _("Archive forms"),
            Kind.RESTORE_FORMS: _("Restore forms"),
            Kind.REASSIGN_CASES: _("Reassign cases"),
            Kind.EXPORT: _("Export a list"),
        }
        return str(labels[self])
