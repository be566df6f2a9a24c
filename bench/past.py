"""A project with a past: 90 days of forms, set-based, as phones, people and rules write them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, text

from bench.world import NUMBERS, World, count
from webapp.cases.models import Case, CaseTransaction
from webapp.clock import DAY, MINUTE, Micros, now
from webapp.database import write_transaction
from webapp.dictionary.models import FormType
from webapp.people.models import MobileWorker
from webapp.people.sharing_models import Assignment, Group, GroupMember, Level, Location
from webapp.rules.models import Rule, RuleState, RuleVersion, Run, RunState, Trigger
from webapp.submissions.models import Submission
from webapp.submissions.own import RULE_XMLNS
from webapp.time_limit import without_limit

DAYS, WORKERS, GROUPS, CLINICS, RULES = 90, 200, 10, 20, 5
#: Of 200 users of forms so many are workers; the others web users, “admin”, and strangers.
MOBILE = 194
APPS = ("app-clinic", "app-home", "")
FORMS = tuple(f"http://openrosa.org/formdesigner/form-{number}" for number in range(8))


@dataclass(frozen=True)
class Past:
    """What filters may name."""

    first: Micros
    users: tuple[str, ...]
    groups: tuple[str, ...]
    locations: tuple[str, ...]
    rules: tuple[str, ...]
    runs: tuple[int, ...]


def fill_past(there: World, forms: int) -> Past:
    """Write the forms, oldest first up to now, each about one case of `there`."""
    first = now() - DAYS * DAY
    groups, locations = _people(there.project_id, first)
    rules, runs = _runs(there.project_id, first)
    with write_transaction() as session:
        without_limit(session)
        connection = session.connection()
        cases = session.scalar(select(Case.id).where(Case.project_id == there.project_id).limit(1))
        values = {
            "project": there.project_id,
            "size": forms,
            "first": first,
            "step": DAYS * DAY // forms,
            "a_day": max(1, forms // DAYS),
            "cases": there.cases,
            "case": cases,
            "run": runs[0],
            "rule": session.scalar(select(Rule.id).where(Rule.rule_id == rules[0])),
        }
        _write(connection, there.database, values)
    count()
    return Past(first, tuple(map(_user, range(WORKERS))), groups, locations, rules, runs)


def _user(number: int) -> str:
    return f"{number:032x}"


def _people(project_id: int, at: Micros) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Workers, of whom every twentieth is deactivated; ten groups; a district with clinics."""
    with write_transaction() as session:
        workers = [
            MobileWorker(
                project_id=project_id,
                user_id=_user(number),
                username=f"chw-{number:03}",
                password_hash="x",
                active=number % 20 > 0,
                created_on=at,
            )
            for number in range(MOBILE)
        ]
        groups = [
            Group(
                project_id=project_id, group_id=secrets.token_hex(16), name=f"g{n}", created_on=at
            )
            for n in range(GROUPS)
        ]
        level = Level(project_id=project_id, name="clinic", owns_cases=True)
        session.add_all([*workers, *groups, level])
        session.flush()
        places = [_location(project_id, level, "district", None, at)]
        session.add_all(places)
        session.flush()
        places += [
            _location(project_id, level, f"clinic-{n}", places[0].id, at) for n in range(CLINICS)
        ]
        session.add_all(places)
        session.flush()
        session.add_all(
            GroupMember(project_id=project_id, group=groups[n % GROUPS].id, worker=worker.id)
            for n, worker in enumerate(workers)
        )
        session.add_all(
            Assignment(project_id=project_id, worker=worker.id, location=places[1 + n % CLINICS].id)
            for n, worker in enumerate(workers)
        )
        session.add_all(
            FormType(project_id=project_id, app_id=app, xmlns=xmlns, name=xmlns[-6:])
            for app in APPS
            for xmlns in FORMS
        )
        session.add(FormType(project_id=project_id, app_id="", xmlns=RULE_XMLNS, name=""))
        return tuple(one.group_id for one in groups), tuple(one.location_id for one in places)


def _location(project_id: int, level: Level, name: str, parent: int | None, at: Micros) -> Location:
    return Location(
        project_id=project_id,
        location_id=secrets.token_hex(16),
        site_code=name,
        name=name,
        level_id=level.id,
        parent_id=parent,
        created_on=at,
    )


