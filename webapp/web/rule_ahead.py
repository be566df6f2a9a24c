"""What a rule would do once a version of it is in force: now, and in its first run (SPEC U4)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.clock import Micros, now
from webapp.projects.models import Project
from webapp.rules.describe_when import schedule_words
from webapp.rules.models import Rule, RuleVersion
from webapp.rules.nights import hour_of, schedule_of
from webapp.rules.preview import Owners
from webapp.rules.queries import data_of
from webapp.rules.schedule import next_slot
from webapp.web.rule_preview import Shown, preview_of


@dataclass(frozen=True, slots=True)
class Ahead:
    """`shown` is what a run would change now; `first_run` when the rule runs next by itself, None
    where it does so only by hand, and `schedule` says that in words. `later` is what that run would
    change, where that may be something else; None where it is not, and where counting it now took
    too long already."""

    shown: Shown
    schedule: str
    first_run: Micros | None
    later: Shown | None = None

    @property
    def decisive(self) -> Shown:
        """The numbers that limit and brake will judge, as far as they are known."""
        return self.later if self.later is not None and self.later.found else self.shown

    @property
    def differs(self) -> bool:
        """Whether the first run would come to something else than one now."""
        here, then = self.shown.found, self.later and self.later.found
        if here is None or not then or self.later is None:
            return False
        return here.would_change != then.would_change or self.shown.losing != self.later.losing


def ahead_of(session: Session, project: Project, rule: Rule, version: RuleVersion) -> Ahead:
    """Look ahead; about the cost of a preview, or of two where the rule goes by time."""
    data = data_of(version)
    shown = preview_of(session, project, data, rule_id=rule.rule_id, owners=Owners.YES)
    first_run = next_slot(schedule_of(version), hour_of(project), now())
    later = None
    if shown.found is not None and first_run is not None and data.definition.goes_by_time:
        later = preview_of(
            session,
            project,
            data,
            first_run,
            rule_id=rule.rule_id,
            owners=Owners.YES,
            by_itself=True,
        )
    return Ahead(shown, schedule_words(data.schedule), first_run, later)
