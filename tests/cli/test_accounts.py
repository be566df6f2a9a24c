"""project, webuser, worker, key on the command line (SPEC L1)."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.cli.conftest import Command
from tests.factories import PASSWORD, mobile_worker, unique, web_user
from webapp.audit.models import AuditEvent
from webapp.people.accounts import check_key, check_web_user, check_worker, member_of
from webapp.people.operations import get_web_user
from webapp.projects.models import Project


def test_a_project_is_made_listed_shown_and_set(run: Command, session: Session):
    name = unique("p")
    made = run("project", "create", name, "--title", "Malaria", "--json")
    assert made.code == 0
    assert (made.json["name"], made.json["title"]) == (name, "Malaria")
    assert isinstance(made.json["id"], int)
    assert "was made" in made.err
    assert name in {each["name"] for each in run("project", "list", "--json").json["projects"]}
    assert name in run("project", "list").out
    changed = run(
        "project", "set", name, "timezone=Africa/Nairobi", "anonymous_submissions=yes",
        "anonymous_quota=20", "--json",
    )  # fmt: skip
    assert changed.json["anonymous_submissions"] is True
    shown = run("project", "show", name, "--json").json
    assert (shown["timezone"], shown["anonymous_quota"]) == ("Africa/Nairobi", 20)
    assert (shown["members"], shown["mobile_workers"]) == (0, 0)
    assert "timezone: Africa/Nairobi" in run("project", "show", name).out
    event = session.scalars(
        select(AuditEvent).where(AuditEvent.subject == f"project:{name}").order_by(AuditEvent.id)
    ).all()[-1]
    assert event.source == "command line"


@pytest.mark.parametrize(
    "setting",
    ["timezone", "timezone=Mars", "colour=blue", "anonymous_submissions=perhaps",
     "anonymous_quota=many", "anonymous_quota=-1", "anonymous_quota=99999999999"],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused(run: Command, project: Project, setting: str):
    ran = run("project", "set", project.name, setting)
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.startswith("Error: ")
    if setting == "anonymous_quota=-1":
        assert "from 0 to 1000000" in ran.err


def test_a_web_user_is_made_with_a_password_that_is_printed_once(
    run: Command, session: Session, project: Project
):
    email = f"{unique('amina')}@example.org"
    ran = run("webuser", "create", email, "--project", project.name, "--role", "editor", "--json")
    made = ran.json
    assert (made["username"], made["role"], made["created"]) == (email, "editor", True)
    session.rollback()  # what the command committed is to be seen, here and below
    with_password = check_web_user(session, email, made["password"], address="10.1.0.1")
    assert with_password is not None
    assert with_password.user_id == made["id"]
    member = member_of(session, with_password.web_user_id, project.name)
    assert member is not None
    assert member.role == "editor"


def test_a_password_comes_by_standard_input(run: Command, session: Session, project: Project):
    email = f"{unique('amina')}@example.org"
    arguments = ("--project", project.name, "--role", "admin", "--password", "-")
    ran = run("webuser", "create", email, *arguments, stdin=f"{PASSWORD}\n")
    assert ran.code == 0
    assert PASSWORD not in ran.out + ran.err
    session.rollback()
    assert check_web_user(session, email, PASSWORD, address="10.1.0.1") is not None
    assert run("webuser", "create", f"x{email}", *arguments, stdin="").code == 1
    assert run("webuser", "create", f"x{email}", *arguments, stdin="short").code == 1
    given = ("--project", project.name, "--role", "admin", "--password", PASSWORD)
    assert run("webuser", "create", f"x{email}", *given).code == 2


def test_a_web_user_who_is_there_is_only_added(run: Command, session: Session, project: Project):
    amina = web_user()
    create = ("webuser", "create", amina.email, "--project", project.name, "--role", "viewer")
    assert run(*create, "--password", "-", stdin="another one").code == 1
    ran = run(*create, "--json")
    assert ran.json["created"] is False
    assert "password" not in ran.json
    assert "was added" in ran.err
    assert check_web_user(session, amina.email, PASSWORD, address="10.1.0.1") is not None
    assert run(*create).code == 1


def test_a_web_user_needs_a_role_that_there_is(run: Command, session: Session, project: Project):
    email = f"{unique('amina')}@example.org"
    ran = run("webuser", "create", email, "--project", project.name, "--role", "owner")
    assert ran.code == 1
    assert "admin, editor, viewer" in ran.err
    assert run("webuser", "create", email, "--project", "none", "--role", "admin").code == 1
    assert run("webuser", "create", email, "--role", "admin").code == 2


def test_a_web_user_gets_another_password_and_is_listed(
    run: Command, session: Session, project: Project
):
    amina = web_user(project)
    ran = run("webuser", "set", amina.email, "--password", "-", stdin="another one")
    assert (ran.code, "another one" in ran.out + ran.err) == (0, False)
    session.rollback()
    assert check_web_user(session, amina.email, "another one", address="10.1.0.1") is not None
    assert check_web_user(session, amina.email, PASSWORD, address="10.1.0.1") is None
    assert run("webuser", "set", amina.email).code == 1
    assert run("webuser", "set", amina.email, "--password", "-", stdin="short").code == 1
    assert run("webuser", "set", f"x{amina.email}", "--password", "-", stdin="long one").code == 1
    web_user()  # of no project
    listed = run("webuser", "list", "--project", project.name, "--json").json["web_users"]
    assert [each["username"] for each in listed] == [amina.email]
    assert amina.email in run("webuser", "list", "--project", project.name).out


def test_a_worker_is_made_shown_and_changed(run: Command, session: Session, project: Project):
    here = ("--project", project.name)
    made = run("worker", "create", "Amina", *here, "--json").json
    assert (made["username"], made["active"]) == ("amina", True)
    at = "10.1.0.1"
    session.rollback()
    assert check_worker(session, project.name, "amina", made["password"], address=at) is not None
    shown = run("worker", "show", "amina", *here, "--json").json
    assert shown["id"] == made["id"]
    assert "password" not in shown
    changed = run("worker", "set", "amina", *here, "--inactive", "--json").json
    assert changed["active"] is False
    assert "so already" in run("worker", "set", "amina", *here, "--inactive").err
    ran = run("worker", "set", "amina", *here, "--active", "--password", "-", stdin="new secret")
    assert ran.code == 0
    session.rollback()
    assert check_worker(session, project.name, "amina", "new secret", address=at) is not None
    assert run("worker", "set", "amina", *here).code == 1
    assert run("worker", "show", "biko", *here).code == 1
    assert run("worker", "create", "amina", *here).code == 1


def test_a_key_is_printed_once_listed_and_revoked(run: Command, session: Session, project: Project):
    amina = web_user(project)
    ran = run("key", "create", amina.email, "--project", project.name, "--read-only", "--json")
    made = ran.json
    assert "Keep it" in ran.err
    session.rollback()
    holder = check_key(session, amina.email, made["key"])
    assert holder is not None
    assert (holder.read_only, holder.project_id) == (True, project.id)
    listed = run("key", "list", amina.email, "--json")
    assert [each["id"] for each in listed.json["keys"]] == [made["id"]]
    assert made["key"] not in listed.out
    assert listed.json["keys"][0]["project"] == project.name
    assert project.name in run("key", "list", amina.email).out
    assert listed.json["keys"][0]["created_on"][:10] in run("key", "list", amina.email).out
    assert run("key", "revoke", amina.email, str(made["id"]), "--json").json["revoked_on"]
    session.rollback()
    assert check_key(session, amina.email, made["key"]) is None
    assert "revoked" in run("key", "list", amina.email).out
    assert run("key", "revoke", web_user().email, str(made["id"])).code == 1


def test_a_key_for_a_project_of_others_is_refused(run: Command, session: Session, project: Project):
    stranger = web_user()
    ran = run("key", "create", stranger.email, "--project", project.name)
    assert ran.code == 1
    assert "no member" in ran.err
    assert get_web_user(session, stranger.email).active


def test_a_key_that_would_open_nothing_is_refused(run: Command, project: Project):
    viewer = web_user(project, "viewer")
    ran = run("key", "create", viewer.email, "--project", project.name)
    assert (ran.code, ran.out) == (1, "")
    assert "viewer" in ran.err and "API access" in ran.err


@pytest.mark.parametrize(
    "command",
    ["project", "project create", "project list", "project show", "project set", "webuser",
     "webuser create", "webuser set", "webuser list", "worker", "worker create", "worker list",
     "worker set", "worker show", "key", "key create", "key list", "key revoke"],
)  # fmt: skip
def test_each_command_has_help(run: Command, command: str):
    ran = run(*command.split(), "--help")
    assert ran.code == 0
    assert "Usage:" in ran.out


def test_counts_are_of_the_project(run: Command, session: Session, project: Project):
    mobile_worker(project)
    web_user(project)
    shown = run("project", "show", project.name, "--json").json
    assert (shown["members"], shown["mobile_workers"]) == (1, 1)


def test_workers_are_listed_by_name(run: Command, session: Session, project: Project):
    mobile_worker(project, "zainab")
    amina = mobile_worker(project, "amina")
    run("worker", "set", "zainab", "--project", project.name, "--inactive")
    listed = run("worker", "list", "--project", project.name, "--json").json["workers"]
    assert [(one["username"], one["active"]) for one in listed] == [
        ("amina", True),
        ("zainab", False),
    ]
    first, second = run("worker", "list", "--project", project.name).out.splitlines()
    assert first == f"amina  active  {amina.user_id}"
    assert second.startswith("zainab  inactive")
