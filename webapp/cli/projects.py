"""`flask --app webapp project create / list / show / set`."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cli.command import answers, instant, json_option, printable, say, show
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.people.models import Membership, MobileWorker
from webapp.projects.models import Project
from webapp.projects.operations import create_project, get_project, set_project

#: How each setting is written on the command line.
_SETTINGS: dict[str, type] = {
    "title": str,
    "timezone": str,
    "hour": int,
    "daily_limit": int,
    "run_hours": int,
    "brake_cases": int,
    "brake_percent": int,
    "anonymous_submissions": bool,
    "anonymous_quota": int,
}


@click.group("project")
def project_group() -> None:
    """Make projects, look at them, change their settings."""


@project_group.command("create")
@click.argument("name")
@click.option("--title", default="", help="How people read it; the name, if not given.")
@json_option
@with_appcontext
@answers
def create(name: str, title: str, as_json: bool) -> None:
    """Make a project with the roles admin, editor and viewer.

    NAME stands in addresses: lower-case letters, digits and hyphens.
    """
    with write_transaction() as session:
        project = create_project(session, name, title=title, by=Actor.command_line())
    show(_document(project), _lines(project), as_json=as_json)
    say(f"The project “{name}” was made.")


@project_group.command("list")
@json_option
@with_appcontext
@answers
def list_projects(as_json: bool) -> None:
    """List the projects."""
    projects = db.session.scalars(select(Project).order_by(Project.name)).all()
    show(
        {"projects": [_document(project) for project in projects]},
        [f"{project.name}  {printable(project.title)}" for project in projects],
        as_json=as_json,
    )


@project_group.command("show")
@click.argument("name")
@json_option
@with_appcontext
@answers
def show_project(name: str, as_json: bool) -> None:
    """Show a project and its settings."""
    session = db.session()
    project = get_project(session, name)
    people = _people(session, project)
    lines = [*_lines(project), *(f"{what}: {number}" for what, number in people.items())]
    show(_document(project) | people, lines, as_json=as_json)


@project_group.command("set")
@click.argument("name")
@click.argument("settings", metavar="KEY=VALUE…", nargs=-1, required=True)
@json_option
@with_appcontext
@answers
def set_settings(name: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Change settings of a project.

    \b
    title, timezone
    hour                   at which its rules run, in its time zone: 0 to 23
    daily_limit            forms that its rules may write a day; 0 for no limit
    run_hours              that a run may work
    brake_cases, brake_percent
                           a scheduled run that would change more than both asks first
    anonymous_submissions  yes or no
    anonymous_quota        forms a day
    """
    values = dict(_setting(text) for text in settings)
    with write_transaction() as session:
        project = get_project(session, name)
        set_project(session, project, values, by=Actor.command_line())
    show(_document(project), _lines(project), as_json=as_json)


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise Invalid(f"Write KEY=VALUE, not “{text}”.")
    kind = _SETTINGS.get(key)
    if kind is None:
        raise Invalid(f"There is no setting “{key}”. There are: {', '.join(_SETTINGS)}.")
    if kind is bool:
        words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
        if value.lower() not in words:
            raise Invalid(f"{key} must be yes or no, not “{value}”.")
        return key, words[value.lower()]
    if kind is int:
        digits = value.removeprefix("-")  # too small or too large is said where it is set
        if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
            raise Invalid(f"{key} must be a whole number, not “{value}”.")
        return key, int(value)
    return key, value


def _document(project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "created_on": instant(project.created_on),
        **{key: getattr(project, key) for key in _SETTINGS},
    }


def _lines(project: Project) -> list[str]:
    return [f"{key}: {printable(str(value))}" for key, value in _document(project).items()]


def _people(session: Session, project: Project) -> dict[str, Any]:
    def count(table: type[Membership | MobileWorker]) -> int:
        mine = table.project_id == project.id
        return session.scalar(select(func.count()).select_from(table).where(mine)) or 0

    return {"members": count(Membership), "mobile_workers": count(MobileWorker)}
