"""The mobile workers of a project (SPEC U10)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import func, select

from webapp.database import write_transaction
from webapp.errors import NotFound
from webapp.extensions import db
from webapp.history.last_forms import last_forms
from webapp.history.stored_views import is_stored, store_view, stored_text, view_id_of
from webapp.people.groups import get_group
from webapp.people.models import MobileWorker
from webapp.people.queries import belongings, groups_of, workers_of
from webapp.people.sharing_models import Group
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.filtered import FilterTag, with_query
from webapp.web.formatting import number
from webapp.web.forms.people_worker import LONGEST_SEARCH, WorkerSearchForm
from webapp.web.htmx import is_fragment_request, render_page_or_fragment, trigger

people = Blueprint("people", __name__)

SCREEN = "workers"
#: Workers on a page.
PER_PAGE = 25
STATES = {"active": True, "inactive": False, "any": None}


@people.get("/a/<project_name>/people/")
@project_route(Right.VIEW)
def index(project: Project) -> ResponseReturnValue:
    """The workers come first."""
    return redirect(url_for("people.workers", project_name=project.name), 303)


@dataclass(frozen=True, slots=True)
class WorkerFilter:
    """What to show. `view` is the id of a kept search: what is typed about persons stands in no
    address (SPEC U7)."""

    state: str = "active"
    group: str = ""
    view: str = ""

    def address(self, page: int = 1) -> str:
        """The one address of what is shown."""
        said = {"group": self.group, "view": self.view}
        said |= {"state": self.state} if self.state != "active" else {}
        said |= {"page": str(page)} if page > 1 else {}
        query = urlencode(sorted((name, value) for name, value in said.items() if value))
        return with_query(url_for("people.workers"), query)


@people.get("/a/<project_name>/people/workers/")
@project_route(Right.VIEW)
def workers(project: Project) -> ResponseReturnValue:
    """The workers that the filters in the address leave, by username, 25 a page. htmx gets the
    results alone."""
    wanted = WorkerFilter(
        state=request.args.get("state", "active"),
        group=request.args.get("group", ""),
        view=request.args.get("view", ""),
    )
    if wanted.state not in STATES:
        raise NotFound(_("There is no such list of workers."))
    session = db.session()
    text = stored_text(session, project.id, SCREEN, wanted.view) if wanted.view else ""
    return _list(project, wanted, text)


@people.post("/a/<project_name>/people/workers/search")
@project_route(Right.VIEW)
def search_workers(project: Project) -> ResponseReturnValue:
    """Keep what was typed, and lead to the address of what it finds."""
    form = WorkerSearchForm(request.form)
    text = " ".join((form.text.data or "").split())[:LONGEST_SEARCH]
    state = form.state.data if form.state.data in STATES else "active"
    wanted = WorkerFilter(state=state, group=(form.group.data or "")[:32])
    if text:
        wanted = replace(wanted, view=_keep(project, text))
    return redirect(wanted.address(), 303)


def _keep(project: Project, text: str) -> str:
    """Keep a search and return its id. Nothing is written when the same was searched before."""
    secret = str(current_app.config["SECRET_KEY"])
    view = view_id_of(project.id, SCREEN, text, secret=secret)
    if not is_stored(db.session(), project.id, SCREEN, view):
        with write_transaction() as session:
            store_view(session, project.id, SCREEN, text, by=g.actor.user_id, secret=secret)
    return view


def _list(project: Project, wanted: WorkerFilter, text: str) -> ResponseReturnValue:
    session = db.session()
    group = get_group(session, project.id, wanted.group) if wanted.group else None
    found = workers_of(project.id, search=text, active=STATES[wanted.state], group=group)
    total = session.scalar(select(func.count()).select_from(found.order_by(None).subquery())) or 0
    pages = max(1, -(-total // PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    rows = session.scalars(found.limit(PER_PAGE).offset((page - 1) * PER_PAGE)).all()
    offered = [row.group for row in groups_of(session, project.id)]
    form = WorkerSearchForm(data={"text": text, "state": wanted.state, "group": wanted.group})
    form.offer(offered)
    answer = render_page_or_fragment(
        "people/workers.html",
        "people/_workers.html",
        push_url=wanted.address(page),
        project=project,
        form=form,
        rows=rows,
        belongs=belongings(session, project.id, rows),
        last=last_forms(session, project.id, rows),
        total_words=workers_words(total),
        tags=_tags(wanted, text, group),
        page=page,
        pages=pages,
        address=wanted.address,
        first_use=not total and not _is_any(project),
    )
    if is_fragment_request(request):
        trigger(answer, "announce", workers_words(total))
    return answer


def _tags(wanted: WorkerFilter, text: str, group: Group | None) -> list[FilterTag]:
    said: dict[str, Any] = {}
    if text:
        said["view"] = _("Name: %(text)s", text=text)
    if wanted.state != "any":
        said["state"] = {
            "active": _("State: active"),
            "inactive": _("State: deactivated"),
        }[wanted.state]
    if group is not None:
        said["group"] = _("Group: %(name)s", name=group.name)
    everything = {"view": "", "state": "any", "group": ""}
    return [
        FilterTag(words, replace(wanted, **{name: everything[name]}).address())
        for name, words in said.items()
    ]


def _is_any(project: Project) -> bool:
    any_worker = select(MobileWorker.id).where(MobileWorker.project_id == project.id).limit(1)
    return db.session().scalar(any_worker) is not None


def workers_words(count: int) -> str:
    """“312 workers”."""
    return ngettext("%(number)s worker", "%(number)s workers", count, number=number(count))
