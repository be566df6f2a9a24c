"""Changing the cases that match: the run of a rule against SQL by hand, with and without the audit
rows, and against the ORM case by case (DESIGN "Figures")."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, text

from bench.match import seconds
from bench.world import BY, World, count, fill, world
from webapp.cases.models import Case, CaseTransaction
from webapp.clock import now
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.jobs import tasks
from webapp.jobs.models import Job
from webapp.projects.operations import create_project
from webapp.rules.models import RuleState, Run, RunState, Trigger
from webapp.rules.operations import create_rule
from webapp.rules.portable import rule_from_json
from webapp.rules.runs import start_run
from webapp.rules.undo import start_undo
from webapp.submissions.models import State, Submission

#: Times as long as each, at most; and at least so many times as fast as the ORM.
REACH_BARE = 2.0
REACH_AUDITED = 1.25
REACH_ORM = 50.0

RULE = {
    "name": "Close stale patients",
    "case_type": "patient",
    "match": "every_case",
    "actions": [
        {"kind": "set", "property": "outcome", "value": "presumed recovered"},
        {"kind": "set", "property": "status", "value": "closed by rule"},
        {"kind": "close"},
    ],
    "brake": None,
}
XMLNS = "http://commcarehq.org/hq_case_update_rule"
#: Cases that the ORM changes one by one, from which the time of all is reckoned.
SAMPLE = 500


@dataclass(frozen=True)
class Applied:
    """Seconds for all cases; `orm` is reckoned from a sample."""

    database: str
    cases: int
    run: float
    undo: float
    audited: float
    bare: float
    orm: float


def measure(database: str, *, cases: int) -> Applied:
    """Each way changes the cases of a project of its own in one database."""
    with world(database, cases) as there:
        others = {name: _another(there, name) for name in ("bare", "audited", "orm")}
        bare = seconds(lambda: _bare(there.database, others["bare"]))
        audited = seconds(lambda: _audited(there.database, others["audited"]))
        orm = seconds(lambda: _orm(others["orm"])) * cases / min(SAMPLE, cases)
        run, undo = _run_and_undo(there)
        return Applied(database, cases, run, undo, audited, bare, orm)


def _another(there: World, name: str) -> int:
    with write_transaction() as session:
        project_id = create_project(session, name, by=BY).id
    fill(there.database, project_id, there.cases)
    count()
    return project_id


def _run_and_undo(there: World) -> tuple[float, float]:
    """The whole run as a worker does it, planning included, and its undo."""
    with write_transaction() as session:
        rule = create_rule(
            session, there.project_id, rule_from_json(RULE), by=BY, state=RuleState.INACTIVE
        )
        run = start_run(session, there.project_id, rule, trigger=Trigger.PERSON, by=BY)
        run_id, job_id = run.id, run.job_id or 0
    running = seconds(lambda: _work(job_id))
    run = db.session.get_one(Run, run_id, populate_existing=True)
    if (run.state, run.changed) != (RunState.FINISHED, there.cases):
        raise RuntimeError(f"the run ended as {run.state} with {run.changed} changed")
    with write_transaction() as session:
        undo_id = start_undo(session, there.project_id, run_id, by=BY).id
    undoing = seconds(lambda: _work(undo_id))
    undo = db.session.get_one(Job, undo_id, populate_existing=True)
    if undo.succeeded != there.cases:
        raise RuntimeError(f"the undo ended as {undo.state} with {undo.succeeded} archived")
    return running, undoing


def _work(job_id: int) -> None:
    """Work on a job to its end, a slice of a minute after another."""
    while True:
        tasks.work(job_id)
        db.session.rollback()
        if db.session.get_one(Job, job_id, populate_existing=True).over:
            return


_JSON = {
    "sqlite": """json_set(properties, '$.outcome', 'presumed recovered',
        '$.status', 'closed by rule')""",
    "postgresql": """properties || jsonb_build_object('outcome', 'presumed recovered',
        'status', 'closed by rule')""",
}


def _bare(database: str, project_id: int) -> None:
    """No trace of what was done: one UPDATE."""
    with write_transaction() as session:
        session.execute(
            text(
                "UPDATE cases SET closed = true, closed_on = :at, closed_by = 'system',"
                f" modified_on = :at, properties = {_JSON[database]}"
                " WHERE project_id = :project AND type = 'patient' AND NOT closed AND NOT deleted"
            ),
            {"project": project_id, "at": now()},
        )


_CHANGE = {
    "sqlite": """json_object('user', 'system', 'opener', 'system', 'date_modified', :at,
        'arrived_on', :at + c.id, 'owner_if_new', 'system', 'properties',
        json_object('outcome', 'presumed recovered', 'status', 'closed by rule'),
        'closes', json('true'))""",
    "postgresql": """jsonb_build_object('user', 'system', 'opener', 'system', 'date_modified', :at,
        'arrived_on', :at + c.id, 'owner_if_new', 'system', 'properties',
        jsonb_build_object('outcome', 'presumed recovered', 'status', 'closed by rule'),
        'closes', true)""",
}
_BEFORE = {
    "sqlite": """json_object('modified_on', c.modified_on, 'modified_by', c.modified_by, 'closed',
        json('false'), 'closed_on', c.closed_on, 'closed_by', c.closed_by, 'server_modified_on',
        c.server_modified_on, 'properties', json_object('outcome', NULL, 'status',
        json_extract(c.properties, '$.status')))""",
    "postgresql": """jsonb_build_object('modified_on', c.modified_on, 'modified_by', c.modified_by,
        'closed', false, 'closed_on', c.closed_on, 'closed_by', c.closed_by, 'server_modified_on',
        c.server_modified_on, 'properties', jsonb_build_object('outcome', NULL, 'status',
        c.properties ->> 'status'))""",
}
_NEW_ID = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()::text"}


def _audited(database: str, project_id: int) -> None:
    """The same rows as a run writes, in one transaction, by three statements for all cases."""
    values = {"project": project_id, "at": now()}
    with write_transaction() as session:
        session.execute(
            text(
                "INSERT INTO submission (project_id, submission_id, state, xmlns, name, app_id,"
                " device_id, time_start, time_end, user_id, username, user_kind, sent_by, own,"
                " received_on, indexed_on, run_id, rule_key, run_place, run_part)"
                f" SELECT :project, {_NEW_ID[database]}, 'normal', '{XMLNS}',"
                " 'Close stale patients', '', '0123456789abcdef0123456789abcdef', :at, :at,"
                " 'system', 'system', 'system', '', true, :at + c.id, :at + c.id, 1, 1, c.id, 0"
                " FROM cases c WHERE c.project_id = :project AND c.type = 'patient'"
                " AND NOT c.closed AND NOT c.deleted ORDER BY c.id"
            ),
            values,
        )
        session.execute(
            text(
                'INSERT INTO case_transaction (project_id, "case", submission, change, before)'
                f" SELECT :project, c.id, s.id, {_CHANGE[database]}, {_BEFORE[database]}"
                " FROM submission s JOIN cases c ON c.project_id = :project AND c.id = s.run_place"
                " WHERE s.project_id = :project"
            ),
            values,
        )
        session.execute(
            text(
                "UPDATE cases SET closed = true, closed_on = :at, closed_by = 'system',"
                " modified_on = :at, modified_by = 'system', server_modified_on = :at + id,"
                f" indexed_on = :at + id, properties = {_JSON[database]}"
                " WHERE project_id = :project AND type = 'patient' AND NOT closed AND NOT deleted"
            ),
            values,
        )


def _orm(project_id: int) -> None:
    """As it is written at first: load a case, change it, add its rows, commit."""
    session = db.session()
    keys = session.scalars(
        select(Case.id).where(Case.project_id == project_id).order_by(Case.id).limit(SAMPLE)
    ).all()
    for number, key in enumerate(keys):
        at = now() + number
        with write_transaction() as session:
            case = session.get_one(Case, key)
            before = {"closed": False, "properties": {"status": case.properties.get("status")}}
            case.closed, case.closed_on, case.closed_by = True, at, "system"
            case.modified_on = case.server_modified_on = case.indexed_on = at
            case.properties = {
                **case.properties,
                "outcome": "presumed recovered",
                "status": "closed by rule",
            }
            submission = Submission(
                project_id=project_id,
                submission_id=f"orm-{key}",
                state=State.NORMAL,
                xmlns=XMLNS,
                name="Close stale patients",
                user_kind="system",
                own=True,
                received_on=at,
                indexed_on=at,
            )
            session.add(submission)
            session.flush()  # the transaction needs its key
            session.execute(
                insert(CaseTransaction),
                [
                    {
                        "project_id": project_id,
                        "case": key,
                        "submission": submission.id,
                        "change": {"closes": True},
                        "before": before,
                    }
                ],
            )
