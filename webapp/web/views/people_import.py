"""Workers and groups from a file, and as one (SPEC U10)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as later
from flask_babel import ngettext
from sqlalchemy.orm import Session

from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.database import write_transaction
from webapp.errors import CasekeeperError, Invalid, InvalidEntry, Refused
from webapp.exchange import group_table, worker_table
from webapp.exchange.people_plan import Plan
from webapp.exchange.sheets import Table
from webapp.exchange.write import Format, write_table
from webapp.extensions import db
from webapp.people.owner_changes import OwnerChanges
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.ask_first import SHOWN as PHONES_SHOWN
from webapp.web.ask_first import (
    astray_of,
    cases_of,
    made_or_asked,
    rehearsed,
    still_wrong_of,
)
from webapp.web.csv_answer import csv_answer
from webapp.web.formatting import number
from webapp.web.forms.people_import import PeopleImportForm
from webapp.web.views.people_workers import people

PEOPLE = "/a/<project_name>/people"
#: So many changes, and so many faults, are shown one by one.
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be imported. `carry_out` does a plan, with what `prepare` made of it before anything
    is locked."""

    key: str
    title: Any
    name: Any
    most_rows: int
    plan: Callable[[Session, Project, Table], Plan[Any]]
    prepare: Callable[[Plan[Any]], Any]
    carry_out: Callable[[Session, Project, Plan[Any], Any], None]


def _make_workers(session: Session, project: Project, plan: Plan[Any], passwords: Any) -> None:
    worker_table.import_workers(session, project, plan, passwords, by=g.actor)


def _make_groups(session: Session, project: Project, plan: Plan[Any], _ready: Any) -> None:
    group_table.import_groups(session, project, plan, by=g.actor)


WORKERS = Kind(
    "workers",
    later("Import mobile workers"),
    later("Username"),
    worker_table.MOST_ROWS,
    worker_table.plan_workers,
    worker_table.hashed_passwords,
    _make_workers,
)
GROUPS = Kind(
    "groups",
    later("Import groups"),
    later("Group"),
    group_table.MOST_ROWS,
    group_table.plan_groups,
    lambda _plan: None,
    _make_groups,
)


class _OtherwiseError(CasekeeperError):
    """The same table would do something else than was seen."""


@people.get(f"{PEOPLE}/workers/export/<kind>")
@project_route(Right.VIEW)
def export_workers(project: Project, kind: str) -> Response:
    """All workers as CSV or XLSX, as an import reads them. The audit log has who took them."""
    _taken(project, Tag.WORKERS_EXPORT, "workers:all", kind)
    head, rows = worker_table.rows_of(db.session(), project)
    return _file(kind, f"workers-{project.name}", head, rows, _("Mobile workers"))


@people.get(f"{PEOPLE}/groups/export/<kind>")
@project_route(Right.VIEW)
def export_groups(project: Project, kind: str) -> Response:
    """All groups as CSV or XLSX, as an import reads them. The audit log has who took them."""
    _taken(project, Tag.GROUPS_EXPORT, "groups:all", kind)
    rows = group_table.rows_of(db.session(), project)
    return _file(kind, f"groups-{project.name}", group_table.COLUMNS, rows, _("Groups"))


@people.get(f"{PEOPLE}/workers/import")
@project_route(Right.MANAGE_PEOPLE)
def ask_import_workers(project: Project) -> ResponseReturnValue:
    """Which file."""
    return _page(project, WORKERS, PeopleImportForm(formdata=None))


@people.post(f"{PEOPLE}/workers/import")
@project_route(Right.MANAGE_PEOPLE)
def look_at_workers(project: Project) -> ResponseReturnValue:
    """What a file would make and change, and whose phones with it, or what is wrong (422). Saves
    nothing."""
    return _look(project, WORKERS)


@people.post(f"{PEOPLE}/workers/import/now")
@project_route(Right.MANAGE_PEOPLE)
def import_workers(project: Project) -> ResponseReturnValue:
    """Import what somebody has looked at: 303 to the list; all of it, or with 422 or 409 none."""
    return _take(project, WORKERS)


@people.get(f"{PEOPLE}/groups/import")
@project_route(Right.MANAGE_PEOPLE)
def ask_import_groups(project: Project) -> ResponseReturnValue:
    """Which file."""
    return _page(project, GROUPS, PeopleImportForm(formdata=None))


@people.post(f"{PEOPLE}/groups/import")
@project_route(Right.MANAGE_PEOPLE)
def look_at_groups(project: Project) -> ResponseReturnValue:
    """As `look_at_workers`."""
    return _look(project, GROUPS)


