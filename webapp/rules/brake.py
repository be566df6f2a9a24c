"""The brake: when a run asks a person before it writes anything (SPEC R22)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.projects.models import Project
from webapp.rules.models import Run
from webapp.rules.orders import version_of
from webapp.rules.portable import RuleData
from webapp.rules.queries import data_of


@dataclass(frozen=True, slots=True)
class Brake:
    """A run asks when it would change more than `cases` **and** more than `percent` of the open
    cases of its type."""

    cases: int
    percent: int

    def holds(self, changes: int, open_cases: int) -> bool:
        """Whether so many changes among so many open cases are too many."""
        return changes > self.cases and changes * 100 > self.percent * open_cases


def brake_of(project: Project, data: RuleData) -> Brake | None:
    """The brake of a rule: the project's, or the stricter numbers of its own; None where the rule
    says by its own choice that there is none."""
    if not data.has_brake:
        return Brake(project.brake_cases, project.brake_percent)
    if data.brake is None:
        return None
    return Brake(
        min(data.brake["cases"], project.brake_cases),
        min(data.brake["percent"], project.brake_percent),
    )


def brake_of_run(session: Session, run: Run) -> Brake | None:
    """The brake that a run has now. Two queries."""
    project = session.get_one(Project, run.project_id)
    return brake_of(project, data_of(version_of(session, run)))
