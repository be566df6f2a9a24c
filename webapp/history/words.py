"""How forms, their users and their states are named, on pages and in files."""

from __future__ import annotations

from flask_babel import gettext as _

from webapp.history.filters import UserType
from webapp.submissions.models import State, Submission


def form_title(submission: Submission, version: int | None = None) -> str:
    """The form's name, else its xmlns, else that it is none; a rule's form is named after the rule
    as it was called then (R15), with its version where that is given. One from outside never is,
    whatever it says of itself (S6)."""
    if submission.run_id is not None and version is not None:
        return _(
            "Automatic Case Update Rule › %(name)s (v%(version)s)",
            name=submission.name,
            version=version,
        )
    if submission.run_id is not None:
        return _("Automatic Case Update Rule › %(name)s", name=submission.name)
    return submission.name or submission.xmlns or _("Unparsed form")


def type_word(kind: UserType) -> str:
    """The type of one user."""
    return {
        UserType.MOBILE: _("Mobile worker"),
        UserType.DEACTIVATED: _("Deactivated worker"),
        UserType.WEB: _("Web user"),
        UserType.ADMIN: _("admin"),
        UserType.UNKNOWN: _("Unknown user"),
        UserType.AUTOMATIC: _("Automatic rule"),
        UserType.TERMINAL: _("In a terminal of the server"),
    }[kind]


def state_word(state: State) -> str:
    """What a form is now, in a word."""
    return {
        State.NORMAL: _("Normal"),
        State.ARCHIVED: _("Archived"),
        State.ERROR: _("Error"),
        State.DUPLICATE: _("Duplicate"),
        State.DEPRECATED: _("Deprecated"),
        State.UNPARSED: _("Unparsed"),
    }[state]
