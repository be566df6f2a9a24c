"""Submit History, also named Manage Forms: the list and its filters (SPEC U6, U7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.database import find_by_index
from webapp.extensions import db
from webapp.history.calendar import ANY_TIME, Calendar
from webapp.history.choices import Choices, submission_choices
from webapp.history.filters import SubmissionFilter, Unreadable, last_days, parse, query_string
from webapp.history.rows import rows
from webapp.history.search import errors_of, for_pages, keys_of, matching
from webapp.history.words import form_title, type_word
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.submissions.models import State, Submission
from webapp.web.access import project_route
from webapp.web.filtered import FilterTag, for_whole_screen, is_canonical, with_query
from webapp.web.formatting import count_words
from webapp.web.forms.submissions import as_typed, filter_form
from webapp.web.htmx import is_fragment_request, render_page_or_fragment, trigger
from webapp.web.pagination import Count, capped_count, capped_counts, keyset_page
from webapp.web.submission_words import filter_words

submissions = Blueprint("submissions", __name__)

#: Forms of these states can be archived or restored; None is any of them.
SELECTABLE = (State.NORMAL, State.ARCHIVED, None)


@submissions.get("/a/<project_name>/submissions/")
@project_route(Right.VIEW)
def index(project: Project) -> ResponseReturnValue:
    """The forms that the filters in the address leave, newest first, 25 a page.

    An address that is not the canonical one of its filter leads there. htmx gets the results alone.
    422 with everything as it was typed where a filter cannot be read.
    """
    calendar = Calendar.of(project)
    typed = dict(request.args.lists())
    try:
        wanted = parse(typed, calendar.today)
    except Unreadable as error:
        return _unreadable(project, typed, error.problems)
    before, after = request.args.get("before"), request.args.get("after")
    query = query_string(wanted, before=before, after=after)
    fragment = is_fragment_request(request)
    if not fragment and not is_canonical(query):
        return redirect(_address(query), 302)
    return _listed(project, calendar, wanted, before=before, after=after)


def _listed(
    project: Project,
    calendar: Calendar,
    wanted: SubmissionFilter,
    *,
    before: str | None,
    after: str | None,
) -> ResponseReturnValue:
    session = db.session()
    find_by_index(session)
    statement = matching(project.id, wanted, calendar)
    newest = for_pages(session, project.id, wanted, calendar)
    page = keyset_page(session, newest, *keys_of(wanted), before=before, after=after)
    count = capped_count(session, statement)
    offered = submission_choices(session, project.id, wanted)
    typed = as_typed(wanted, wanted.received_days(calendar.today))
    if wanted.received is None:
        typed["to"] = [calendar.today.isoformat()]
    answer = render_page_or_fragment(
        "submissions/index.html",
        "submissions/_results.html",
        push_url=_address(query_string(wanted, before=before, after=after)),
        project=project,
        receiver_url=f"{request.url_root}a/{project.name}/receiver/",
        form=filter_form(offered, typed, {}),
        rows=rows(session, project.id, page.rows),
        page=page,
        by_completion=wanted.completed != ANY_TIME,
        count=count,
        tags=_tags(wanted, offered),
        newer_url=_address(query_string(wanted, after=page.newer)),
        older_url=_address(query_string(wanted, before=page.older)),
        newest_url=_address(query_string(wanted)),
        errors=capped_count(session, errors_of(project.id))
        if wanted.state == State.ERROR
        else None,
        hidden=_hidden(session, project, calendar, wanted),
        empty=None if page.rows else _why_empty(project, calendar, wanted, offered),
        shortcuts=_shortcuts(wanted, calendar),
        selectable=wanted.state in SELECTABLE,
        selected_state=wanted.state.value if wanted.state else "",
        select_url=_select_address(query_string(wanted)),
        export_url=with_query(url_for("exports.forms"), query_string(wanted)),
        **_words(),
    )
    return (
        trigger(answer, "announce", forms_words(count)) if is_fragment_request(request) else answer
    )


def _hidden(
    session: Session, project: Project, calendar: Calendar, wanted: SubmissionFilter
) -> dict[str, tuple[Count, str]]:
    """Beside the normal forms that came in some time: how many others came then that changed no
    case, by state, and their address. One query, on an index."""
    if wanted.state != State.NORMAL or not {*wanted.narrowing} <= {"received", "user", "state"}:
        return {}
    those = {state: replace(wanted, state=state) for state in (State.ERROR, State.UNPARSED)}
    statements = [matching(project.id, one, calendar) for one in those.values()]
    counts = capped_counts(session, Submission.state, statements)
    return {
        state.value: (count, _address(query_string(those[state])))
        for state, count in counts.items()
    }


def _unreadable(
    project: Project, typed: dict[str, list[str]], problems: dict[str, str]
) -> ResponseReturnValue:
    answer = render_page_or_fragment(
        "submissions/index.html",
        "submissions/_screen.html",
        status=422,
        project=project,
        form=filter_form(_offered(project), typed, problems),
        rows=None,
        fragment=is_fragment_request(request),
        **_words(),
    )
    return for_whole_screen(answer)


def _offered(project: Project) -> Choices:
    """What is offered where it cannot be read what was chosen."""
    return submission_choices(db.session(), project.id, SubmissionFilter())


def _tags(wanted: SubmissionFilter, offered: Choices) -> list[FilterTag]:
    return [
        FilterTag(filter_words(wanted, name, offered), _address(query_string(wanted.without(name))))
        for name in wanted.narrowing
    ]


def _shortcuts(wanted: SubmissionFilter, calendar: Calendar) -> list[tuple[str, str]]:
    """The usual times, and the addresses of the same filter with them."""
    times = {
        _("Last 7 days"): None,
        _("Last 30 days"): last_days(30, calendar.today),
        _("Any time"): ANY_TIME,
    }
    return [
        (words, _address(query_string(replace(wanted, received=days))))
        for words, days in times.items()
        if days != wanted.received
    ]


@dataclass(frozen=True)
class WhyEmpty:
    """Why there is nothing: the project has no form at all, or which filter removes most."""

    first_use: bool
    relax: FilterTag | None = None
    left: Count | None = None


def _why_empty(
    project: Project, calendar: Calendar, wanted: SubmissionFilter, offered: Choices
) -> WhyEmpty:
    """One query for each filter that narrows; only where nothing matches."""
    session = db.session()
    if session.scalar(_any_form(project)) is None:
        return WhyEmpty(first_use=True)
    best, left = None, Count(0, more=False)
    for name in wanted.narrowing:
        count = capped_count(session, matching(project.id, wanted.without(name), calendar))
        if count.number > left.number:
            best, left = name, count
    if best is None:
        return WhyEmpty(first_use=False)
    url = _address(query_string(wanted.without(best)))
    return WhyEmpty(False, FilterTag(filter_words(wanted, best, offered), url), left)


def _any_form(project: Project) -> Select[int]:
    return select(Submission.id).where(Submission.project_id == project.id).limit(1)


@submissions.app_template_global()
def case_url(case_id: str) -> str | None:
    """The address of a case's page, where there is such a screen."""
    if "cases.show" not in current_app.view_functions:
        return None
    return url_for("cases.show", case_id=case_id)


def forms_words(count: Count) -> str:
    """“312 forms”, “More than 10,000 forms”."""
    if count.more:
        return _("More than %(number)s forms", number=count_words(count.number))
    number = count_words(count.number)
    return ngettext("%(number)s form", "%(number)s forms", count.number, number=number)


def _words() -> dict[str, Any]:
    """What the templates of the list name things with."""
    return {"form_title": form_title, "type_word": type_word, "forms_words": forms_words}


def _address(query: str) -> str:
    return with_query(url_for("submissions.index"), query)


def _select_address(query: str) -> str:
    return with_query(url_for("submissions.select_forms"), query)
