"""`flask --app webapp verify` (SPEC L3)."""

from __future__ import annotations

from itertools import chain

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from webapp.cli.command import answers, json_option, progress, say, show
from webapp.config import Settings
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.operations import get_project
from webapp.rules.verify import forms_of_runs, verify_runs
from webapp.submissions.verify import things_to_verify
from webapp.submissions.verify import verify as findings_of

#: Findings of a project that are kept and printed; the others are only counted.
KEPT = 10_000


@click.command("verify")
@click.option("--project", "project_name", metavar="NAME", help="Only this one.")
@json_option
@with_appcontext
@answers
def verify(project_name: str | None, as_json: bool) -> None:
    """Prove that the data is what it should be; mend nothing.

    Every case must equal the replay of its live forms, every form its transactions, every
    attachment what came, every form of a run its rule; ticks are unique and ordered; every index
    points to a case. People may go on working meanwhile. The exit status is 1 when anything is
    wrong.
    """
    session = db.session()
    settings: Settings = current_app.extensions["settings"]
    if project_name is not None:
        projects = [(get_project(session, project_name).id, project_name)]
    else:
        projects = [
            row.tuple()
            for row in session.execute(select(Project.id, Project.name).order_by(Project.name))
        ]
    documents = []
    lines = []
    wrong = 0
    for project_id, name in projects:
        total = things_to_verify(session, project_id) + forms_of_runs(session, project_id)
        found: list[dict[str, str]] = []
        count = 0
        with progress(total, f"Verifying {name}") as advance:
            for finding in chain(
                findings_of(
                    session, project_id, attachments=settings.attachments, progress=advance
                ),
                verify_runs(session, project_id, progress=advance),
            ):
                count += 1
                if count <= KEPT:
                    found.append(
                        {"what": finding.what, "id": finding.id, "message": finding.sentence}
                    )
        wrong += count
        lines += [f"{name}: {one['message']}" for one in found]
        if count > KEPT:
            lines.append(f"{name}: … and {count - KEPT:,} more.")
        documents.append({"name": name, "things": total, "wrong": count, "findings": found})
        lines.append(f"{name}: {total:,} things looked at, {count:,} wrong.")
    show({"clean": not wrong, "projects": documents}, lines, as_json=as_json)
    if wrong:
        say(f"{wrong:,} things are wrong. Nothing was changed.")
        raise click.exceptions.Exit(1)
