"""`flask --app webapp rules import / export`: rules as the JSON of SPEC §4.9."""

from __future__ import annotations

import json
from typing import IO

import click
from flask.cli import with_appcontext

from webapp.audit.actor import Actor
from webapp.cli.command import answers, json_option, printable, project_option, say, show
from webapp.cli.rule_names import find_rule
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.projects.operations import get_project
from webapp.rules.import_rules import InvalidFile, rules_in
from webapp.rules.import_rules import import_rules as make_rules
from webapp.rules.lists import rules_of
from webapp.rules.portable import RuleData
from webapp.rules.rule_documents import portable_documents, rule_documents
from webapp.strict_json import read_json

#: Of a file, in bytes.
_LARGEST = 50_000_000


@click.command("import")
@click.argument("file", metavar="FILE", type=click.File("rb"))
@project_option
@json_option
@with_appcontext
@answers
def import_rules(file: IO[bytes], project_name: str, as_json: bool) -> None:
    """Make rules from FILE (- is standard input): one rule, or a list.

    They are inactive, whatever the file says, and overwrite nothing. All of them are made, or none.
    """
    sent = _read(file)
    given = _rules_in(sent)
    with write_transaction() as session:
        project_id = get_project(session, project_name).id
        rules, there = make_rules(session, project_id, given, by=Actor.command_line())
        documents = rule_documents(session, project_id, rules)
    lines = [f"{each['id']}  inactive  {printable(each['name'])}" for each in documents]
    show({"rules": documents} if isinstance(sent, list) else documents[0], lines, as_json=as_json)
    for each in documents:
        if each["name"] in there:
            say(f"There was a rule called “{printable(each['name'])}” already. It stays as it is.")


@click.command("export")
@click.argument("typed", metavar="[RULE…]", nargs=-1)
@project_option
@click.option("--json", "_as_json", is_flag=True, help="It always is JSON.")
@with_appcontext
@answers
def export_rules(typed: tuple[str, ...], project_name: str, _as_json: bool) -> None:
    """Print rules for “rules import”: one as an object; several, or all of the project, as a
    list."""
    session = db.session()
    project_id = get_project(session, project_name).id
    if typed:
        rules = [find_rule(session, project_id, each) for each in dict.fromkeys(typed)]
    else:
        rules = list(session.scalars(rules_of(project_id)))
    documents = portable_documents(session, project_id, rules)
    document = documents[0] if len(typed) == 1 else documents
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _read(file: IO[bytes]) -> object:
    raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise Invalid("The file is larger than 50 MB.")
    return read_json(raw)


def _rules_in(sent: object) -> list[RuleData]:
    """The rules of a file. Raises `Invalid` with a line for each thing that is wrong."""
    try:
        return rules_in(sent)
    except InvalidFile as error:
        wrong = []
        for one in error.faulty:
            where = "" if one.number is None else f"[{one.number - 1}]."
            for path, says in one.fields.items():
                place = f"{where}{path}".rstrip(".")  # nothing is named where it is no object
                wrong.append(f"  {place}: {says}" if place else f"  {says}")
        raise Invalid("\n".join([error.message, *map(printable, wrong)])) from error
