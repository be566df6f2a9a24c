"""Whose cases a rule would take away, as a sentence (SPEC R25)."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from webapp.people.owners import names_of_owners
from webapp.projects.models import Project
from webapp.rules.definition import Definition
from webapp.rules.losing import Losing, takes_away
from webapp.rules.preview import Preview
from webapp.sharing.phone_changes import by_moves
from webapp.web.formatting import number

#: A name that is longer is cut.
LONG = 60


def losing_words(
    session: Session, project: Project, definition: Definition, found: Preview, *, asked: bool
) -> str:
    """How many owners lose cases, and who most, and how many phones, where these are not the same;
    "" where no case is closed or goes to another. `asked`: whether they were to be counted at any
    price. Some queries, for a name and for whose phones carry what."""
    losing = found.losing
    if losing is None:
        if found.would_change and takes_away(definition):
            if asked:
                return _("How many owners lose cases takes too long to count.")
            return _("Press “Count now”, and the owners who lose cases are counted too.")
        return ""
    if not losing.owners:
        if not losing.without_owner:
            return ""
        return ngettext(
            "No owner loses a case: the %(number)s case that would go has none.",
            "No owner loses a case: the %(number)s cases that would go have none.",
            losing.without_owner,
            number=number(losing.without_owner),
        )
    name = names_of_owners(session, project.id, [losing.most]).get(losing.most, losing.most)
    words = {
        "owners": number(losing.owners),
        "most": name if len(name) <= LONG else name[:LONG] + "…",
        "cases": number(losing.of_most),
    }
    return " ".join(
        one for one in (_owners(losing, words), _phones(session, project, losing)) if one
    )


def _owners(losing: Losing, words: dict[str, str]) -> str:
    if losing.without_owner:
        return ngettext(
            "%(owners)s owner loses cases: %(most)s, %(cases)s. Cases that have no owner:"
            " %(none)s.",
            "%(owners)s owners lose cases; most: %(most)s with %(cases)s. Cases that have no owner:"
            " %(none)s.",
            losing.owners,
            **words,
            none=number(losing.without_owner),
        )
    return ngettext(
        "%(owners)s owner loses cases: %(most)s, %(cases)s.",
        "%(owners)s owners lose cases; most: %(most)s with %(cases)s.",
        losing.owners,
        **words,
    )


def _phones(session: Session, project: Project, losing: Losing) -> str:
    """A group's or a location's case leaves the phone of each who shares it. Nothing where each
    owner is one worker, of whom it is said already."""
    if losing.moves is None:
        return ""
    phones = by_moves(session, project.id, losing.moves).losing
    if not phones or (len(phones), phones[0].loses) == (losing.owners, losing.of_most):
        return ""
    return ngettext(
        "%(number)s phone loses cases: that of %(most)s, %(cases)s.",
        "%(number)s phones lose cases; most: %(most)s with %(cases)s.",
        len(phones),
        number=number(len(phones)),
        most=phones[0].username,
        cases=number(phones[0].loses),
    )
