"""The tick lets PostgreSQL count the tables that have grown."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.forms import open_case
from webapp.jobs import statistics
from webapp.jobs.tick import tick
from webapp.projects.models import Project

COUNTED = text("SELECT reltuples FROM pg_class WHERE oid = to_regclass('submission')")
FORGET = text("UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid = 'submission'::regclass")


def test_a_table_that_has_grown_is_counted(
    session: Session, project: Project, redis: object, monkeypatch: pytest.MonkeyPatch
):
    if session.get_bind().dialect.name != "postgresql":
        return
    open_case(session, project.id, "a")
    session.execute(FORGET)
    session.commit()
    monkeypatch.setattr(statistics, "SMALL", 1_000_000)
    tick()
    assert session.scalar(COUNTED) == -1, "it is too small to be worth it"
    monkeypatch.setattr(statistics, "SMALL", 0)
    tick()
    session.rollback()
    assert session.scalar(COUNTED) > 0
