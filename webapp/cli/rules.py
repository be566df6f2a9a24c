"""`flask --app webapp rules list / show / activate / deactivate / preview / explain` (SPEC L1);
`import`, `export` and `run` have files of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from webapp.audit.actor import Actor
from webapp.cli.command import answers, json_option, printable, project_option, say, show
from webapp.cli.rule_files import export_rules, import_rules
from webapp.cli.rule_names import find_rule, rule_argument
from webapp.cli.rule_runs import as_of_option, run_rules
from webapp.clock import Micros, now
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.operations import get_project
from webapp.rules.definition import Definition, Match
from webapp.rules.describe import rule_words
from webapp.rules.documents import (
    explanation_document,
    preview_document,
)
from webapp.rules.explain_case import explain_case
from webapp.rules.held import ended, held_of
from webapp.rules.lists import rules_of
from webapp.rules.models import RuleState
from webapp.rules.moment import Moment, moment_at, parse_as_of
from webapp.rules.naming import owners_named
from webapp.rules.operations import set_state
from webapp.rules.outlook import outlook
from webapp.rules.preview import preview
from webapp.rules.queries import data_of, definition_of, version_of
from webapp.rules.rule_documents import rule_document, rule_documents
from webapp.rules.warnings import warnings_about


@click.group("rules")
def rules_group() -> None:
    """Automatic update rules: look at them, try them, run them.

    RULE is a rule's id, or its name if no other rule has it.
    """


for command in (import_rules, export_rules, run_rules):
    rules_group.add_command(command)


@rules_group.command("list")
@project_option
@json_option
@with_appcontext
@answers
def list_all(project_name: str, as_json: bool) -> None:
    """List the rules, in the order in which they run."""
    session = db.session()
    project_id = get_project(session, project_name).id
    rules = session.scalars(rules_of(project_id)).all()
    documents = rule_documents(session, project_id, rules)
    show({"rules": documents}, map(_line, documents), as_json=as_json)


@rules_group.command("show")
@rule_argument
@project_option
@json_option
@with_appcontext
@answers
def show_rule(typed: str, project_name: str, as_json: bool) -> None:
    """Show a rule: in words, or as the JSON of the API."""
    session = db.session()
    project_id = get_project(session, project_name).id
    rule = find_rule(session, project_id, typed)
    document = rule_document(session, rule)
    with owners_named(session, project_id):
        words = rule_words(definition_of(session, rule)).splitlines()
    show(document, [*_head(document), *map(printable, words)], as_json=as_json)


@rules_group.command("activate")
@click.argument("typed", metavar="RULE…", nargs=-1, required=True)
@project_option
@json_option
@with_appcontext
@answers
def activate(typed: tuple[str, ...], project_name: str, as_json: bool) -> None:
    """Let rules run by their schedules, from the next slot on."""
    _set_states(typed, project_name, RuleState.ACTIVE, as_json=as_json)


@rules_group.command("deactivate")
@click.argument("typed", metavar="RULE…", nargs=-1, required=True)
@project_option
@json_option
@with_appcontext
@answers
def deactivate(typed: tuple[str, ...], project_name: str, as_json: bool) -> None:
    """Let rules run no more, unless somebody runs them by hand."""
    _set_states(typed, project_name, RuleState.INACTIVE, as_json=as_json)


@rules_group.command("preview")
@rule_argument
@project_option
@as_of_option
@json_option
@with_appcontext
@answers
def preview_rule(typed: str, project_name: str, as_of: str | None, as_json: bool) -> None:
    """Say exactly what a run of a rule would do now, and do nothing."""
    session = db.session()
    project = get_project(session, project_name)
    instant, moment = _moment(project, as_of)
    rule = find_rule(session, project.id, typed)
    data = data_of(version_of(session, rule, rule.version))
    found = preview(session, project.id, data.definition, moment, limit_s=None)
    ahead = outlook(session, project, data, found)
    warnings = warnings_about(session, project.id, data.definition, rule_id=rule.rule_id)
    with owners_named(session, project.id):
        document = preview_document(data.definition, found, ahead, warnings, instant)
    show(document, _preview_lines(document), as_json=as_json)


@rules_group.command("explain")
@rule_argument
@click.argument("case_id", metavar="CASE")
@project_option
@as_of_option
@json_option
@with_appcontext
@answers
def explain_rule(
    typed: str, case_id: str, project_name: str, as_of: str | None, as_json: bool
) -> None:
    """Say why a rule matches a case or not, and what it would do to it."""
    session = db.session()
    project = get_project(session, project_name)
    instant, moment = _moment(project, as_of)
    definition = definition_of(session, find_rule(session, project.id, typed))
    explained = explain_case(session, project.id, definition, case_id, moment)
    with owners_named(session, project.id):
        document = explanation_document(explained, instant)
        show(document, _explanation_lines(document, definition), as_json=as_json)


def _set_states(
    typed: Iterable[str], project_name: str, state: RuleState, *, as_json: bool
) -> None:
    """All of them, or none."""
    with write_transaction() as session:
        project_id = get_project(session, project_name).id
        rules = [find_rule(session, project_id, each) for each in dict.fromkeys(typed)]
        waiting = held_of(session, *rules)
        for rule in rules:
            set_state(session, project_id, rule.rule_id, state, by=Actor.command_line())
        over = ended(waiting)
        documents = rule_documents(session, project_id, rules)
    lines = [_line(document) for document in documents]
    show({"rules": documents}, lines, as_json=as_json)
    for number in over:
        say(f"Run {number} waited for a decision, and ended without one.")


def _moment(project: Project, as_of: str | None) -> tuple[Micros | None, Moment]:
    instant = None if as_of is None else parse_as_of(as_of, project.timezone)
    return instant, moment_at(now() if instant is None else instant, project.timezone)


def _line(rule: dict[str, Any]) -> str:
    return (
        f"{rule['id']}  {rule['state']:<8}  {printable(rule['name'])}"
        f"  ({printable(rule['case_type'])}, version {rule['version']})"
    )


def _head(rule: dict[str, Any]) -> Iterator[str]:
    for name in ("id", "name", "state", "version", "description", "last_run", "last_attempt"):
        if rule[name]:
            yield f"{name}: {printable(str(rule[name]))}"


def _preview_lines(found: dict[str, Any]) -> Iterator[str]:
    for sentence in found["warnings"]:
        yield f"warning: {printable(sentence)}"
    yield f"open cases of the type: {found['open_cases']:,}"
    for step in found["funnel"]:
        number = f"{step['left']:,} left" if "left" in step else f"{step['matches']:,} match"
        yield f"  {printable(step['criterion'])}: {number}"
    for row in found["unreadable"]:
        if row["count"]:
            yield f"  {printable(row['criterion'])}: cannot be read in {row['count']:,}"
    yield f"matched: {found['matched']:,}"
    yield f"would change: {found['would_change']:,}"
    yield f"would close: {found['would_close']:,}"
    yield f"forms about related cases: {found['related_updates']:,}"
    yield f"forms in all: {found['submissions']:,}"
    if found["errors"]:
        yield f"at fault: {found['errors']:,}"
    for case in found["cases"]:
        closes = "  closes" if case["closes"] else ""
        yield f"  {case['case_id']}  {printable(case['name'])}{closes}"
        yield from _change_lines(case["changes"])


def _explanation_lines(found: dict[str, Any], definition: Definition) -> Iterator[str]:
    every_case = definition.match is Match.EVERY_CASE
    if found["matches"] and every_case:
        yield f"matches: every open case of the type {printable(definition.case_type)}"
    else:
        yield "matches" if found["matches"] else "does not match"
    if found["reason"]:
        yield printable(found["reason"])
    for one in found["criteria"]:
        value = "nothing" if one["found"] is None else f"“{printable(one['found'])}”"
        yield (
            f"  {'yes' if one['matches'] else 'no '}  {printable(one['words'])}:"
            f" found {value}, wanted {printable(one['wanted']) or 'a value'}"
        )
    if found["problem"]:
        yield f"cannot be done: {printable(found['problem'])}"
    if found["closes"]:
        yield "would close the case"
    yield from _change_lines(found["changes"])
    if found["matches"] and not (found["problem"] or found["closes"] or found["changes"]):
        yield "would change nothing: the case is as the rule wants it"


def _change_lines(changes: Iterable[dict[str, Any]]) -> Iterator[str]:
    for one in changes:
        before = "nothing" if one["before"] is None else f"“{printable(one['before'])}”"
        yield f"    {one['case_id']}: {one['property']}: {before} → “{printable(one['after'])}”"
