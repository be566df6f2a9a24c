"""Making and changing people; each leaves its event (SPEC X3)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import PASSWORD, actor, mobile_worker, unique, web_user
from tests.people.told import told
from webapp.audit.models import AuditEvent
from webapp.database import write_transaction
from webapp.errors import Invalid, InvalidEntry, NotFound
from webapp.people import operations
from webapp.people.accounts import member_of, memberships_of
from webapp.people.keys import create_key, revoke_key
from webapp.projects.models import Project
from webapp.projects.rights import Right


@pytest.mark.parametrize(
    "email", ["amina", "a@b", "a b@example.org", "a:b@example.org", "", "@example.org", "a@b\0.org",
              "a@" + "x" * 300 + ".org", "a@exa mple.org", "ä\n@example.org"],
)  # fmt: skip
def test_what_is_no_address_makes_no_web_user(session: Session, email: str):
    with pytest.raises(Invalid, match="no e-mail address"), write_transaction():
        operations.create_web_user(session, email, PASSWORD, by=actor())


def test_there_is_one_web_user_of_an_address_whatever_its_case(session: Session):
    amina = web_user()
    with pytest.raises(Invalid, match="already"), write_transaction():
        operations.create_web_user(session, amina.email.upper(), PASSWORD, by=actor())
    assert operations.get_web_user(session, f" {amina.email.upper()}") is amina


@pytest.mark.parametrize("username", ["", "a b", "a@b", ".a", "a.", "x" * 81, "a/b", "a\0", "é"])
def test_odd_usernames_make_no_worker(session: Session, project: Project, username: str):
    with pytest.raises(Invalid, match="username"), write_transaction():
        operations.create_worker(session, project, username, PASSWORD, by=actor())


def test_a_worker_is_known_with_and_without_domain(session: Session, project: Project):
    with write_transaction():
        amina = operations.create_worker(
            session, project, f"Amina@{project.name}.commcarehq.org", PASSWORD, by=actor()
        )
    assert amina.username == "amina"
    for typed in ("amina", "AMINA", f"amina@{project.name}.commcarehq.org"):
        assert operations.get_worker(session, project, typed) is amina
    with pytest.raises(Invalid, match="already"), write_transaction():
        operations.create_worker(session, project, "AMINA", PASSWORD, by=actor())
    with pytest.raises(NotFound):
        operations.get_worker(session, project, "biko")


def test_each_change_of_a_worker_is_told_and_no_password(session: Session, project: Project):
    worker = mobile_worker(project)
    with write_transaction():
        assert operations.set_worker(session, worker, active=False, by=actor())
        assert not operations.set_worker(session, worker, active=False, by=actor())
        assert operations.set_worker(session, worker, password="a new secret", by=actor())
    assert told(session, project, f"worker:{worker.username}") == [
        ("worker.create", None, {"username": worker.username}),
        ("worker.set", {"active": True}, {"active": False}),
        ("worker.set", None, {"password": "changed"}),
    ]


def test_a_worker_has_names_and_what_the_phone_is_told(session: Session, project: Project):
    with write_transaction():
        amina = operations.create_worker(
            session, project, "amina", PASSWORD, first_name=" Amina ", by=actor()
        )
        assert amina.full_name == "Amina"
        assert operations.set_worker(
            session, amina, last_name="Otieno  Were", user_data={"role": "a\nb & c"}, by=actor()
        )
        assert not operations.set_worker(session, amina, user_data={"role": "a\nb & c"}, by=actor())
    session.expire_all()
    assert (amina.full_name, amina.user_data) == ("Amina Otieno Were", {"role": "a\nb & c"})
    assert told(session, project, "worker:amina") == [
        ("worker.create", None, {"username": "amina", "first_name": "Amina"}),
        ("worker.set", {"last_name": "", "user_data": {}},
         {"last_name": "Otieno Were", "user_data": {"role": "a\nb & c"}}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("first_name", {"first_name": "a\0"}),
        ("first_name", {"first_name": "\ud800"}),
        ("last_name", {"last_name": "x" * 101}),
        ("user_data", {"user_data": {"a b": "1"}}),
        ("user_data", {"user_data": {"": "1"}}),
        ("user_data", {"user_data": {"xmlns": "1"}}),
        ("user_data", {"user_data": {"commcare_project": "another"}}),
        ("user_data", {"user_data": {"role": "\x0b"}}),
        ("user_data", {"user_data": {"role": "\ufffe"}}),
        ("user_data", {"user_data": {"role": "x" * 2001}}),
        ("user_data", {"user_data": {f"n{number}": "" for number in range(101)}}),
    ],
)
def test_what_xml_cannot_carry_is_not_said_of_a_worker(
    session: Session, project: Project, field: str, said: dict[str, Any]
):
    worker = mobile_worker(project)
    with pytest.raises(InvalidEntry) as raised, write_transaction():
        operations.set_worker(session, worker, **said, by=actor())
    assert raised.value.field == field


def test_web_users_and_members_are_told(session: Session, project: Project):
    amina = web_user(project, "editor")
    with write_transaction():
        operations.set_web_user_password(session, amina, "a new secret", by=actor())
        operations.set_web_user_active(session, amina, False, by=actor())
        operations.set_web_user_active(session, amina, False, by=actor())
    subject = f"web_user:{amina.email}"
    assert told(session, project, subject) == [("member.add", None, {"role": "editor"})]
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.subject == subject, AuditEvent.project_id.is_(None))
        .order_by(AuditEvent.id)
    ).all()
    assert [(event.tag, event.after) for event in events] == [
        ("web_user.create", {"email": amina.email}),
        ("web_user.password", None),
        ("web_user.set", {"active": False}),
    ]
    assert not any("secret" in str((event.before, event.after)) for event in events)


def test_a_member_has_one_role_that_there_is(session: Session, project: Project):
    amina = web_user(project, "viewer")
    with pytest.raises(Invalid, match="already"), write_transaction():
        operations.add_member(session, project, amina, "admin", by=actor())
    biko = web_user()
    with pytest.raises(NotFound, match="admin, editor, viewer"), write_transaction():
        operations.add_member(session, project, biko, "owner", by=actor())
    member = member_of(session, amina.id, project.name)
    assert member is not None
    assert (member.role, member.rights) == ("viewer", frozenset({Right.VIEW}))
    assert [each.project.name for each in memberships_of(session, amina.id)] == [project.name]
    assert member_of(session, amina.id, unique("other")) is None


def test_a_key_is_told_by_its_first_characters_only(session: Session, project: Project):
    amina = web_user(project)
    with write_transaction():
        key, row = create_key(session, amina, project=project, read_only=True, by=actor())
        revoke_key(session, row, by=actor())
        revoke_key(session, row, by=actor())
    made, revoked = told(session, project, f"web_user:{amina.email}")[-2:]
    after = {"hint": key[:4], "read_only": True, "project": project.name}
    assert made == ("api_key.create", None, after)
    assert revoked == ("api_key.revoke", {"hint": key[:4]}, None)
    assert key not in str(made)
