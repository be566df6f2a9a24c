"""Telling people by mail of runs that wait for a decision, or have failed (SPEC R22, R21)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.database_faults import is_busy
from webapp.mail.outbox import is_set_up, link, post
from webapp.projects.models import Project
from webapp.rules.brake import Brake
from webapp.rules.models import Run

_log = logging.getLogger(__name__)


def tell_held(session: Session, project: Project, run: Run, brake: Brake) -> None:
    """A run waits: the rule, the numbers, and where to look. It names no case."""
    _tell(session, project, run, lambda: _held(project, run, brake))


def tell_failed(session: Session, project: Project, run: Run) -> None:
    """A run has failed: what it did so far, and where to resume it."""
    _tell(session, project, run, lambda: _failed(project, run))


def _tell(
    session: Session, project: Project, run: Run, words: Callable[[], tuple[str, str]]
) -> None:
    """Post a letter: subject and body. One that cannot be written is logged, and stops nothing: a
    run must come to its end, and home shows the same."""
    if not is_set_up():
        return
    try:
        with session.begin_nested():
            subject, body = words()
            post(session, project.id, subject=subject, body=body)
            session.flush()  # what is wrong with it shows here
    except Exception as error:
        if is_busy(error):
            raise  # all of it is tried again
        _log.exception("nobody is told by mail of run %d", run.id)


def _held(project: Project, run: Run, brake: Brake) -> tuple[str, str]:
    changes = run.would_change or 0
    subject = _("A rule waits for your decision: %(rule)s", rule=run.rule_name)
    body = _(
        "The rule “%(rule)s” in “%(project)s” would change %(changes)s of %(all)s open cases"
        " (%(percent)s %%). Its brake asks above %(cases)s cases and %(limit)s %%. Nothing was"
        " changed, and nothing will be until somebody approves.\n\n"
        "Look at the cases, then approve or reject:\n%(link)s\n\n"
        "Without a decision it expires with the rule's next run, and after 7 days.",
        rule=run.rule_name,
        project=project.title,
        changes=f"{changes:,}",
        all=f"{run.open_cases:,}",
        percent=round(100 * changes / max(run.open_cases, 1)),
        cases=f"{brake.cases:,}",
        limit=brake.percent,
        link=_link(project, run),
    )
    return str(subject), str(body)


def _failed(project: Project, run: Run) -> tuple[str, str]:
    subject = _("A rule failed: %(rule)s", rule=run.rule_name)
    body = _(
        "A run of the rule “%(rule)s” in “%(project)s” has failed: %(problem)s\n\n"
        "It changed %(changed)s cases; %(left)s are left. No case is changed twice when it is"
        " resumed:\n%(link)s",
        rule=run.rule_name,
        project=project.title,
        problem=run.problem or "",
        changed=f"{run.changed:,}",
        left=f"{run.left:,}",
        link=_link(project, run),
    )
    return str(subject), str(body)


def _link(project: Project, run: Run) -> str:
    return link(f"/a/{project.name}/runs/{run.id}/")
