"""The case list and its search (SPEC U5, U7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flask import Blueprint, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from webapp.cases.models import Case
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.history.calendar import Calendar
from webapp.history.case_list import (
    LONGEST,
    CaseFilter,
    case_types,
    for_pages,
    matching,
    parse,
    query_string,
)
from webapp.history.filters import Unreadable
from webapp.history.last_names import last_names
from webapp.history.owner_choices import location_choices, owner_choices
from webapp.history.stored_views import is_stored, store_view, stored_text, view_id_of
from webapp.people.owners import names_of_owners
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.case_filter_words import case_filter_words
from webapp.web.filtered import FilterTag, for_whole_screen, is_canonical, with_query
from webapp.web.formatting import count_words
from webapp.web.forms.cases import as_typed, search_form
from webapp.web.htmx import is_fragment_request, render_page_or_fragment, trigger
from webapp.web.pagination import Count, capped_count, keyset_page

cases = Blueprint("cases", __name__)

SCREEN = "cases"


@cases.get("/a/<project_name>/cases/")
@project_route(Right.VIEW)
def index(project: Project) -> ResponseReturnValue:
    """The cases that the filters in the address leave, newest change first, 25 a page.

    An address that is not the canonical one of its filter leads there. htmx gets the results alone.
    422 with everything as it was typed where a filter cannot be read.
    """
    try:
        wanted = parse(request.args)
    except Unreadable as error:
        return _unreadable(project, request.args, error.problems)
    before, after = request.args.get("before"), request.args.get("after")
    query = query_string(wanted, before=before, after=after)
    if not is_fragment_request(request) and not is_canonical(query):
        return redirect(_address(query), 302)
    return _Listing(project, wanted, _text_of(project, wanted)).answer(before, after)


@cases.post("/a/<project_name>/cases/search")
@project_route(Right.VIEW)
def search(project: Project) -> ResponseReturnValue:
    """Keep what was typed and lead to the canonical address of the search.

    It is a POST because what people type about persons must not stand in an address; it changes
    nothing but the list of kept searches.
    """
    text = request.form.get("text", "").strip()
    problems: dict[str, str] = {}
    wanted = CaseFilter()
    try:
        wanted = replace(parse(request.form), view="")
    except Unreadable as error:
        problems = error.problems
    if len(text) > LONGEST:
        problems["text"] = _("Search for at most 255 characters")
    if problems:
        return _unreadable(project, request.form, problems)
    if text:
        wanted = replace(wanted, view=_keep(project, text))
    return redirect(_address(query_string(wanted)), 303)


def _keep(project: Project, text: str) -> str:
    """Keep a search and return its id. Nothing is written when the same was searched before."""
    secret = str(current_app.config["SECRET_KEY"])
    view = view_id_of(project.id, SCREEN, text, secret=secret)
    if not is_stored(db.session(), project.id, SCREEN, view):
        with write_transaction() as session:
            store_view(session, project.id, SCREEN, text, by=g.actor.user_id, secret=secret)
    return view


def _text_of(project: Project, wanted: CaseFilter) -> str:
    return stored_text(db.session(), project.id, SCREEN, wanted.view) if wanted.view else ""


def _unreadable(
    project: Project, typed: Mapping[str, str], problems: Mapping[str, str]
) -> ResponseReturnValue:
    session = db.session()
    types, offered = case_types(session, project.id), owner_choices(session, project.id)
    places = location_choices(session, project.id)
    answer = render_page_or_fragment(
        "cases/index.html",
        "cases/_screen.html",
        status=422,
        project=project,
        form=search_form(typed, types, offered, places, problems),
        page=None,
        fragment=is_fragment_request(request),
    )
    return for_whole_screen(answer)


@dataclass(frozen=True)
class Relax:
    """The filter without which most cases are left, and how many those are."""

    tag: FilterTag
    left: Count


@dataclass
class _Listing:
    """What a filter leaves. `text` is what its view keeps."""

    project: Project
    wanted: CaseFilter
    text: str

    def __post_init__(self) -> None:
        self.calendar = Calendar.of(self.project)

    def answer(self, before: str | None, after: str | None) -> ResponseReturnValue:
        session, project, wanted = db.session(), self.project, self.wanted
        statement = matching(project.id, wanted, self.text, self.calendar)
        newest = for_pages(session, project.id, wanted, self.text, self.calendar)
        page = keyset_page(session, newest, *wanted.keys, before=before, after=after)
        alone = page.newer is None and page.older is None
        count = Count(len(page.rows), False) if alone else capped_count(session, statement)
        types = case_types(session, project.id)
        offered = owner_choices(session, project.id, chosen=wanted.owner)
        places = location_choices(session, project.id, chosen=wanted.location)
        answer = render_page_or_fragment(
            "cases/index.html",
            "cases/_results.html",
            push_url=_address(query_string(wanted, before=before, after=after)),
            project=project,
            form=search_form(as_typed(wanted, self.text), types, offered, places, {}),
            wanted=wanted,
            page=page,
            names=names_of_owners(session, project.id, {one.owner_id for one in page.rows}),
            last_names=last_names(session, project.id, page.rows),
            count=count,
            cases_words=cases_words,
            owner_url=self._owner_url,
            tags=[self._tag(name) for name in wanted.narrowing],
            newer_url=_address(query_string(wanted, after=page.newer)),
            older_url=_address(query_string(wanted, before=page.older)),
            newest_url=_address(query_string(wanted)),
            # Of all open cases, nobody means to give all away.
            reassign_url=_reassign_address(query_string(wanted))
            if set(wanted.narrowing) - {"state"}
            else None,
            export_url=with_query(url_for("exports.cases"), query_string(wanted)),
            first_use=not page.rows and self._is_first_use(),
            relax=None if page.rows else self._relax(),
        )
        if is_fragment_request(request):
            trigger(answer, "announce", cases_words(count))
        return answer

    def _owner_url(self, owner: str) -> str | None:
        """The same list of this owner's cases; None where it is that already."""
        if owner == self.wanted.owner:
            return None
        return _address(query_string(replace(self.wanted, owner=owner)))

    def _tag(self, name: str) -> FilterTag:
        return FilterTag(
            case_filter_words(self.project, self.wanted, name, self.text),
            _address(query_string(self.wanted.without(name))),
        )

    def _relax(self) -> Relax | None:
        """One query for each filter that narrows."""
        best: tuple[str, Count] | None = None
        for name in self.wanted.narrowing:
            text = "" if name == "view" else self.text
            without = matching(self.project.id, self.wanted.without(name), text, self.calendar)
            left = capped_count(db.session(), without)
            if left.number and (best is None or left.number > best[1].number):
                best = name, left
        return None if best is None else Relax(self._tag(best[0]), best[1])

    def _is_first_use(self) -> bool:
        first = select(Case.id).where(Case.project_id == self.project.id).limit(1)
        return db.session().scalar(first) is None


def cases_words(count: Count) -> str:
    """“312 cases”, “More than 10,000 cases”."""
    number = count_words(count.number)
    if count.more:
        return _("More than %(number)s cases", number=number)
    return ngettext("%(number)s case", "%(number)s cases", count.number, number=number)


def _address(query: str) -> str:
    return with_query(url_for("cases.index"), query)


def _reassign_address(query: str) -> str:
    return with_query(url_for("reassign.ask"), query)
