"""What was changed in a project's settings, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select
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
    """One setting, before and after; `before` is None where only `after` says something."""

    label: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """What somebody saved at once."""

    at: Micros
    actor: str
    differences: list[Difference]


def last_change(session: Session, project: Project) -> AuditEvent:
    """The newest event about a project's settings; there is always one, for it was made. One
    query."""
    tags = (Tag.PROJECT_CREATE, *_CHANGES)
    return session.scalars(_events(project).where(AuditEvent.tag.in_(tags)).limit(1)).one()


def latest_changes(
    session: Session, project: Project, form: SettingsForm, count: int
) -> list[SettingsChange]:
    """The newest changes, with the labels of the form. One query."""
    events = _events(project).where(AuditEvent.tag.in_(_CHANGES))
    return [
        SettingsChange(event.at, event.actor, _differences(event, form))
        for event in session.scalars(events.limit(count))
    ]


_CHANGES = (Tag.PROJECT_SET, Tag.PROJECT_TELL)


def _events(project: Project) -> Select[AuditEvent]:
    return events_about(project.id, f"project:{project.name}")


def _differences(event: AuditEvent, form: SettingsForm) -> list[Difference]:
    before, after = event.before or {}, event.after or {}
    if event.tag == Tag.PROJECT_TELL:
        return _told(set(before["told"]), set(after["told"]))
    return [
        Difference(_label(name, form), _words(name, before[name]), _words(name, value))
        for name, value in after.items()
        if before[name] != value
    ]


def _told(before: set[str], after: set[str]) -> list[Difference]:
    rows = (
        (_("Told by e-mail from now on"), after - before),
        (_("No longer told by e-mail"), before - after),
    )
    return [Difference(label, None, ", ".join(sorted(who))) for label, who in rows if who]


def _label(name: str, form: SettingsForm) -> str:
    """The label of a field, or where that needs the words around it, another one."""
    if name == "brake_cases":
        return _("Brake, cases")
    if name == "brake_percent":
        return _("Brake, percent of the open cases of their type")
    return str(form[name].label.text)


def _words(name: str, value: Any) -> str:
    if name == "hour":
        return f"{value:02}:00"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return number(value) if isinstance(value, int) else str(value)
