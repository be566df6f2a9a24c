"""Who shares cases with whom: the check, and what a worker's phone carries (SPEC C5, P8)."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.extensions import db
from webapp.people.owner_sets import WRONG_SHARING
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.sharing.check import Lost, Why, sharing_check
from webapp.web.access import project_route
from webapp.web.new_owner import kind_words

sharing = Blueprint("sharing", __name__)

#: So many of each list are shown; the command line has all.
SHOWN = 200


@sharing.get("/a/<project_name>/people/sharing/")
@project_route(Right.VIEW)
def check(project: Project) -> ResponseReturnValue:
    """All that is wrong with sharing, and where it is mended."""
    return render_template(
        "sharing/check.html",
        project=project,
        check=sharing_check(db.session(), project.id),
        shown=SHOWN,
        wrong_sharing=WRONG_SHARING,
        kind_words=kind_words,
        why_words=why_words,
    )


def why_words(lost: Lost) -> str:
    """Why the cases of an owner are on no phone."""
    return {
        Why.NO_OWNER: _("The cases have no owner."),
        Why.NOBODY: _("No user, group or location has this id."),
        Why.DEACTIVATED: _("The user is deactivated."),
        Why.DELETED: _("The group is deleted."),
        Why.ARCHIVED: _("The location is archived."),
        Why.NOT_SHARING: _("The group or location does not share cases."),
        Why.EMPTY: _("No active worker is in the group or location."),
    }[lost.why]