def _runs(project_id: int, first: Micros) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Five rules that ran every night; by key, night by night and rule by rule."""
    with write_transaction() as session:
        rules = []
        for number in range(RULES):
            rule = Rule(
                project_id=project_id,
                rule_id=secrets.token_hex(16),
                name=f"Rule {number}",
                case_type="patient",
                state=RuleState.ACTIVE,
                position=number,
                created_on=first,
            )
            session.add(rule)
            session.flush()
            version = RuleVersion(
                project_id=project_id,
                rule=rule.id,
                number=1,
                definition={},
                created_on=first,
                actor_id="x",
                actor="x",
            )
            session.add(version)
            session.flush()
            rules.append((rule, version))
        rows = [
            {
                "project_id": project_id,
                "rule": rule.id,
                "version": version.id,
                "rule_name": rule.name,
                "rule_version": 1,
                "trigger": Trigger.SCHEDULE,
                "actor_id": "system",
                "actor": "system",
                "state": RunState.FINISHED,
                "queued_on": first + night * DAY,
                "started_on": first + night * DAY,
                "finished_on": first + night * DAY + MINUTE,
            }
            for night in range(DAYS)
            for rule, version in rules
        ]
        runs = session.scalars(insert(Run).returning(Run.id, sort_by_parameter_order=True), rows)
        return tuple(rule.rule_id for rule, _ in rules), tuple(runs)


#: What a form is, from its number `n`: `h` scatters it, `i` is its place within its day, of which
#: the first seventh belongs to the rules, one after the other.
_NUMBERED = """(SELECT n, h, day, i, first, CAST(h / 16 % 200 AS bigint) AS who,
    h / 4096 % 1000 AS lot, h / 64 % 8 AS kind, i * 7 < :a_day AS by_rule,
    i * 7 * 5 / :a_day AS rule FROM
    (SELECT n, n * 2654435761 % 4294967296 AS h, n / :a_day AS day, n % :a_day AS i,
     :first + n * :step AS first FROM (SELECT CAST(n AS bigint) AS n FROM s) AS given) AS scattered
    ) AS numbered"""
_HEX = {"sqlite": "printf('%032x', who)", "postgresql": "lpad(to_hex(who), 32, '0')"}
_ID = {
    "sqlite": "printf('%08x%08x', h, n)",
    "postgresql": "lpad(to_hex(h), 8, '0') || lpad(to_hex(n), 8, '0')",
}
_JSON = {"sqlite": "json_object", "postgresql": "jsonb_build_object"}


def _write(connection: Connection, database: str, values: dict[str, object]) -> None:
    """Without the indexes, which are made at once afterwards, and without looking whether what is
    referred to is there: so it takes minutes and not an hour."""
    tables = [Submission.__table__, CaseTransaction.__table__]
    indexes = [index for table in tables for index in table.indexes]  # type: ignore[attr-defined]  # tables, as their classes say
    for index in indexes:
        index.drop(connection)
    if database == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
    else:
        connection.execute(text("PRAGMA cache_size = -1000000"))
    for statement in (_submissions(database), _transactions(database)):
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        connection.execute(text(statement), used)
    for index in indexes:
        index.create(connection)
    if database == "postgresql":
        connection.execute(
            text("SELECT setval(pg_get_serial_sequence('submission', 'id'), :size)"),
            {"size": values["size"]},
        )


def _submissions(database: str) -> str:
    app = f"CASE WHEN kind < 5 THEN '{APPS[0]}' WHEN kind < 7 THEN '{APPS[1]}' ELSE '' END"
    return f"""INSERT INTO submission (id, project_id, submission_id, state, problem, xmlns, name,
        app_id, time_start, time_end, user_id, username, user_kind, sent_by, own, run_id, rule_key,
        run_place, run_part, received_on, indexed_on)
      {NUMBERS[database]}
      SELECT n + 1, :project, {_ID[database]},
        CASE WHEN by_rule THEN CASE WHEN day % 30 = 0 THEN 'archived' ELSE 'normal' END
          WHEN lot < 30 THEN 'archived' WHEN lot < 36 THEN 'error' WHEN lot < 50 THEN 'duplicate'
          WHEN lot < 58 THEN 'deprecated' WHEN lot < 60 THEN 'unparsed' ELSE 'normal' END,
        CASE WHEN NOT by_rule AND lot BETWEEN 30 AND 35 THEN 'An index to a case never had' END,
        CASE WHEN by_rule THEN '{RULE_XMLNS}' ELSE '{FORMS[0][:-1]}' || kind END,
        CASE WHEN by_rule THEN 'Rule ' || rule ELSE 'Visit ' || kind END,
        CASE WHEN by_rule THEN '' ELSE {app} END,
        first - h % 7200 * 1000000 - 600000000, first - h % 7200 * 1000000,
        CASE WHEN by_rule THEN 'system' ELSE {_HEX[database]} END,
        CASE WHEN by_rule THEN 'system' ELSE 'chw-' || who END,
        CASE WHEN by_rule THEN 'system' WHEN who < {MOBILE} THEN 'mobile' WHEN who < 197 THEN 'web'
          WHEN who < 198 THEN 'admin' ELSE 'unknown' END,
        '', by_rule,
        CASE WHEN by_rule AND day < {DAYS} THEN :run + day * {RULES} + rule END,
        CASE WHEN by_rule AND day < {DAYS} THEN :rule + rule END,
        CASE WHEN by_rule AND day < {DAYS} THEN i END,
        CASE WHEN by_rule AND day < {DAYS} THEN 0 END,
        first, first
      FROM {_NUMBERED} ORDER BY n"""


def _transactions(database: str) -> str:
    pairs = _JSON[database]
    return f"""INSERT INTO case_transaction (project_id, "case", submission, change, before)
      {NUMBERS[database]}
      SELECT :project, :case + n * 7919 % :cases, n + 1,
        {pairs}('user', 'chw-' || who, 'opener', 'chw-' || who, 'date_modified', first,
          'arrived_on', first, 'owner_if_new', 'chw-' || who,
          'properties', {pairs}('status', 'seen', 'visits', '' || (h % 12))),
        {pairs}('properties', {pairs}('status', 'open', 'visits', '' || (h % 11)))
      FROM {_NUMBERED} WHERE lot < 950 ORDER BY n"""
