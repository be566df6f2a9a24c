"""`flask --app webapp dictionary export / import`: case types and their properties as CSV."""

from __future__ import annotations

from typing import IO

import click
from flask.cli import AppGroup, with_appcontext

from webapp.audit.actor import Actor
from webapp.cli.command import answers, json_option, printable, project_option, say, show
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.exchange.dictionary_table import COLUMNS, carry_out, csv_of, plan_import, rows_of
from webapp.exchange.sheets import LARGEST, decoded
from webapp.extensions import db
from webapp.projects.operations import get_project

dictionary_group = AppGroup("dictionary", help="Case types and their properties.")


@dictionary_group.command("export")
@project_option
@json_option
@with_appcontext
@answers
def export_dictionary(project_name: str, as_json: bool) -> None:
    """Print the dictionary of a project for “dictionary import”: CSV, or a list of its rows."""
    session = db.session()
    rows = list(rows_of(session, get_project(session, project_name).id))
    documents = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    show({"rows": documents}, [csv_of(rows).rstrip("\n")], as_json=as_json)


@dictionary_group.command("import")
@click.argument("file", metavar="FILE", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@project_option
@json_option
@with_appcontext
@answers
def import_dictionary(file: IO[bytes], dry_run: bool, project_name: str, as_json: bool) -> None:
    """Add to the dictionary, and change in it, what FILE (- is standard input) says, as CSV.

    What it does not name stays as it is. All of it is imported, or nothing.
    """
    text = decoded(file.read(LARGEST + 1))
    with write_transaction() as session:
        project_id = get_project(session, project_name).id
        plan = plan_import(session, project_id, text)
        if plan.changes and not plan.faults and not dry_run:
            added = carry_out(session, project_id, plan, by=Actor.command_line())
        else:
            added = plan.added
    for fault in plan.faults:
        say(f"Line {fault.line}: {printable(fault.message)}")
    if plan.faults:
        raise Invalid("Nothing was imported.")
    changed = len(plan.changes) - added
    counts = {"added": added, "changed": changed, "unchanged": plan.unchanged}
    words = "would be" if dry_run else "were"
    line = f"{added} {words} added, {changed} changed; {plan.unchanged} rows say nothing new."
    show(counts | {"dry_run": dry_run}, [line], as_json=as_json)
