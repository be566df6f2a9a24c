"""`flask --app webapp rules run`: queue runs by hand, and wait for them if asked to."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cli.command import answers, json_option, project_option, say, show
from webapp.cli.rule_names import find_rule
from webapp.cli.run_words import NOBODY_CAME, line_of, went_well
from webapp.cli.waiting import wait_for
from webapp.clock import Micros
from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.operations import get_project
from webapp.rules.documents import run_documents
from webapp.rules.lists import rules_of
from webapp.rules.models import Rule, RuleState, Run, Trigger
from webapp.rules.moment import parse_as_of
from webapp.rules.outlook import MustConfirm, confirmed_changes
from webapp.rules.runs import start_run, wake_run

as_of_option = click.option(
    "--as-of",
    metavar="ISO",
    help="Match as if it were then: 2026-01-31, or 2026-01-31T18:00:00Z.",
)


@click.command("run")
@click.argument("typed", metavar="[RULE]", required=False)
@project_option
@as_of_option
@click.option("--wait", is_flag=True, help="Wait until it is over.")
@click.option(
    "--confirm-changes",
    type=int,
    metavar="N",
    help="Run a rule over its brake, if that changes just so many cases.",
)
@json_option
@with_appcontext
@answers
def run_rules(
    typed: str | None,
    *,
    project_name: str,
    as_of: str | None,
    wait: bool,
    confirm_changes: int | None,
    as_json: bool,
) -> None:
    """Run a rule now, or all active ones in their order. A worker does the work.

    A rule that would change more than its brake allows is run only with --confirm-changes; where
    all are run, it waits for a decision instead (“runs approve”).

    With --wait the exit status is 1 when a run failed, was stopped, or had cases at fault.
    """
    if typed is None and confirm_changes is not None:
        raise click.UsageError("--confirm-changes is for one rule: name it.")
    reading = db.session()
    project = get_project(reading, project_name)
    instant = None if as_of is None else parse_as_of(as_of, project.timezone)
    confirmed = None
    if typed is not None:
        rule = find_rule(reading, project.id, typed)
        confirmed = _confirmed(reading, project, rule, confirm_changes, instant)
    project_id = project.id
    with write_transaction() as session:
        if typed is not None:
            rules = [find_rule(session, project_id, typed)]
        else:
            rules = list(session.scalars(rules_of(project_id, state=RuleState.ACTIVE)))
        started = [
            start_run(
                session,
                project_id,
                rule,
                trigger=Trigger.COMMAND_LINE,
                by=Actor.command_line(),
                as_of=instant,
                confirmed=confirmed,
            )
            for rule in rules
        ]
    if not rules:
        say("No rule is active, so there is nothing to run.")
    for run in started:
        wake_run(session, run)
    run_ids = [run.id for run in started]
    job_ids = [run.job_id for run in started if run.job_id is not None]
    came = wait_for(job_ids, "Running") if wait and job_ids else True
    session = db.session()
    runs = session.scalars(
        select(Run).where(Run.project_id == project_id, Run.id.in_(run_ids)).order_by(Run.id)
    ).all()
    documents = run_documents(session, project_id, runs)
    document = documents[0] if typed is not None else {"runs": documents}
    show(document, [line_of(each) for each in documents], as_json=as_json)
    if not came:
        raise click.ClickException(NOBODY_CAME)
    if wait and not all(map(went_well, documents)):
        say("Not all went well: “runs show RUN” says more.")
        raise click.exceptions.Exit(1)


def _confirmed(
    session: Session, project: Project, rule: Rule, given: int | None, as_of: Micros | None
) -> int | None:
    """`confirmed_changes`, whose refusal names the option to give."""
    try:
        return confirmed_changes(session, project, rule, given=given, as_of=as_of)
    except MustConfirm as must:
        raise Refused(f"{must.message} Add --confirm-changes {must.changes}.") from must
