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
from webapp.rules.lists import rules_of
from webapp.rules.models import RuleState
from webapp.rules.operations import create_rule
from webapp.rules.portable import InvalidRule, RuleData, rule_from_json
from webapp.rules.rule_documents import portable, portable_documents, rule_documents
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
    several = isinstance(sent, list)
    given = _rules_in(sent)
    with write_transaction() as session:
        project_id = get_project(session, project_name).id
        names = {rule.name for rule in session.scalars(rules_of(project_id))}
        rules = [
            create_rule(
                session, project_id, data, by=Actor.command_line(), state=RuleState.INACTIVE
            )
            for data in given
        ]
        documents = rule_documents(session, project_id, rules)
    lines = [f"{each['id']}  inactive  {printable(each['name'])}" for each in documents]
    show({"rules": documents} if several else documents[0], lines, as_json=as_json)
    for each in documents:
        if each["name"] in names:
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
    rules, wrong = [], []
    for number, one in enumerate(sent if isinstance(sent, list) else [sent]):
        try:
            # What the API shows of a rule can be imported too.
            rules.append(rule_from_json(portable(one) if isinstance(one, dict) else one))
        except InvalidRule as error:
            where = f"[{number}]." if isinstance(sent, list) else ""
            for path, says in error.fields.items():
                place = f"{where}{path}".rstrip(".")  # nothing is named where it is no object
                wrong.append(f"  {place}: {says}" if place else f"  {says}")
    if wrong:
        raise Invalid("\n".join(["Nothing was imported.", *map(printable, wrong)]))
    if not rules:
        raise Invalid("The file has no rule in it.")
    return rules
