"""The case list and its search (SPEC U5, U7)."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from flask import Blueprint, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from webapp.cases.models import Case
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.history.case_list import (
    CaseFilter,
    CaseState,
    case_types,
    matching,
    parse,
    query_string,
)
from webapp.history.choices import choices, names_of_users
from webapp.history.stored_views import store_view, stored_text
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.formatting import count_words
from webapp.web.forms.cases import CaseSearchForm, search_form
from webapp.web.htmx import is_fragment_request, render_page_or_fragment, trigger
from webapp.web.pagination import Count, capped_count, keyset_page

cases = Blueprint("cases", __name__)

SCREEN = "cases"
#: NULL only inside the transaction that makes the row, so never on a page.
_ORDER = cast(InstrumentedAttribute[int], Case.indexed_on)


@cases.get("/a/<project_name>/cases/")
@project_route(Right.VIEW)
def index(project: Project) -> ResponseReturnValue:
    """The cases that the filters in the address leave, newest change first, 25 a page."""
    session = db.session()
    wanted = parse(request.args)
    text = stored_text(session, project.id, SCREEN, wanted.view) if wanted.view else ""
    form = search_form(
        wanted,
        text,
        case_types(session, project.id),
        choices(session, project.id, chosen_user=wanted.owner),
    )
    return _listed(project, wanted, text, form)


@cases.post("/a/<project_name>/cases/search")
@project_route(Right.VIEW)
def search(project: Project) -> ResponseReturnValue:
    """Keep what was typed and lead to the canonical address of the search.

    It is a POST because what people type about persons must not stand in an address; it changes
    nothing but the list of kept searches.
    """
    session = db.session()
    form = search_form(
        CaseFilter(), "", case_types(session, project.id), choices(session, project.id)
    )
    if not form.validate():
        return _listed(project, CaseFilter(), "", form, status=422)
    text = (form.text.data or "").strip()
    wanted = CaseFilter(
        type=form.type.data or "", owner=form.owner.data or "", state=CaseState(form.state.data)
    )
    if any(len(value) > 255 for value in (wanted.type, wanted.owner)):
        raise Invalid(_("This is no case type or owner."))
    if text:
        secret = str(current_app.config["SECRET_KEY"])
        with write_transaction() as writing:
            view = store_view(writing, project.id, SCREEN, text, by=g.actor.user_id, secret=secret)
        wanted = replace(wanted, view=view)
    return redirect(_address(query_string(wanted)), 303)


def _listed(
    project: Project, wanted: CaseFilter, text: str, form: CaseSearchForm, status: int = 200
) -> ResponseReturnValue:
    session = db.session()
    before, after = request.args.get("before"), request.args.get("after")
    statement = matching(project.id, wanted, text)
    page = keyset_page(session, statement, _ORDER, before=before, after=after)
    count = capped_count(session, statement)
    answer = render_page_or_fragment(
        "cases/index.html",
        "cases/_results.html",
        status=status,
        push_url=_address(query_string(wanted, before=before, after=after)),
        project=project,
        form=form,
        page=page,
        names=names_of_users(session, project.id, {case.owner_id for case in page.rows} - {""}),
        count_words=cases_words(count),
        tags=_tags(project, wanted, text),
        newer_url=_address(query_string(wanted, after=page.newer)),
        older_url=_address(query_string(wanted, before=page.older)),
        newest_url=_address(query_string(wanted)),
        first_use=not page.rows and _is_empty(project),
        relax=None if page.rows else _relax(project, wanted, text),
    )
    if is_fragment_request(request):
        trigger(answer, "announce", cases_words(count))
    return answer


def cases_words(count: Count) -> str:
    """“312 cases”, “More than 10,000 cases”."""
    number = count_words(count.number)
    if count.more:
        return _("More than %(number)s cases", number=number)
    return ngettext("%(number)s case", "%(number)s cases", count.number, number=number)


def _tags(project: Project, wanted: CaseFilter, text: str) -> list[tuple[str, str]]:
    """Each narrowing in words, with the address without it."""
    owner = names_of_users(db.session(), project.id, [wanted.owner] if wanted.owner else [])
    words = {
        "type": _("Type: %(type)s", type=wanted.type),
        "owner": _("Owner: %(name)s", name=owner.get(wanted.owner, wanted.owner)),
        "state": _("State: %(state)s", state=_state_word(wanted.state)),
        "view": _("Name or id: %(text)s", text=text),
    }
    return [
        (words[name], _address(query_string(wanted.without(name)))) for name in wanted.narrowing
    ]


def _state_word(state: CaseState) -> str:
    return {
        CaseState.OPEN: _("open"),
        CaseState.CLOSED: _("closed"),
        CaseState.DELETED: _("deleted"),
        CaseState.ANY: _("any"),
    }[state]


def _relax(project: Project, wanted: CaseFilter, text: str) -> tuple[str, str, str] | None:
    """The filter without which most cases are left: its words, the address, how many."""
    session = db.session()
    best: tuple[Count, str] | None = None
    for name in wanted.narrowing:
        without = matching(project.id, wanted.without(name), "" if name == "view" else text)
        count = capped_count(session, without)
        if count.number and (best is None or count.number > best[0].number):
            best = (count, name)
    if best is None:
        return None
    tags = dict(zip(wanted.narrowing, _tags(project, wanted, text), strict=True))
    words, url = tags[best[1]]
    return words, url, cases_words(best[0])


def _is_empty(project: Project) -> bool:
    first = select(Case.id).where(Case.project_id == project.id).limit(1)
    return db.session().scalar(first) is None


def _address(query: str) -> str:
    address = url_for("cases.index")
    return f"{address}?{query}" if query else address
