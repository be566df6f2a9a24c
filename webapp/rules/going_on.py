"""Whether a run that was stopped or has failed may go on, whoever asks and wherever (SPEC R19)."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import Refused
from webapp.rules.models import Rule, RuleState, Run
from webapp.rules.undone import refuse_while_undone


def why_past(run: Run, rule: Rule) -> str | None:
    """Why a run does not go on any more, because of what became of its rule since; None where it
    may. No queries."""
    if run.superseded_by is not None:
        return why_superseded(run)
    if rule.deleted_on is not None:
        return str(_("The rule is deleted. Bring it back first, then this run can go on."))
    if rule.state is RuleState.DRAFT:
        return str(
            _("The rule is a draft by now. Switch it on, or save it switched off, to go on.")
        )
    if rule.state is RuleState.WATCHING and not run.watching:
        return str(_("The rule only watches by now, and this run would change cases."))
    return None


def why_superseded(run: Run) -> str:
    """Why a run does not go on that a later one has made past."""
    return str(
        _(
            "Run %(number)s of the same rule has decided anew which cases match, so this run"
            " does not go on.",
            number=run.superseded_by,
        )
    )


def refuse_to_go_on(session: Session, run: Run) -> None:
    """Raises `Refused` for a run that is past, or that is taken back: one would not know any more
    what is. Three queries."""
    rule = session.scalars(
        select(Rule)
        .where(Rule.project_id == run.project_id, Rule.id == run.rule)
        .execution_options(populate_existing=True)
    ).one()
    why = why_past(run, rule)
    if why is not None:
        raise Refused(why)
    refuse_while_undone(session, run)
