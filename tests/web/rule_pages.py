"""Rules and runs to look at, as their pages' tests need them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, send
from tests.web.page_checks import parse
from tests.web.pages import Page, PageClient
from webapp.database import write_transaction
from webapp.jobs.tasks import work
from webapp.projects.models import Project
from webapp.rules.models import Rule, RuleState, Run, Trigger
from webapp.rules.operations import create_rule, edit_rule
from webapp.rules.portable import rule_from_json
from webapp.rules.queries import get_rule
from webapp.rules.runs import start_run

#: Closes patients that are done, and says why.
CLOSE_DONE: dict[str, Any] = {
    "name": "Close the done",
    "case_type": "patient",
    "match": "all",
    "criteria": [{"kind": "property", "property": "status", "operator": "equals", "value": "done"}],
    "actions": [
        {"kind": "set", "property": "close_reason", "value": "automatic"},
        {"kind": "close"},
    ],
}


def make_rule(project: Project, *, state: RuleState = RuleState.INACTIVE, **changes: Any) -> Rule:
    """A rule; `changes` are keys of its JSON."""
    with write_transaction() as session:
        data = rule_from_json(CLOSE_DONE | changes)
        return create_rule(session, project.id, data, by=factories.actor(), state=state)


def renamed(project: Project, rule: Rule, name: str) -> None:
    """Somebody saves another version of a rule."""
    with write_transaction() as session:
        data = rule_from_json(CLOSE_DONE | {"name": name})
        edit_rule(session, project.id, rule.rule_id, data, by=factories.actor())


def patient(session: Session, project: Project, case_id: str, **properties: str) -> str:
    """An open case of type patient, named as its id; the id of the form that opened it."""
    block = case_block(
        case_id, create={"case_name": case_id, "case_type": "patient"}, update=properties
    )
    return send(session, project.id, form(block)).submission_id


def queued_run(project: Project, rule: Rule) -> Run:
    """A run that nobody has worked on yet."""
    with write_transaction() as session:
        rule = get_rule(session, project.id, rule.rule_id)
        return start_run(session, project.id, rule, trigger=Trigger.PERSON, by=factories.actor())


def finished_run(project: Project, rule: Rule) -> Run:
    """A run that is over."""
    run = queued_run(project, rule)
    assert run.job_id is not None
    work(run.job_id)
    return run


def post(client: PageClient, url: str, status: int, **fields: Any) -> Page:
    """Post what no button of a page posts in this situation, with the token of some page."""
    any_page = client.client.get("/no-such-page").get_data(as_text=True)
    token = parse(any_page)[0].xpath("//input[@name='csrf_token']/@value")[0]
    return client.post(url, {"csrf_token": token, **fields}, status=status)
