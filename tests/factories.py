"""Things to test with, each in a transaction of its own, with names that no other test has."""

from __future__ import annotations

import uuid

from webapp.audit.actor import Actor
from webapp.database import write_transaction
from webapp.people import groups, levels, locations, operations
from webapp.people.belonging import set_locations
from webapp.people.models import MobileWorker, WebUser
from webapp.people.sharing_models import Group, Level, Location
from webapp.projects.models import Project
from webapp.projects.operations import create_project, set_project
from webapp.rules.models import Rule, RuleState
from webapp.rules.operations import create_rule
from webapp.rules.portable import rule_from_json

#: The password of everybody, unless a test gives another one.
PASSWORD = "correct horse"


def unique(word: str) -> str:
    """A name that no other test has."""
    return f"{word}-{uuid.uuid4().hex[:12]}"


def actor() -> Actor:
    """Whoever sets the scene."""
    return Actor("tester", "tester", "tests")


def project(**settings: object) -> Project:
    """A project; `settings` as of `set_project`."""
    with write_transaction() as session:
        made = create_project(session, unique("p"), by=actor())
        if settings:
            set_project(session, made, settings, by=actor())
    return made


def web_user(
    project: Project | None = None, role: str = "admin", *, password: str = PASSWORD
) -> WebUser:
    """A web user, with a role in a project if one is given."""
    with write_transaction() as session:
        made = operations.create_web_user(
            session, f"{unique(role)}@example.org", password, by=actor()
        )
        if project is not None:
            operations.add_member(session, project, made, role, by=actor())
    return made


def mobile_worker(
    project: Project, username: str | None = None, *, password: str = PASSWORD
) -> MobileWorker:
    """A mobile worker of a project."""
    with write_transaction() as session:
        return operations.create_worker(
            session, project, username or unique("worker"), password, by=actor()
        )


def group(
    project: Project,
    *members: MobileWorker,
    name: str | None = None,
    case_sharing: bool = True,
) -> Group:
    """A group, with case sharing unless a test says otherwise."""
    with write_transaction() as session:
        made = groups.create_group(
            session, project.id, name or unique("group"), case_sharing=case_sharing, by=actor()
        )
        groups.add_members(session, made, members, by=actor())
    return made


def level(project: Project, *, owns_cases: bool = True, views_child_data: bool = False) -> Level:
    """A level of locations."""
    with write_transaction() as session:
        return levels.create_level(
            session,
            project.id,
            unique("level"),
            owns_cases=owns_cases,
            views_child_data=views_child_data,
            by=actor(),
        )


def location(
    project: Project,
    of: Level | None = None,
    *assigned: MobileWorker,
    parent: Location | None = None,
    name: str | None = None,
) -> Location:
    """A location of a level (one that owns cases, unless a test gives another), to which nobody is
    assigned but these, and these to nothing else."""
    of = of or level(project)
    with write_transaction() as session:
        made = locations.create_location(
            session, project.id, name or unique("location"), of, parent=parent, by=actor()
        )
        for worker in assigned:
            set_locations(session, worker, [made], by=actor())
    return made


#: What a rule says, unless a test says otherwise: JSON as of SPEC §4.9.
RULE: dict[str, object] = {
    "name": "Close stale patients",
    "case_type": "patient",
    "criteria": [
        {"kind": "property", "property": "status", "operator": "equals", "value": "stale"}
    ],
    "actions": [{"kind": "close"}],
}


def rule(project: Project, *, state: RuleState = RuleState.INACTIVE, **changes: object) -> Rule:
    """A rule with one version; `changes` are keys of its JSON."""
    with write_transaction() as session:
        data = rule_from_json({**RULE, **changes})
        return create_rule(session, project.id, data, by=actor(), state=state)
