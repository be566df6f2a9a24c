"""Rules, runs and their forms, put there by hand: for what reads them, whatever makes them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from tests.forms import case_block, new_id
from webapp.clock import now, take_ticks
from webapp.database import write_transaction
from webapp.people.kinds import SYSTEM, UserKind
from webapp.rules.models import Rule, RuleState, RuleVersion, Run, RunState, Trigger
from webapp.submissions.models import Submission, SubmissionXml
from webapp.submissions.own import RULE_XMLNS
from webapp.submissions.receive import Arrival, Outcome, Sender, read, receive


def make_rule(
    session: Session,
    project_id: int,
    name: str = "Close stale patients",
    *,
    deleted: bool = False,
    **definition: Any,
) -> Rule:
    """A rule with one version; `definition` are keys of SPEC §4.9."""
    with write_transaction():
        rule = Rule(
            project_id=project_id,
            rule_id=uuid.uuid4().hex,
            name=name,
            case_type=definition.get("case_type", "patient"),
            state=RuleState.ACTIVE,
            position=1,
            created_on=now(),
            deleted_on=now() if deleted else None,
        )
        session.add(rule)
        session.flush()  # for its key
        make_version(session, rule, 1, **definition)
    return rule


def make_version(session: Session, rule: Rule, number: int, **definition: Any) -> RuleVersion:
    """Another version of a rule, inside the caller's transaction."""
    version = RuleVersion(
        project_id=rule.project_id,
        rule=rule.id,
        number=number,
        definition={
            "name": rule.name,
            "description": "",
            "case_type": rule.case_type,
            "match": "all",
            "criteria": [
                {"kind": "property", "property": "status", "operator": "equals", "value": "done"}
            ],
            "actions": [{"kind": "close"}],
        }
        | definition,
        created_on=now(),
        actor_id="amina",
        actor="amina",
    )
    session.add(version)
    session.flush()  # for its key
    return version


def make_run(session: Session, rule: Rule, **values: Any) -> Run:
    """A run of a rule's first version that was planned just now; `values` are columns."""
    with write_transaction():
        version = session.query(RuleVersion).filter_by(rule=rule.id, number=rule.version).one()
        tick = take_ticks(session, rule.project_id)
        run = Run(
            **{
                "project_id": rule.project_id,
                "rule": rule.id,
                "version": version.id,
                "rule_name": rule.name,
                "rule_version": version.number,
                "trigger": Trigger.PERSON,
                "actor_id": "amina",
                "actor": "amina",
                "state": RunState.FINISHED,
                "planned_on": tick,
                "matched_at": tick,
                "today": "2026-03-11",
                "queued_on": tick,
                "started_on": tick,
            }
            | values
        )
        session.add(run)
    return run


def write_form(
    session: Session,
    run: Run,
    case_id: str,
    *,
    place: int = 0,
    part: int = 0,
    update_: Mapping[str, str] | None = None,
    close: bool = False,
) -> str:
    """A form of a run about one case; its id."""
    with write_transaction():
        rule = session.get_one(Rule, run.rule)
        block = case_block(case_id, update=update_, close=close, user_id=SYSTEM, date_modified=None)
        xml = (
            f'<system xmlns="{RULE_XMLNS}" name="{run.rule_name}">'
            f'<meta xmlns="http://openrosa.org/jr/xforms"><deviceID>{rule.rule_id}</deviceID>'
            f"<username>system</username><userID>system</userID>"
            f"<instanceID>{new_id()}</instanceID></meta>{block}</system>"
        ).encode()
        sender = Sender(SYSTEM, SYSTEM, UserKind.SYSTEM)
        received = receive(session, run.project_id, Arrival(read(xml), sender, own=True))
        assert received.outcome is Outcome.PROCESSED, received.problem
        (key,) = session.execute(
            update(Submission)
            .where(
                Submission.project_id == run.project_id,
                Submission.submission_id == received.submission_id,
            )
            .values(
                run_id=run.id,
                rule_key=run.rule,
                run_place=place,
                run_part=part,
                time_start=run.started_on,
                time_end=run.started_on,
            )
            .returning(Submission.id)
        ).one()
        session.execute(delete(SubmissionXml).where(SubmissionXml.submission == key))
        run.submissions += 1
    return received.submission_id