@people.post(f"{PEOPLE}/groups/import/now")
@project_route(Right.MANAGE_PEOPLE)
def import_groups(project: Project) -> ResponseReturnValue:
    """As `import_workers`."""
    return _take(project, GROUPS)


def _look(project: Project, kind: Kind) -> ResponseReturnValue:
    form = PeopleImportForm()
    try:
        return _rehearsed(project, kind, form, form.read(kind.most_rows), 200)
    except Invalid as error:
        form.file.errors = [error.message]
        return _page(project, kind, form)


def _rehearsed(
    project: Project, kind: Kind, form: PeopleImportForm, table: Table, status: int
) -> ResponseReturnValue:
    """The page with what a table would do, which is done once for that and taken back."""
    plan = kind.plan(db.session(), project, table)
    if plan.faults or not plan.changes:
        return _page(project, kind, form, plan)

    def rehearse(session: Session) -> None:
        nonlocal plan
        plan = kind.plan(session, project, table)
        if not plan.faults:
            kind.carry_out(session, project, plan, {})

    changes = rehearsed(project, rehearse)
    form.plan.data = plan.mark
    return _page(project, kind, form, plan, changes=changes, status=status)


def _take(project: Project, kind: Kind) -> ResponseReturnValue:
    form = PeopleImportForm()
    seen = form.plan.data
    try:
        table = form.read_again(kind.most_rows)
        looked = kind.plan(db.session(), project, table)
        if looked.faults or looked.mark != seen:
            return _rehearsed(project, kind, form, table, 409)
        db.session.rollback()  # nothing is open while passwords are hashed
        ready = kind.prepare(looked)

        def take(session: Session) -> Plan[Any]:
            plan = kind.plan(session, project, table)
            if plan.faults or plan.mark != seen:
                raise _OtherwiseError("")
            kind.carry_out(session, project, plan, ready)
            return plan

        outcome = made_or_asked(project, take)
    except (_OtherwiseError, InvalidEntry, Refused):
        return _rehearsed(project, kind, form, table, 409)
    except Invalid as error:
        form.file.errors = [error.message]
        return _page(project, kind, form)
    if outcome.made is None:
        return _rehearsed(project, kind, form, table, 409)
    added = outcome.made.added
    flash(
        _(
            "The file is imported: %(added)s added, %(changed)s changed.",
            added=number(added),
            changed=number(len(outcome.made.changes) - added),
        )
    )
    return redirect(url_for(f"people.{kind.key}"), 303)


def _page(
    project: Project,
    kind: Kind,
    form: PeopleImportForm,
    plan: Plan[Any] | None = None,
    *,
    changes: OwnerChanges | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    faults = [] if plan is None else plan.faults
    if faults:
        form.file.errors = [
            ngettext(
                "%(number)s row of the file cannot be taken.",
                "%(number)s rows of the file cannot be taken.",
                len(faults),
                number=number(len(faults)),
            )
        ]
    whole = changes or OwnerChanges()
    silent = worker_table.without_password(plan) if kind is WORKERS and plan else set()
    silent &= {one.username for one in whole.begun}
    changes = whole.but(silent)
    return render_template(
        "people/import.html",
        project=project,
        kind=kind,
        form=form,
        plan=plan,
        changes=changes,
        mark=whole.mark,
        silent=silent,
        still_wrong=still_wrong_of(project, whole),
        cases=cases_of(project, changes),
        astray=astray_of(project, changes),
        phones_shown=PHONES_SHOWN,
        again=status == 409,
        shown=SHOWN,
        columns=worker_table.COLUMNS if kind is WORKERS else group_table.COLUMNS,
    ), 422 if form.file.errors else status


def _taken(project: Project, tag: Tag, subject: str, kind: str) -> None:
    if kind not in set(Format):
        abort(404)
    if request.method == "GET":
        with write_transaction() as session:
            record(
                session,
                project_id=project.id,
                tag=tag,
                subject=subject,
                by=g.actor,
                after={"format": kind},
            )


def _file(
    kind: str, name: str, head: Sequence[str], rows: Iterable[Sequence[str]], title: str
) -> Response:
    if kind == Format.CSV:
        return csv_answer(f"{name}.csv", head, rows)
    held = io.BytesIO()
    write_table(held, Format.XLSX, head, rows, title=title)
    answer = Response(held.getvalue(), mimetype=Format.XLSX.mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return answer
