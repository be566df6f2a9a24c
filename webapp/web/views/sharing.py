"""Who shares cases with whom: the check, whose phones carry a case, and what a worker's phone
carries (SPEC C5, P8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import Row, select

from webapp.cases.models import Case
from webapp.cases.queries import get_case
from webapp.cases.store import batches
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.people.owner_sets import WRONG_SHARING, owner_set
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.sharing.check import Lost, Why, sharing_check
from webapp.sharing.new_owner import kind_words
from webapp.sharing.phones import NoPhone, phones_with
from webapp.sharing.reasons import Because, carried
from webapp.web.access import project_route
from webapp.web.htmx import is_fragment_request, render_page_or_fragment
from webapp.web.views.people_worker import worker_of

sharing = Blueprint("sharing", __name__)

#: So many of each list are shown; the command line has all.
SHOWN = 200
#: So many phones are named on the page of a case, and so many on a page of their own.
ON_CASE, PHONES = 8, 500
#: Cases of a phone on a page.
CARRIED = 50


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


@sharing.get("/a/<project_name>/cases/<public_id:case_id>/phones")
@project_route(Right.VIEW)
def case_phones(project: Project, case_id: str) -> ResponseReturnValue:
    """The phones that carry a case, and why. htmx gets what the page of the case shows of it."""
    session = db.session()
    case = get_case(session, project.id, case_id)
    phones = phones_with(session, project.id, case.id)
    most = ON_CASE if is_fragment_request(request) else PHONES
    rows = phones.rows[:most]
    through = {one.reason.through for one in rows if one.reason.through is not None}
    return render_page_or_fragment(
        "sharing/case_phones.html",
        "sharing/_case_phones.html",
        project=project,
        case=case,
        rows=rows,
        phones=phones,
        through=_cases(project.id, through),
        because_words=because_words,
        no_phone_words=no_phone_words,
        fragment=is_fragment_request(request),
    )


@sharing.get("/a/<project_name>/people/workers/<worker_id>/phone")
@project_route(Right.VIEW)
def phone(project: Project, worker_id: str) -> ResponseReturnValue:
    """What a worker's phone carries, by type and name, and why each case is there."""
    session = db.session()
    worker = worker_of(session, project, worker_id)
    owners = owner_set(session, worker)
    at = _page(request.args.get("page", "1"))
    page = carried(session, project.id, owners.ids, first=(at - 1) * CARRIED, limit=CARRIED)
    return render_template(
        "sharing/phone.html",
        project=project,
        worker=worker,
        owners=owners,
        shared_by={one.owner_id: one.name for one in owners.sharing},
        page=page,
        at=at,
        pages=max(1, -(-page.total // CARRIED)),
        because_words=because_words,
    )


def because_words(because: Because) -> str:
    """How a case belongs to another, as the words before that one's name."""
    return {
        Because.PARENT: _("parent of"),
        Because.HOST: _("host of"),
        Because.EXTENSION: _("extension of"),
        Because.OWNER: _("owner"),
    }[because]


def no_phone_words(why: NoPhone) -> str:
    """Why a case is on no phone."""
    return {
        NoPhone.DELETED: _("It is on no phone: it is deleted."),
        NoPhone.CLOSED: _(
            "It is on no phone: it is closed, and no case on a phone is linked to it."
        ),
        NoPhone.CLOSED_HOST: _(
            "It is on no phone: it is an extension, and what it extends is closed, or an extension"
            " of what is closed."
        ),
        NoPhone.NOBODY: _(
            "It is on no phone: no active worker has its owner in their set, nor that of a case"
            " that would bring it along."
        ),
    }[why]


def _cases(project_id: int, keys: Iterable[int]) -> Mapping[int, Row[int, str, str, bool]]:
    found: dict[int, Row[int, str, str, bool]] = {}
    for some in batches(sorted(keys)):
        rows = db.session().execute(
            select(Case.id, Case.case_id, Case.name, Case.deleted).where(
                Case.project_id == project_id, Case.id.in_(some)
            )
        )
        found.update({row.id: row for row in rows})
    return found


def _page(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 10**6):
        raise Invalid(_("This link to a page of a list cannot be read."))
    return int(text)


def why_words(lost: Lost) -> str:
    """Why the cases of an owner are on no phone."""
    return {
        Why.NO_OWNER: _("The cases have no owner."),
        Why.NOBODY: _("No user, group or location has this id."),
        Why.DEACTIVATED: _("The user is deactivated."),
        Why.LEFT: _("The user has left the project."),
        Why.DELETED: _("The group is deleted."),
        Why.ARCHIVED: _("The location is archived."),
        Why.NOT_SHARING: _("The group or location does not share cases."),
        Why.EMPTY: _("No active worker is in the group or location."),
    }[lost.why]
