"""The run history of a project (SPEC U2)."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp.extensions import db
from webapp.history.calendar import Calendar
from webapp.history.filters import Unreadable
from webapp.history.rule_choices import RuleChoice, rule_choices
from webapp.history.run_list import RunFilter, matching, parse, query_string, unparse
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.models import Run
from webapp.rules.undone import undone_of
from webapp.web.access import project_route
from webapp.web.filtered import FilterTag, for_whole_screen, is_canonical, with_query
from webapp.web.formatting import count_words
from webapp.web.forms.runs import outcome_words, run_filter_form, trigger_words
from webapp.web.htmx import is_fragment_request, render_page_or_fragment, trigger
from webapp.web.pagination import Count, capped_count, keyset_page
from webapp.web.submission_words import days_words, rule_words

runs = Blueprint("runs", __name__)


@runs.get("/a/<project_name>/runs/")
@project_route(Right.VIEW)
def index(project: Project) -> ResponseReturnValue:
    """The runs that the filters in the address leave, newest first, 25 a page.

    An address that is not the canonical one of its filter leads there. htmx gets the results alone.
    422 with everything as it was typed where a filter cannot be read.
    """
    try:
        wanted = parse(dict(request.args.lists()))
    except Unreadable as error:
        return _unreadable(project, request.args, error.problems)
    before, after = request.args.get("before"), request.args.get("after")
    query = query_string(wanted, before=before, after=after)
    if not is_fragment_request(request) and not is_canonical(query):
        return redirect(_address(query), 302)
    session = db.session()
    statement = matching(project.id, wanted, Calendar.of(project))
    page = keyset_page(session, statement, Run.queued_on, Run.id, before=before, after=after)
    alone = page.newer is None and page.older is None
    count = Count(len(page.rows), False) if alone else capped_count(session, statement)
    rules = rule_choices(session, project.id, chosen=wanted.rule)
    answer = render_page_or_fragment(
        "runs/index.html",
        "runs/_results.html",
        push_url=_address(query),
        project=project,
        form=run_filter_form(rules, unparse(wanted), {}),
        chosen=next((one for one in rules if one.rule_id == wanted.rule), None),
        page=page,
        runs_words=runs_words(count),
        tags=[_tag(wanted, name, rules) for name in wanted.narrowing],
        undone=undone_of(session, project.id, page.rows),
        newer_url=_address(query_string(wanted, after=page.newer)),
        older_url=_address(query_string(wanted, before=page.older)),
        newest_url=_address(query_string(wanted)),
    )
    if is_fragment_request(request):
        trigger(answer, "announce", runs_words(count))
    return answer


def _unreadable(
    project: Project, typed: Mapping[str, str], problems: Mapping[str, str]
) -> ResponseReturnValue:
    answer = render_page_or_fragment(
        "runs/index.html",
        "runs/_screen.html",
        status=422,
        project=project,
        form=run_filter_form(rule_choices(db.session(), project.id), typed, problems),
        page=None,
        fragment=is_fragment_request(request),
    )
    return for_whole_screen(answer)


def _tag(wanted: RunFilter, name: str, rules: list[RuleChoice]) -> FilterTag:
    return FilterTag(_words(wanted, name, rules), _address(query_string(wanted.without(name))))


def _words(wanted: RunFilter, name: str, rules: list[RuleChoice]) -> str:
    if name == "rule":
        known = {one.rule_id: rule_words(one) for one in rules}
        return _("Rule: %(name)s", name=known.get(wanted.rule, wanted.rule))
    if wanted.state is not None and name == "state":
        return _("State: %(state)s", state=outcome_words(wanted.state))
    if wanted.trigger is not None and name == "trigger":
        return _("Started: %(how)s", how=trigger_words(wanted.trigger))
    return _("Queued: %(days)s", days=days_words(wanted.queued))


def runs_words(count: Count) -> str:
    """“312 runs”, “More than 10,000 runs”."""
    figure = count_words(count.number)
    if count.more:
        return _("More than %(number)s runs", number=figure)
    return ngettext("%(number)s run", "%(number)s runs", count.number, number=figure)


def _address(query: str) -> str:
    return with_query(url_for("runs.index"), query)
