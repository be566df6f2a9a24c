"""The audit log can only be appended to, and holds what its tags allow (SPEC X3)."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.factories import actor
from webapp.audit.actor import Actor
from webapp.audit.models import AuditEvent
from webapp.audit.record import events_about, record
from webapp.audit.tags import KEYS, Tag
from webapp.database import write_transaction
from webapp.projects.models import Project


def test_every_tag_follows_the_grammar_and_has_its_keys():
    assert set(KEYS) == set(Tag)
    assert all(re.fullmatch(r"[a-z_]+\.[a-z]+", tag) for tag in Tag)
    assert not any("password" in key for tag, keys in KEYS.items() for key in keys
                   if tag is not Tag.WORKER_SET)  # fmt: skip


def test_an_event_says_who_when_from_where_and_what(session: Session, project: Project):
    with write_transaction():
        record(
            session,
            project_id=project.id,
            tag=Tag.SUBMISSION_ARCHIVE,
            subject="submission:7",
            by=Actor("u1", "amina@example.org", "10.0.0.1"),
            reason="sent twice",
            before={"cases": 1},
        )
        record(
            session,
            project_id=project.id,
            tag=Tag.SUBMISSION_RESTORE,
            subject="submission:7",
            by=Actor.system("job 12"),
        )
    newest, oldest = session.scalars(events_about(project.id, "submission:7")).all()
    assert (newest.tag, newest.actor, newest.source) == ("submission.restore", "system", "job 12")
    assert (oldest.actor_id, oldest.actor, oldest.source) == ("u1", "amina@example.org", "10.0.0.1")
    assert (oldest.reason, oldest.before, oldest.after) == ("sent twice", {"cases": 1}, None)
    assert 0 < oldest.at <= newest.at


def test_a_key_that_a_tag_does_not_have_is_an_error(session: Session, project: Project):
    with (
        pytest.raises(ValueError, match=re.escape("project.set has no colour")),
        write_transaction(),
    ):
        record(
            session,
            project_id=project.id,
            tag=Tag.PROJECT_SET,
            subject=f"project:{project.name}",
            by=actor(),
            after={"colour": "blue"},
        )


@pytest.mark.parametrize("way", ["update", "delete", "sql"])
def test_nothing_in_the_log_is_changed_or_removed(session: Session, project: Project, way: str):
    statement = {
        "update": update(AuditEvent).values(actor="somebody else"),
        "delete": delete(AuditEvent),
        "sql": text("DELETE FROM audit_event"),
    }[way]
    with pytest.raises(DBAPIError, match="append"), write_transaction():
        session.execute(statement)
    assert session.scalars(events_about(project.id, f"project:{project.name}")).one()
