"""What limit and brake would make of a run, beside what the rule itself would do (SPEC R20, R22,
R25)."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.clock import Micros, now
from webapp.errors import Refused, TooSlow
from webapp.projects.models import Project
from webapp.rules.brake import Brake, brake_of
from webapp.rules.limits import Use, use_today
from webapp.rules.models import Rule, RuleState
from webapp.rules.moment import moment_at
from webapp.rules.portable import RuleData
from webapp.rules.preview import Preview, preview
from webapp.rules.queries import data_of, version_of


@dataclass(frozen=True, slots=True)
class Outlook:
    """The forms that may still be written today, and whether a run would need more; the brake of
    the rule, if it has one, and whether it would hold the run."""

    use: Use
    cuts: bool
    brake: Brake | None
    holds: bool


class MustConfirm(Refused):
    """A run by hand is over its brake: whoever wants it names the number of `changes`."""

    def __init__(self, changes: int, open_cases: int) -> None:
        super().__init__(
            _(
                "This run would change %(changes)s of %(all)s open cases, which is over its brake."
                " Nothing was queued. To run it all the same, confirm the number %(number)s.",
                changes=f"{changes:,}",
                all=f"{open_cases:,}",
                number=changes,
            )
        )
        self.changes = changes
        self.open_cases = open_cases


def outlook(
    session: Session, project: Project, data: RuleData, found: Preview, *, at: Micros | None = None
) -> Outlook:
    """What would stop a run that does what a preview found, now or `at` an instant to come. One
    query."""
    use, brake = use_today(session, project), brake_of(project, data)
    use = use if at is None else use.at(at)
    holds = brake is not None and brake.holds(found.would_change, found.open_cases)
    return Outlook(use, use.cuts(found.submissions), brake, holds)


def confirmed_changes(
    session: Session,
    project: Project,
    rule: Rule,
    *,
    given: int | None,
    as_of: Micros | None = None,
    version: int | None = None,
) -> int | None:
    """What `start_run` takes as `confirmed` for a run by hand: None where it stays under its brake,
    else the number of changes, if that is the one `given`.

    Counts all open cases of the type, so it is called before the transaction that queues the run;
    should the number be another one when the run is planned, the run is held. So it is where
    counting is too slow for now. Raises `MustConfirm` when the number was not given, or is another
    one.
    """
    if rule.state in {RuleState.DRAFT, RuleState.WATCHING}:
        return None  # the one is refused when it is queued, the other changes nothing
    data = data_of(version_of(session, rule, rule.version if version is None else version))
    if brake_of(project, data) is None:
        return None
    moment = moment_at(now() if as_of is None else as_of, project.timezone)
    try:
        found = preview(session, project.id, data.definition, moment, shown=0)
    except TooSlow:
        return given
    if not outlook(session, project, data, found).holds:
        return None
    if given != found.would_change:
        raise MustConfirm(found.would_change, found.open_cases)
    return given
