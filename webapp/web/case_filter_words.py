"""The filters of the case list as their tags say them (SPEC U5)."""

from __future__ import annotations

from flask_babel import gettext as _

from webapp.extensions import db
from webapp.history.case_list import CaseFilter, CaseState
from webapp.people.owners import names_of_owners
from webapp.projects.models import Project
from webapp.web.submission_words import days_words


def case_filter_words(project: Project, wanted: CaseFilter, name: str, text: str) -> str:
    """One narrowing: “Type: patient”. `text` is what its view keeps. One query for an owner."""
    if name == "type":
        return _("Type: %(type)s", type=wanted.type)
    if name == "owner":
        return _("Owner: %(name)s", name=_owner(project, wanted.owner))
    if name == "location":
        return _("In location: %(name)s", name=_owner(project, wanted.location))
    if name == "state":
        return {
            CaseState.OPEN: _("State: open"),
            CaseState.CLOSED: _("State: closed"),
            CaseState.DELETED: _("State: deleted"),
        }[wanted.state]
    if name == "modified":
        return _("Modified: %(days)s", days=days_words(wanted.modified))
    return _("Name or id: %(text)s", text=text)


def all_filter_words(project: Project, wanted: CaseFilter, text: str) -> list[str]:
    """All of them."""
    return [case_filter_words(project, wanted, name, text) for name in wanted.narrowing]


def _owner(project: Project, owner_id: str) -> str:
    return names_of_owners(db.session(), project.id, [owner_id]).get(owner_id, owner_id)
