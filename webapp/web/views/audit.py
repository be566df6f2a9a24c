"""The audit log of a project, for its admins (SPEC X3, U10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from webapp.audit.models import AuditEvent
from webapp.clock import iso
from webapp.extensions import db
from webapp.history.audit_list import (
    AuditFilter,
    in_batches,
    matching,
    parse,
    people,
    query_string,
    subject_names,
    unparse,
)
from webapp.history.calendar import Calendar
from webapp.history.filters import Unreadable
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.audit_words import (
    WORDS,
    Detail,
    about_words,
    details,
    event_words,
    subject_url,
    subject_words,
)
from webapp.web.csv_answer import csv_answer
from webapp.web.filtered import FilterTag, for_whole_screen, is_canonical, with_query
from webapp.web.formatting import count_words
from webapp.web.forms.audit import audit_filter_form, with_machines
from webapp.web.htmx import is_fragment_request, render_page_or_fragment, trigger
from webapp.web.pagination import Count, capped_count, keyset_page
from webapp.web.submission_words import days_words

audit = Blueprint("audit", __name__)


@audit.get("/a/<project_name>/audit/")
@project_route(Right.ADMIN)
def index(project: Project) -> ResponseReturnValue:
    """The events that the filters in the address leave, newest first, 25 a page.

    An address that is not the canonical one of its filter leads there. htmx gets the results alone.
    422 with everything as it was typed where a filter cannot be read.
    """
    session = db.session()
    offered = with_machines(people(session, project.id))
    try:
        wanted = parse(dict(request.args.lists()))
    except Unreadable as error:
        return _unreadable(project, offered, error.problems)
    before, after = request.args.get("before"), request.args.get("after")
    query = query_string(wanted, before=before, after=after)
    if not is_fragment_request(request) and not is_canonical(query):
        return redirect(_address(query), 302)
    statement = matching(project.id, wanted, Calendar.of(project))
    page = keyset_page(session, statement, AuditEvent.at, AuditEvent.id, before=before, after=after)
    alone = page.newer is None and page.older is None
    count = Count(len(page.rows), False) if alone else capped_count(session, statement)
    names = subject_names(session, project.id, page.rows)
    answer = render_page_or_fragment(
        "audit/index.html",
        "audit/_results.html",
        push_url=_address(query),
        project=project,
        form=audit_filter_form(offered, unparse(wanted), {}),
        page=page,
        rows=[_row(event, names) for event in page.rows],
        events_words=events_words(count),
        tags=[_tag(wanted, name, offered, names) for name in wanted.narrowing],
        newer_url=_address(query_string(wanted, after=page.newer)),
        older_url=_address(query_string(wanted, before=page.older)),
        newest_url=_address(query_string(wanted)),
        export_url=_export_url(query_string(wanted)),
    )
    if is_fragment_request(request):
        trigger(answer, "announce", events_words(count))
    return answer


@audit.get("/a/<project_name>/audit/export")
@project_route(Right.ADMIN)
def export(project: Project) -> ResponseReturnValue:
    """All events that the filters leave, oldest first, as CSV: read while they are sent. Raises
    `Unreadable`."""
    wanted = parse(dict(request.args.lists()))
    head = (
        _("When (UTC)"),
        _("By whom"),
        _("From where"),
        _("What was done"),
        _("About"),
        _("Before"),
        _("After"),
        _("Reason"),
    )
    lines = _lines(db.session(), project, wanted)
    return csv_answer(f"audit-{project.name}.csv", head, lines)


@dataclass(frozen=True, slots=True)
class Row:
    """An event, as the list shows it."""

    event: AuditEvent
    words: str
    about: str
    url: str | None
    details: list[Detail]


def _row(event: AuditEvent, names: Mapping[str, str]) -> Row:
    about, url = about_words(event, names), subject_url(event.subject)
    return Row(event, event_words(event), about, url, details(event))


def _lines(session: Session, project: Project, wanted: AuditFilter) -> Iterator[Sequence[object]]:
    project_id = project.id
    for events in in_batches(session, matching(project_id, wanted, Calendar.of(project))):
        names = subject_names(session, project_id, events)
        for event in events:
            said = details(event)
            yield (
                iso(event.at),
                event.actor,
                event.source,
                event_words(event),
                about_words(event, names),
                "; ".join(f"{one.name}: {one.before}" for one in said if one.before is not None),
                "; ".join(f"{one.name}: {one.after}" for one in said if one.after is not None),
                event.reason,
            )


def _unreadable(
    project: Project, offered: Mapping[str, str], problems: Mapping[str, str]
) -> ResponseReturnValue:
    answer = render_page_or_fragment(
        "audit/index.html",
        "audit/_screen.html",
        status=422,
        project=project,
        form=audit_filter_form(offered, request.args, problems),
        page=None,
        fragment=is_fragment_request(request),
    )
    return for_whole_screen(answer)


def _tag(
    wanted: AuditFilter, name: str, offered: Mapping[str, str], names: Mapping[str, str]
) -> FilterTag:
    return FilterTag(
        _words(wanted, name, offered, names), _address(query_string(wanted.without(name)))
    )


def _words(
    wanted: AuditFilter, name: str, offered: Mapping[str, str], names: Mapping[str, str]
) -> str:
    if name == "by":
        return _("By: %(who)s", who=offered.get(wanted.by, wanted.by))
    if wanted.tag is not None and name == "tag":
        return _("What: %(what)s", what=WORDS[wanted.tag])
    if name == "about":
        return _("About: %(what)s", what=subject_words(wanted.about, names))
    return _("When: %(days)s", days=days_words(wanted.days))


def events_words(count: Count) -> str:
    """“312 events”, “More than 10,000 events”."""
    figure = count_words(count.number)
    if count.more:
        return _("More than %(number)s events", number=figure)
    return ngettext("%(number)s event", "%(number)s events", count.number, number=figure)


def _address(query: str) -> str:
    return with_query(url_for("audit.index"), query)


def _export_url(query: str) -> str:
    return with_query(url_for("audit.export"), query)
