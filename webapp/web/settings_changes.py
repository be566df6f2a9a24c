"""What was changed in a project's settings, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.audit.models import AuditEvent
from webapp.audit.record import events_about
from webapp.audit.tags import Tag
from webapp.clock import Micros
from webapp.projects.models import Project
from webapp.web.formatting import number
from webapp.web.forms.settings import SettingsForm


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting, before and after."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """What somebody saved at once."""

    at: Micros
    actor: str
    differences: list[Difference]


def last_change(session: Session, project: Project) -> AuditEvent:
    """The newest event about a project; there is always one, for it was made. One query."""
    return session.scalars(events_about(project.id, f"project:{project.name}").limit(1)).one()


def latest_changes(
    session: Session, project: Project, form: SettingsForm, count: int
) -> list[SettingsChange]:
    """The newest changes, with the labels of the form. One query."""
    events = events_about(project.id, f"project:{project.name}").where(
        AuditEvent.tag.in_((Tag.PROJECT_SET, Tag.PROJECT_TELL))
    )
    return [
        SettingsChange(event.at, event.actor, _differences(event, form))
        for event in session.scalars(events.limit(count))
    ]


def _differences(event: AuditEvent, form: SettingsForm) -> list[Difference]:
    before, after = event.before or {}, event.after or {}
    return [
        Difference(str(form[name].label.text), _words(name, before.get(name)), _words(name, value))
        for name, value in after.items()
        if name in form and before.get(name) != value
    ]


def _words(name: str, value: Any) -> str:
    if name == "hour":
        return f"{value:02}:00"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int):
        return number(value)
    if isinstance(value, list):
        return ", ".join(value) or _("nobody")
    return str(value)
